"""Several processes that train one model: who one is, what all agree on, and whose part of a step is whose.

Each process has a number, its rank, from 0; the first one alone reports, writes and measures. Where there is only one
process, nothing here communicates.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from training_bridge.methods.interface import Cancelled


class PartDone(Cancelled):
    """This process has done its part of the training; the first one goes on alone."""


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def place() -> int:
    """This process's rank."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    return place() == 0


def any_of(asked: bool, device: torch.device | str = "cpu") -> bool:
    """Whether one of the processes says yes; all learn the same answer."""
    return asked if count() == 1 else bool(summed(torch.tensor([float(asked)], device=device)) > 0)


def summed(values: Tensor) -> Tensor:
    """The processes' `values`, of one shape everywhere, added up."""
    if count() == 1:
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total


def shares(sizes: Sequence[int], parts: int) -> list[list[int]]:
    """Indices of `sizes` dealt to so many `parts` of like total size, each in their order; the same everywhere.

    The largest goes first, and each to the part that has the least so far (Graham 1969, longest processing time).
    """
    dealt: list[list[int]] = [[] for _ in range(parts)]
    totals = [0] * parts
    for index in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        least = totals.index(min(totals))
        dealt[least].append(index)
        totals[least] += sizes[index]
    return [sorted(part) for part in dealt]


def whole(value: Tensor) -> Tensor:
    """A tensor that is spread over the processes, as one. All must ask for the same one at the same time."""
    value = value.detach()
    return value.full_tensor() if isinstance(value, DTensor) else value


def spread(value: Any, *, like: Tensor) -> Any:
    """A whole tensor of the shape of `like`, spread over the processes as that is; anything else as it is."""
    if not isinstance(value, Tensor) or not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    # Every process has read the same file: nothing needs to be sent.
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def fill(target: Tensor, value: Tensor) -> None:
    """Writes the whole `value` into `target`, of which this process may hold a part only."""
    target.copy_(spread(value, like=target))


@torch.no_grad()
def gather(source: nn.Module, target: nn.Module | None) -> None:
    """Writes the weights of `source`, which the processes hold in parts, into `target`, which the first one gives."""
    wanted = dict(target.named_parameters()) if target is not None else {}
    for name, value in source.named_parameters():
        full = whole(value)
        if name in wanted:
            wanted[name].copy_(full)


def leave(stopped: bool = False) -> None:
    """Ends the working together. Raises PartDone in every process but the first, and Cancelled where all `stopped`."""
    first = is_first()
    if count() > 1:
        dist.barrier()
        dist.destroy_process_group()
    if stopped:
        raise Cancelled
    if not first:
        raise PartDone
