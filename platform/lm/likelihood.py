"""Log-probabilities of responses under a causal model."""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lm.batching import pad


def response_rows(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], pad_id: int, device: torch.device | str
) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts and responses joined: ids, mask and response mask (true at response tokens), each [B, T]."""
    ids, mask = pad([[*p, *r] for p, r in zip(prompts, responses, strict=True)], pad_id, device)
    starts = torch.tensor([len(prompt) for prompt in prompts], device=ids.device)
    of_response = mask & (torch.arange(ids.shape[1], device=ids.device) >= starts[:, None])
    return ids, mask, of_response


def token_logps(model: nn.Module, ids: Tensor, mask: Tensor, wanted: Tensor) -> Tensor:
    """log pi(token | what stands before it) at `wanted` [B, T] (bool), zero elsewhere; [B, T] in float32 or finer.

    The logit at position t - 1 scores token t. The language-model head, the largest matrix of a small model, runs only
    at positions where some row wants one.
    """
    asked = wanted[:, 1:]
    columns = asked.any(0).nonzero()[:, 0]
    logits = _logits(model, ids, mask, columns)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    targets = ids[:, columns + 1]
    picked = logits.gather(-1, targets[..., None])[..., 0] - logits.logsumexp(-1)
    spread = torch.zeros(ids.shape, dtype=picked.dtype, device=ids.device)
    return spread.index_copy(1, columns + 1, picked * asked[:, columns])


def sum_logps(model: nn.Module, ids: Tensor, mask: Tensor, wanted: Tensor) -> Tensor:
    """Sum over the wanted tokens, [B]."""
    return token_logps(model, ids, mask, wanted).sum(-1)


def _logits(model: nn.Module, ids: Tensor, mask: Tensor, columns: Tensor) -> Tensor:
    if "logits_to_keep" in inspect.signature(type(model).forward).parameters:
        kept: Tensor = model(input_ids=ids, attention_mask=mask, logits_to_keep=columns, use_cache=False).logits
        return kept
    whole: Tensor = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return whole[:, columns]
