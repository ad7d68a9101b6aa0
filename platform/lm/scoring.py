"""Scores of conversations by a reward model."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.errors import Invalid
from common.words import gettext_noop as _
from lm.batching import by_budget, pad
from lm.chat import Group, Message, encode, response_places, text_of
from lm.heads import of_members, on_scale, reading_of, token_rewards, without_verbosity
from lm.loading import Combined, Loaded
from lm.segments import last_tokens

LONGEST = 1 << 20
Floats = NDArray[np.float64]


def head_outputs(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """What each head says [B, K] of token rows [B, T], padded on either side.

    Padding is moved to the right first: positions then count from each row's own start in every architecture, and the
    head finds the last real token where it looks for it.
    """
    if not bool(mask[:, 0].all()):
        order = mask.int().argsort(dim=-1, descending=True, stable=True)
        ids, mask = ids.gather(-1, order), mask.gather(-1, order)
    logits: Tensor = model(input_ids=ids, attention_mask=mask).logits
    return logits.float()


def token_outputs(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """What a token classifier says [B, T, C] of every token of rows [B, T], padded on the right."""
    logits: Tensor = model(input_ids=ids, attention_mask=mask).logits
    return logits.float()


def rewards(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor | None = None) -> Tensor:
    """Scalar rewards [B] of token rows [B, T], by a model with one head or an ensemble of them; `starts` as below."""
    outputs, reading = outputs_as_read(model, ids, mask, starts), reading_of(model)
    return of_members(outputs, reading) if reading.get("kind") == "ensemble" else outputs[:, 0]


def outputs_as_read(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor | None = None) -> Tensor:
    """What each head says [B, K] of token rows [B, T], off the layer that the model's configuration names.

    `starts` [B], where the responses begin, is for models with such a layer; their rows are padded on the right.
    """
    layer = reading_of(model).get("layer")
    if layer is None:
        return head_outputs(model, ids, mask)
    assert starts is not None
    said: Tensor = output_layer(model)(mean_states(model, ids, mask, starts, layer))
    return said.float()


def mean_states(model: nn.Module, ids: Tensor, mask: Tensor, starts: Tensor, layer: int) -> Tensor:
    """The mean state [B, H] of a layer (0: the embeddings) over the tokens from `starts` [B] on, of rows [B, T] padded
    on the right. Layers in the middle tell more of a text than the last ones, which are made for what the model was
    trained on (Liu et al. 2019, arXiv 1903.08855)."""
    backbone: Any = model.base_model
    states = backbone(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[layer].float()
    ours = mask & (torch.arange(ids.shape[1], device=ids.device) >= starts[:, None])
    weights = ours / ours.sum(1, keepdim=True).clamp(min=1)
    return torch.einsum("bt,bth->bh", weights, states)


def features(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """What goes into the last layer of a model with heads, [B, H], for token rows [B, T] padded on the right."""
    found = _before_last(model, ids, mask)
    if found.ndim == 2:
        return found
    return found[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]


def token_features(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """What goes into the last layer of a token classifier, [B, T, H], for token rows [B, T] padded on the right."""
    return _before_last(model, ids, mask)


def _before_last(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    caught: list[Tensor] = []
    handle = output_layer(model).register_forward_pre_hook(lambda _layer, given: caught.append(given[0]))
    try:
        model(input_ids=ids, attention_mask=mask)
    finally:
        handle.remove()
    return caught[0].float()


def output_layer(model: nn.Module) -> nn.Linear:
    """The layer whose rows are the heads."""
    config: Any = model.config
    return [one for one in model.modules() if isinstance(one, nn.Linear) and one.out_features == config.num_labels][-1]


Conversation = tuple[Sequence[Message], Sequence[Message]]
"""A prompt and a response, as messages."""


@torch.inference_mode()
def score(
    loaded: Loaded,
    conversations: Sequence[Conversation],
    *,
    max_length: int = 1024,
    token_budget: int = 8192,
) -> list[float]:
    """The reward of each (prompt, response), in the order given. Raises Invalid where one is no number."""
    return numbers(raw_scores(loaded, conversations, max_length=max_length, token_budget=token_budget))


def numbers(rewards: list[float]) -> list[float]:
    """Those very rewards. Raises Invalid where one is no number, or infinite."""
    if not all(map(math.isfinite, rewards)):
        raise Invalid(_("The reward model gives a reward that is no number: its weights are damaged, or too large."))
    return rewards


@torch.inference_mode()
def raw_scores(
    loaded: Loaded,
    conversations: Sequence[Conversation],
    *,
    max_length: int = 1024,
    token_budget: int = 8192,
) -> list[float]:
    """As `score`, whatever they are."""
    if loaded.combined is not None:
        return _combined_scores(loaded.combined, conversations, max_length, token_budget)
    return _in_batches(loaded, conversations, max_length, token_budget, _values)


@torch.inference_mode()
def member_scores(
    loaded: Loaded,
    conversations: Sequence[Conversation],
    *,
    max_length: int = 1024,
    token_budget: int = 8192,
) -> list[list[float]]:
    """What each member of an ensemble says of each conversation, on the scale on which they are mixed."""
    found: list[list[float]] = _in_batches(loaded, conversations, max_length, token_budget, _said_by_members)
    return found


def _in_batches(
    loaded: Loaded,
    conversations: Sequence[Conversation],
    max_length: int,
    token_budget: int,
    read: Callable[[Loaded, Sequence[Group], Sequence[Conversation]], Tensor],
) -> list[Any]:
    """What `read` gives for some conversations at a time, [B, …], in the order in which they were asked."""
    groups = [_encoded(loaded, one, max_length) for one in conversations]
    found: list[Any] = [None] * len(groups)
    for batch in by_budget([len(one.prompt) + len(one.responses[0]) for one in groups], token_budget):
        values = read(loaded, [groups[index] for index in batch], [conversations[index] for index in batch])
        for index, value in zip(batch, values.tolist(), strict=True):
            found[index] = value
    return found


@torch.inference_mode()
def rewards_by_token(
    loaded: Loaded, prompt: Sequence[Message], response: Sequence[Message], *, max_length: int = LONGEST
) -> list[float]:
    """The reward of each token of a response by a model of spans; of any other, its one reward at the last token.

    Of an expression, by the tokens of its first part, and their sum is its score. Tokens that `max_length` cuts off
    have no place in it.
    """
    if loaded.combined is not None:
        return _combined_by_token(loaded, loaded.combined, (prompt, response), max_length)
    group = _encoded(loaded, (prompt, response), max_length)
    if reading_of(loaded.model).get("kind") == "spans":
        found, standing = _by_token(loaded, [group], [(prompt, response)])
        return [float(value) for value in (found * standing)[0, len(group.prompt) :]]
    value = _values(loaded, [group], [(prompt, response)])
    return [0.0] * (len(group.responses[0]) - 1) + [float(value[0])]


def _encoded(loaded: Loaded, conversation: Conversation, max_length: int) -> Group:
    prompt, response = conversation
    return encode(loaded.tokenizer, prompt, [response], max_length)


def _values(loaded: Loaded, groups: Sequence[Group], asked: Sequence[Conversation]) -> Tensor:
    """One reward for the first response of each group, [B]."""
    reading = reading_of(loaded.model)
    kind = reading.get("kind", "scalar")
    if kind == "spans":
        found, standing = _by_token(loaded, groups, asked)
        totals = (found * standing).sum(1)
        return totals if reading.get("segments") else totals / standing.sum(1).clamp(min=1)
    ids, mask = _padded(loaded, [[*one.prompt, *one.responses[0]] for one in groups])
    starts = torch.tensor([len(one.prompt) for one in groups], device=loaded.device)
    if kind == "aspects":
        shares = torch.tensor(reading["shares"], device=loaded.device)
        outputs = head_outputs(loaded.model, ids, mask)
        if reading["verbosity"] is not None:
            outputs = without_verbosity(outputs, shares, reading["verbosity"])
        if loaded.gate is None:
            return outputs.mean(-1)
        prompts: Tensor = features(loaded.model, *_padded(loaded, [one.prompt for one in groups]))
        found_reward: Tensor = loaded.gate(prompts, outputs)
        return found_reward
    return rewards(loaded.model, ids, mask, starts)


def _said_by_members(loaded: Loaded, groups: Sequence[Group], asked: Sequence[Conversation]) -> Tensor:
    """What each member of an ensemble says of the first response of each group, on its scale, [B, K]."""
    ids, mask = _padded(loaded, [[*one.prompt, *one.responses[0]] for one in groups])
    starts = torch.tensor([len(one.prompt) for one in groups], device=loaded.device)
    return on_scale(outputs_as_read(loaded.model, ids, mask, starts), reading_of(loaded.model))


def _by_token(loaded: Loaded, groups: Sequence[Group], asked: Sequence[Conversation]) -> tuple[Tensor, Tensor]:
    """The reward of each token, [B, T], and where rewards stand: at all tokens of the response, or at the last one of
    each of its segments."""
    reading = reading_of(loaded.model)
    worth = torch.tensor(reading["rewards"], device=loaded.device)
    ids, mask = _padded(loaded, [[*one.prompt, *one.responses[0]] for one in groups])
    standing = torch.zeros(ids.shape, dtype=torch.bool)
    for row, (group, (prompt, response)) in enumerate(zip(groups, asked, strict=True)):
        start, count = len(group.prompt), len(group.responses[0])
        places = list(range(count))
        if reading.get("segments"):
            stand = response_places(loaded.tokenizer, prompt, response)[:count]
            places = last_tokens(text_of(response[-1]), stand, reading["segments"])
        standing[row, [start + place for place in places]] = True
    return token_rewards(token_outputs(loaded.model, ids, mask), worth), standing.to(loaded.device)


def _combined_scores(
    combined: Combined, asked: Sequence[Conversation], max_length: int, token_budget: int
) -> list[float]:
    parts = {
        name: np.array(raw_scores(part, asked, max_length=max_length, token_budget=token_budget), dtype=float)[:, None]
        for name, part in combined.parts.items()
    }
    words = np.array([_words(response) for _prompt, response in asked])
    return [float(value) for value in combined.expression.rewards(parts, words, combined.scale)[:, 0]]


def _combined_by_token(loaded: Loaded, combined: Combined, asked: Conversation, max_length: int) -> list[float]:
    """Rewards of the parts, each where it stands in the text, on the tokens of the first part."""
    count = len(_encoded(loaded, asked, max_length).responses[0])
    parts = {}
    for name, part in combined.parts.items():
        own = np.array(rewards_by_token(part, *asked, max_length=max_length))
        if part.combined is None and reading_of(part.model).get("kind") == "spans":
            own = own if reading_of(part.model).get("segments") else own / max(1, len(own))
        parts[name] = _moved(own, part, loaded, asked, count)[None]
    words = np.array([_words(asked[1])])
    return [float(value) for value in combined.expression.rewards(parts, words, combined.scale)[0]]


def _moved(values: Floats, own: Loaded, other: Loaded, asked: Conversation, count: int) -> Floats:
    """`values` [T] by the tokens of `own` as values [count] by the tokens of `other`: each at the token that holds the
    end of its text; what is no part of the text at the last."""
    if own is other:
        return values
    found = np.zeros(count)
    if np.count_nonzero(values[:-1]) == 0:
        found[-1] = values.sum()
        return found
    theirs = response_places(other.tokenizer, *asked)[:count]
    for value, (start, end) in zip(values, response_places(own.tokenizer, *asked), strict=False):
        holding = (place for place, (low, high) in enumerate(theirs) if start < end and low <= end - 1 < high)
        found[next(holding, count - 1)] += value
    return found


def _words(response: Sequence[Message]) -> float:
    return float(len(text_of(response[-1]).split()))


def _padded(loaded: Loaded, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    return pad(rows, loaded.model.config.pad_token_id, loaded.device)
