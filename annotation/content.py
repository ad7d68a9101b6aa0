"""Chat messages as texts to read, and all that an answer to an item may speak of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from annotation.protocols import LETTERS, Content, Shape, Shown
from corpus.models import Prompt, Response

EXCERPT = 120


ROLES = {
    "system": gettext_lazy("System prompt"),
    "developer": gettext_lazy("Developer"),
    "user": gettext_lazy("User"),
    "assistant": gettext_lazy("Assistant"),
    "tool": gettext_lazy("Tool"),
}


@dataclass(frozen=True)
class MessageText:
    role: str
    text: str

    @property
    def title(self) -> str:
        """What the role is called on a page."""
        return str(ROLES.get(self.role, self.role))

    @property
    def instructs(self) -> bool:
        """Whether it tells the model how to behave, rather than being said in the conversation."""
        return self.role in {"system", "developer"}


def _parts(parts: list[Any]) -> str:
    """Typed parts as one text. What is no text is named, in the same words for everybody: offsets count them."""
    texts = [part.get("text") if isinstance(part, dict) else str(part) for part in parts]
    if all(isinstance(text, str) for text in texts):
        return "".join(map(str, texts))
    pairs = zip(texts, parts, strict=True)
    return "\n".join(text if isinstance(text, str) else f"[{part.get('type', 'part')}]" for text, part in pairs)


def _call(call: object) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return "[tool call]"
    return f"[tool call] {function.get('name', '')}({function.get('arguments', '')})"


def text_of(message: dict[str, Any]) -> str:
    """The text of one message: its content, or the parts of it, whole and as stored, and the tools that it calls."""
    content, calls = message.get("content"), message.get("tool_calls")
    text = _parts(content) if isinstance(content, list) else content if isinstance(content, str) else ""
    called = [_call(call) for call in calls] if isinstance(calls, list) else []
    return "\n\n".join([text, *called] if text else called)


def conversation(messages: Iterable[dict[str, Any]]) -> tuple[MessageText, ...]:
    return tuple(MessageText(str(message.get("role", "")), text_of(message)) for message in messages)


def excerpt(messages: Iterable[dict[str, Any]]) -> str:
    """The beginning of what was said last, on one line of at most EXCERPT characters."""
    texts = conversation(messages)
    text = " ".join(texts[-1].text.split()) if texts else ""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def response_text(messages: list[dict[str, Any]]) -> str:
    """A response as one text; the roles stand before its messages where there are several."""
    if len(messages) == 1:
        return text_of(messages[0])
    return "\n\n".join(f"{message.get('role', '')}: {text_of(message)}" for message in messages)


def steps_of(response: Response) -> tuple[str, ...]:
    """The steps that a response came with, as texts; none where it came whole."""
    recorded = response.meta.get("steps") or ()
    return tuple(str(step.get("text", "")) if isinstance(step, dict) else str(step) for step in recorded)


def content_of(prompt: Prompt, responses: Sequence[Response], shown: Sequence[int]) -> Content:
    """`responses` in item order; `shown`: their ids as displayed."""
    # More responses than letters: such an item is withdrawn from the start, nobody speaks of the rest.
    places = {pk: place for place, pk in enumerate(shown[: len(LETTERS)])}
    found = (
        Shown(one.pk, LETTERS[places[one.pk]], response_text(one.messages), steps_of(one))
        for one in responses
        if one.pk in places
    )
    passages = tuple(str(passage.get("text", "")) for passage in prompt.context)
    return Content(tuple(found), passages, tuple(message.text for message in conversation(prompt.messages)))


def shape_of(prompt: Prompt, responses: Sequence[Response]) -> Shape:
    return Shape(len(responses), any(map(steps_of, responses)), len(prompt.context))
