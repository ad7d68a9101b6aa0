"""What the trainer asks of an objective, and what all objectives on prompt groups share."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from torch import Tensor, nn

from training_bridge.trainer.forward import Network
from training_bridge.trainer.groups import PromptGroup

Item = TypeVar("Item")


class Objective(Protocol[Item]):
    """A loss over the items of one optimiser step, computed in pieces that fit into memory.

    `loss` gives sums over a piece, each part weighed; the trainer divides by `weight` of the whole step. So how a step
    is cut cannot change the trajectory.
    """

    def begin(self, model: nn.Module, items: Sequence[Item], step: int) -> None:
        """Called once a step, before its pieces: what the loss needs to know of all of them. Makes no gradient.

        `step`: how many steps came before.
        """
        ...

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


class OnGroups:
    """Cutting and counting for objectives whose items are prompt groups; one group is never cut in two."""

    def __init__(self, network: Network, *, token_budget: int) -> None:
        self.network, self.token_budget, self.device = network, token_budget, network.device

    def begin(self, model: nn.Module, items: Sequence[PromptGroup], step: int) -> None:
        """Most losses need nothing but their own piece."""

    def pieces(self, items: Sequence[PromptGroup]) -> Iterator[list[PromptGroup]]:
        for batch in self.network.batches([group.whole() for group in items], self.token_budget):
            yield [items[i] for i in batch]

    def weight(self, items: Sequence[PromptGroup]) -> float:
        return sum(group.weight for group in items)

    def tokens(self, items: Sequence[PromptGroup]) -> int:
        return sum(len(one.prompt) + sum(map(len, one.responses)) for group in items for one in group.whole())
