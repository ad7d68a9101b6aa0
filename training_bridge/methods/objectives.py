"""What the trainer asks of an objective, and what all objectives on preferences share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from lm.batching import by_budget
from training_bridge.methods.preferences import Relation

Item = TypeVar("Item")


class Objective(Protocol[Item]):
    """A loss over the items of one optimiser step, computed in pieces that fit into memory.

    `loss` gives sums over a piece, each part weighed; the trainer divides by `weight` of the whole step. So how a step
    is cut cannot change the trajectory.
    """

    def pieces(self, items: Sequence[Item]) -> Iterator[list[Item]]:
        """The step's items in pieces for one forward and backward pass each."""
        ...

    def weight(self, items: Sequence[Item]) -> float:
        """Total weight of the items: what sums are divided by."""
        ...

    def tokens(self, items: Sequence[Item]) -> int:
        """Useful tokens: no padding, a prompt once for all its responses."""
        ...

    def loss(self, model: nn.Module, items: Sequence[Item]) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of losses, a scalar with gradient, and weighted sums of the measures to report."""
        ...


@dataclass(frozen=True)
class PromptGroup:
    """A prompt, its responses and the relations among them. `reference`: each response's log-probability, if needed."""

    prompt: list[int]
    responses: list[list[int]]
    relations: Sequence[Relation]
    reference: list[float] | None = None


@dataclass(frozen=True)
class Pairs:
    """Relations of a piece as tensors [P]; `better` and `worse` are rows among all responses of the piece."""

    better: Tensor
    worse: Tensor
    soft: Tensor
    weight: Tensor
    strength: Tensor

    def measures(self, chosen: Tensor, rejected: Tensor) -> dict[str, float]:
        """Weighted sums of accuracy (a draw counts half), margin and both rewards, [P] each."""
        chosen, rejected = chosen.detach(), rejected.detach()
        right = (chosen > rejected).float() + 0.5 * (chosen == rejected).float()
        parts = {"accuracy": right, "margin": chosen - rejected, "reward_chosen": chosen, "reward_rejected": rejected}
        return {name: float((self.weight * value).sum()) for name, value in parts.items()}


class OnPreferences:
    """Cutting and counting for objectives whose items are prompt groups; one group is never cut in two."""

    def __init__(self, *, token_budget: int, pad_id: int, device: torch.device) -> None:
        self.token_budget, self.pad_id, self.device = token_budget, pad_id, device

    def pieces(self, items: Sequence[PromptGroup]) -> Iterator[list[PromptGroup]]:
        widths = [len(group.prompt) + max(map(len, group.responses)) for group in items]
        most = max(len(group.responses) for group in items)
        for batch in by_budget(widths, self.token_budget, rows_each=most):
            yield [items[i] for i in batch]

    def weight(self, items: Sequence[PromptGroup]) -> float:
        return sum(relation.weight for group in items for relation in group.relations)

    def tokens(self, items: Sequence[PromptGroup]) -> int:
        return sum(len(group.prompt) + sum(map(len, group.responses)) for group in items)

    def pairs(self, items: Sequence[PromptGroup]) -> Pairs:
        """The relations of all groups, with the places of responses counted through the piece."""
        better, worse, soft, weight, strength = [], [], [], [], []
        start = 0
        for group in items:
            for relation in group.relations:
                better.append(start + relation.better)
                worse.append(start + relation.worse)
                soft.append(relation.soft)
                weight.append(relation.weight)
                strength.append(relation.strength)
            start += len(group.responses)
        numbers = (torch.tensor(values, dtype=torch.float32, device=self.device) for values in (soft, weight, strength))
        return Pairs(torch.tensor(better, device=self.device), torch.tensor(worse, device=self.device), *numbers)
