"""Scores of conversations by a reward model."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lm.batching import by_budget, pad
from lm.chat import Group, Message, encode
from lm.heads import of_members, reading_of, token_rewards, without_verbosity
from lm.loading import Loaded


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


def rewards(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Scalar rewards [B] of token rows [B, T], by a model with one head or an ensemble of them."""
    outputs, reading = head_outputs(model, ids, mask), reading_of(model)
    return of_members(outputs, reading) if reading else outputs[:, 0]


def features(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """What goes into the last layer of a model with heads, [B, H], for token rows [B, T] padded on the right."""
    caught: list[Tensor] = []
    handle = output_layer(model).register_forward_pre_hook(lambda _layer, given: caught.append(given[0]))
    try:
        model(input_ids=ids, attention_mask=mask)
    finally:
        handle.remove()
    found = caught[0].float()
    if found.ndim == 2:
        return found
    return found[torch.arange(len(ids), device=ids.device), mask.sum(1) - 1]


def output_layer(model: nn.Module) -> nn.Linear:
    """The layer whose rows are the heads."""
    config: Any = model.config
    return [one for one in model.modules() if isinstance(one, nn.Linear) and one.out_features == config.num_labels][-1]


@torch.inference_mode()
def score(
    loaded: Loaded,
    conversations: Sequence[tuple[Sequence[Message], Sequence[Message]]],
    *,
    max_length: int = 1024,
    token_budget: int = 8192,
) -> list[float]:
    """The reward of each (prompt, response), in the order given."""
    groups = [encode(loaded.tokenizer, prompt, [response], max_length) for prompt, response in conversations]
    scores = [0.0] * len(groups)
    for batch in by_budget([len(one.prompt) + len(one.responses[0]) for one in groups], token_budget):
        values = _values(loaded, [groups[index] for index in batch]).tolist()
        for index, value in zip(batch, values, strict=True):
            scores[index] = value
    return scores


@torch.inference_mode()
def rewards_by_token(loaded: Loaded, prompt: Sequence[Message], response: Sequence[Message]) -> list[float]:
    """The reward of each token of a response by a model of spans; of any other, its one reward at the last token."""
    group = encode(loaded.tokenizer, prompt, [response], 1 << 20)
    if reading_of(loaded.model).get("kind") == "spans":
        return [float(value) for value in _by_token(loaded, [group])[0, len(group.prompt) :]]
    return [0.0] * (len(group.responses[0]) - 1) + [float(_values(loaded, [group])[0])]


def _values(loaded: Loaded, groups: Sequence[Group]) -> Tensor:
    """One reward for the first response of each group, [B]."""
    reading = reading_of(loaded.model)
    kind = reading.get("kind", "scalar")
    if kind == "spans":
        starts = torch.tensor([len(one.prompt) for one in groups], device=loaded.device)
        ends = torch.tensor([len(one.prompt) + len(one.responses[0]) for one in groups], device=loaded.device)
        found = _by_token(loaded, groups)
        places = torch.arange(found.shape[1], device=loaded.device)
        ours = (places >= starts[:, None]) & (places < ends[:, None])
        return (found * ours).sum(1) / ours.sum(1).clamp(min=1)
    ids, mask = _padded(loaded, [[*one.prompt, *one.responses[0]] for one in groups])
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
    return rewards(loaded.model, ids, mask)


def _by_token(loaded: Loaded, groups: Sequence[Group]) -> Tensor:
    worth = torch.tensor(reading_of(loaded.model)["rewards"], device=loaded.device)
    ids, mask = _padded(loaded, [[*one.prompt, *one.responses[0]] for one in groups])
    return token_rewards(token_outputs(loaded.model, ids, mask), worth)


def _padded(loaded: Loaded, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    return pad(rows, loaded.model.config.pad_token_id, loaded.device)
