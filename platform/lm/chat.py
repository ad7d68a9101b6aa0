"""Conversations as tokens, the same way for training, scoring and sampling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.errors import Invalid
from common.words import gettext_noop as _

Message = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """A prompt and its responses as token ids. Every response ends with the end token unless it was cut."""

    prompt: list[int]
    responses: list[list[int]]


def text_of(message: Message) -> str:
    """The text of a message whose content is a string or typed parts. Raises Invalid for a part that is not text."""
    content = message["content"]
    if isinstance(content, str):
        return content
    for part in content:
        if part.get("type") != "text":
            raise Invalid(_("These models read text only, not %(type)s.") % {"type": repr(part.get("type"))})
    return "".join(part["text"] for part in content)


def check(messages: Sequence[Message]) -> None:
    """Raises Invalid unless `messages` are at least one turn with a role and text."""
    if not messages:
        raise Invalid(_("There is no message."))
    for message in messages:
        if not isinstance(message.get("role"), str):
            raise Invalid(_("A message has no role."))
        text_of(message)


def encode(
    tokenizer: PreTrainedTokenizerBase,
    prompt: Sequence[Message],
    responses: Sequence[Sequence[Message]],
    max_length: int | None,
) -> Group:
    """Token ids of a prompt and its responses, at most `max_length` together for the longest response.

    Nor more than the tokenizer says that its model reads; None is all of them, whatever the model reads.

    Prompt and response are tokenised apart and joined as ids, so no token straddles the boundary and all responses of
    a group share the very same prompt. Too long: the prompt loses its beginning, down to half of the room, then the
    responses lose their end. Raises Invalid where the chat template refuses the turns, as some do a system's.
    """
    head = _prompt_text(tokenizer, prompt)
    prompt_ids = _ids(tokenizer, head)
    response_ids = [_response_ids(tokenizer, prompt, head, response) for response in responses]
    if max_length is None:
        return Group(prompt_ids, response_ids)
    max_length = min(max_length, tokenizer.model_max_length)
    longest = max((len(ids) for ids in response_ids), default=0)
    room = max(max_length - longest, max_length // 2)
    prompt_ids = shortened(tokenizer, prompt_ids, room)
    return Group(prompt_ids, [ids[: max_length - len(prompt_ids)] for ids in response_ids])


def shortened(tokenizer: PreTrainedTokenizerBase, prompt_ids: list[int], room: int) -> list[int]:
    """The last tokens of a prompt, at most `room` >= 1, behind the token that begins every text, if it has one.

    Encoders read their head off that token, and decoders were never trained without theirs.
    """
    if len(prompt_ids) <= room:
        return prompt_ids
    if room > 1 and prompt_ids[0] in {tokenizer.bos_token_id, tokenizer.cls_token_id}:
        return [prompt_ids[0], *prompt_ids[1 - room :]]
    return prompt_ids[-room:]


def response_places(
    tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message], response: Sequence[Message]
) -> list[tuple[int, int]]:
    """Where each token of a response (as `encode` makes them) stands in the text of its last message.

    Code points, end exclusive; (0, 0) for a token that is none of it. Raises Invalid for a tokenizer that cannot tell.
    """
    if not tokenizer.is_fast:
        raise Invalid(_("This tokenizer cannot tell where its tokens stand in the text."))
    tail = _response_text(tokenizer, prompt, _prompt_text(tokenizer, prompt), response)
    raw = text_of(response[-1])
    guarded = _guarded(tokenizer, raw)
    first = _start(tail, guarded)
    before = [0]  # for each code point of the guarded text, how many of the raw one stand before it
    for char in guarded:
        at = before[-1]
        before.append(at + (at < len(raw) and raw[at] == char))
    kept = len(_ended(tokenizer, _ids(tokenizer, tail)))
    offsets = tokenizer(tail, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    places = []
    for start, end in offsets[:kept]:
        inside = first <= start < end <= first + len(guarded)
        places.append((before[start - first], before[end - first]) if inside else (0, 0))
    return [*places, *[(0, 0)] * (kept - len(places))]  # the end token, where it was added


def _start(tail: str, guarded: str) -> int:
    """Where a response's text begins in what was made of it; where it would, if a template strips its white space.

    Raises Invalid for a template that changes more than that.
    """
    if (found := tail.rfind(guarded)) >= 0:
        return found
    bare = guarded.strip()
    if not bare or (found := tail.rfind(bare)) < 0:
        raise Invalid(_("This chat template rewrites responses: nothing tells where their tokens stand in the text."))
    return found - guarded.index(bare)


def _response_ids(
    tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message], head: str, response: Sequence[Message]
) -> list[int]:
    return _ended(tokenizer, _ids(tokenizer, _response_text(tokenizer, prompt, head, response)))


def _ended(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> list[int]:
    """`ids` up to the end token, which is added where there is none."""
    end = _end_id(tokenizer)
    if end in ids:
        return ids[: ids.index(end) + 1]
    return ids if end is None else [*ids, end]


def _response_text(
    tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message], head: str, response: Sequence[Message]
) -> str:
    if tokenizer.chat_template:
        whole = _templated(tokenizer, [*prompt, *response], ask=False)
        # A few templates rewrite earlier turns; then the bare text is the only part known to be the response's.
        return whole[len(head) :] if whole.startswith(head) else _guarded(tokenizer, text_of(response[-1]))
    return "\n\n".join(_guarded(tokenizer, text_of(message)) for message in response)


def _prompt_text(tokenizer: PreTrainedTokenizerBase, prompt: Sequence[Message]) -> str:
    if tokenizer.chat_template:
        return _templated(tokenizer, prompt, ask=True)
    lead = tokenizer.bos_token or tokenizer.cls_token or ""
    turns = "\n\n".join(f"{message['role']}: {_guarded(tokenizer, text_of(message))}" for message in prompt)
    if tokenizer.sep_token and not tokenizer.eos_token:
        return f"{lead}{turns}{tokenizer.sep_token}"
    return f"{lead}{turns}\n\nassistant: "


def _templated(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, ask: bool) -> str:
    plain = [{"role": message["role"], "content": _guarded(tokenizer, text_of(message))} for message in messages]
    try:
        return str(tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=ask))
    except TemplateError as fault:
        said = _("The chat template of this model refuses a conversation: %(fault)s")
        raise Invalid(said % {"fault": str(fault)[:200]}) from fault


def _guarded(tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    """`text` with special tokens spelt apart: what a person typed must not end a turn or start another role's."""
    for token in {*tokenizer.all_special_tokens, *_added_special_tokens(tokenizer, len(tokenizer))}:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


@lru_cache(maxsize=16)
def _added_special_tokens(tokenizer: PreTrainedTokenizerBase, size: int) -> frozenset[str]:
    """Special tokens that have no name of their own, as Llama 3's for roles: they are found in texts all the same.

    Asking takes a millisecond, which is long for each message; `size`: of the vocabulary, which tells that some came.
    """
    return frozenset(one.content for one in tokenizer.added_tokens_decoder.values() if one.special)


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _end_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    end: int | None = tokenizer.eos_token_id
    return tokenizer.sep_token_id if end is None else end
