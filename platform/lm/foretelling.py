"""The language-model head, the largest matrix of a small model: log-probabilities of given tokens, and of no others."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

KEPT = 1 << 27
"""Numbers that the head may leave in memory for its gradient; what is beyond is computed again when it is wanted."""
BLOCK = {"cpu": 1 << 23, "cuda": 1 << 27}
"""Numbers of one block of logits: on a processor what its cache holds, on a GPU what keeps it busy."""


def target_logps(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    """log p(target) [T], in float32 or finer, by a language-model head on the states [T, H] before each target.

    Never the whole of a long row's logits at once. A head that is more than a matrix (an adapter on it, a quantised or
    a sharded one) is asked itself, in pieces that are made again for the gradient where they are many.
    """
    if type(head) is not nn.Linear or type(head.weight) is not nn.Parameter or head._forward_hooks:
        return _asked(head, hidden, targets)
    given = [hidden, head.weight, head.bias]
    if torch.is_autocast_enabled(hidden.device.type):
        dtype = torch.get_autocast_dtype(hidden.device.type)
        given = [one if one is None else one.to(dtype) for one in given]
    logps: Tensor = _Foretold.apply(*given, targets, torch.is_grad_enabled())  # type: ignore[no-untyped-call]
    return logps


def _asked(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    def logps(states: Tensor, wanted: Tensor) -> Tensor:
        logits: Tensor = head(states)
        return logits.log_softmax(-1, dtype=_exact(logits.dtype)).gather(-1, wanted[:, None])[:, 0]

    width = max(1, KEPT // int(getattr(head, "out_features", 1 << 17)))
    if len(targets) <= width:
        return logps(hidden, targets)
    pieces = zip(torch.split(hidden, width), torch.split(targets, width), strict=True)
    return torch.cat([checkpoint(logps, *piece, use_reentrant=False) for piece in pieces])


class _Foretold(torch.autograd.Function):
    """log softmax(H W' + b) at the targets, block by block of rows.

    d logp / d logits = onehot(target) - p. A head that learns nothing needs p for the states' gradient alone, which is
    made at once, but for each row's factor; else the logits are kept, up to `KEPT` numbers of them.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, learning: bool
    ) -> Tensor:
        ctx.learns = learning and (weight.requires_grad or (bias is not None and bias.requires_grad))
        leads = learning and not ctx.learns and hidden.requires_grad
        logps = torch.empty(len(targets), dtype=_exact(hidden.dtype), device=hidden.device)
        slopes = torch.empty_like(hidden) if leads else None
        ctx.kept = []
        room = KEPT // len(weight)
        for rows in _blocks(hidden, weight):
            logits = torch.nn.functional.linear(hidden[rows], weight, bias)
            log_p = logits.log_softmax(-1, dtype=logps.dtype)
            logps[rows] = log_p.gather(-1, targets[rows, None])[:, 0]
            if slopes is not None:
                slopes[rows] = weight[targets[rows]] - log_p.exp().to(weight.dtype) @ weight
            if ctx.learns and rows.stop <= room:
                ctx.kept.append(log_p if log_p.dtype == logits.dtype else logits)  # half the memory of halves
        ctx.save_for_backward(hidden, weight, bias, targets, slopes)
        return logps

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        hidden, weight, bias, targets, slopes = ctx.saved_tensors
        if slopes is not None:
            return (slope[:, None] * slopes).to(hidden.dtype), None, None, None, None
        of_hidden, of_weight, of_bias = (
            torch.zeros_like(one, dtype=slope.dtype) if wanted else None
            for one, wanted in zip((hidden, weight, bias), ctx.needs_input_grad[:3], strict=True)
        )
        for place, rows in enumerate(_blocks(hidden, weight)):
            if place < len(ctx.kept) and ctx.kept[place].dtype == slope.dtype:
                p = ctx.kept[place].exp()
            else:
                again = place >= len(ctx.kept)
                logits = torch.nn.functional.linear(hidden[rows], weight, bias) if again else ctx.kept[place]
                p = logits.softmax(-1, dtype=slope.dtype)
            p.mul_(-slope[rows, None]).scatter_add_(-1, targets[rows, None], slope[rows, None])
            of_logits = p.to(weight.dtype)
            if of_hidden is not None:
                of_hidden[rows] = of_logits @ weight
            if of_weight is not None:  # summed over blocks in full precision
                if of_weight.dtype == weight.dtype:
                    of_weight.addmm_(of_logits.t(), hidden[rows])
                else:
                    of_weight += of_logits.t() @ hidden[rows]
            if of_bias is not None:
                of_bias += p.sum(0)
        found = (of_hidden, of_weight, of_bias)
        return *(one if one is None else one.to(hidden.dtype) for one in found), None, None  # type: ignore[return-value]


def _blocks(hidden: Tensor, weight: Tensor) -> list[slice]:
    width = max(1, BLOCK.get(hidden.device.type, BLOCK["cuda"]) // len(weight))
    return [slice(start, min(start + width, len(hidden))) for start in range(0, len(hidden), width)]


def _exact(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
