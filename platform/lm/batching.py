"""Rows of tokens as padded tensors, and how many rows fit into one forward pass."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def pad(rows: Sequence[Sequence[int]], pad_id: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Right-padded ids [B, T] (int64) and mask [B, T] (bool, true for real tokens)."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.bool)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = True
    return ids.to(device), mask.to(device)


def by_budget(lengths: Sequence[int], budget: int, rows_each: int = 1) -> Iterator[list[int]]:
    """Indices in batches of like length whose padded size, `rows_each` rows an index, stays within `budget` tokens.

    One index alone may exceed the budget: it cannot be split here. Deterministic; longest first, so that memory runs
    out at the start of a run or never.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        width = lengths[batch[0]] if batch else lengths[index]
        if batch and (len(batch) + 1) * rows_each * width > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
