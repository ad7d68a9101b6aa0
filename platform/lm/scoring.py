"""Scores of conversations by a reward model."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lm.batching import by_budget, pad
from lm.chat import Message, encode
from lm.loading import Loaded


def rewards(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """Scalar rewards [B] of token rows [B, T], padded on either side.

    Padding is moved to the right first: positions then count from each row's own start in every architecture, and the
    head finds the last real token where it looks for it.
    """
    if not bool(mask[:, 0].all()):
        order = mask.int().argsort(dim=-1, descending=True, stable=True)
        ids, mask = ids.gather(-1, order), mask.gather(-1, order)
    logits: Tensor = model(input_ids=ids, attention_mask=mask).logits
    return logits[:, 0].float()


@torch.inference_mode()
def score(
    loaded: Loaded,
    conversations: Sequence[tuple[Sequence[Message], Sequence[Message]]],
    *,
    max_length: int = 1024,
    token_budget: int = 8192,
) -> list[float]:
    """The reward of each (prompt, response), in the order given."""
    rows = []
    for prompt, response in conversations:
        group = encode(loaded.tokenizer, prompt, [response], max_length)
        rows.append([*group.prompt, *group.responses[0]])
    scores = [0.0] * len(rows)
    for batch in by_budget([len(row) for row in rows], token_budget):
        ids, mask = pad([rows[i] for i in batch], loaded.model.config.pad_token_id, loaded.device)
        for index, value in zip(batch, rewards(loaded.model, ids, mask).tolist(), strict=True):
            scores[index] = value
    return scores
