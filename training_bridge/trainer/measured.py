"""What a loss sees of a piece after the forward pass: rows by response, and their relations as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from training_bridge.trainer.groups import PromptGroup

Outcome = tuple[Tensor, dict[str, float]]
"""The weighted sum of losses, a scalar with gradient, and weighted sums of the measures to report."""


@dataclass(frozen=True)
class Pairs:
    """Relations of a piece as tensors [P]; `better` and `worse` are rows among all responses of the piece."""

    better: Tensor
    worse: Tensor
    soft: Tensor
    weight: Tensor
    strength: Tensor
    tie: Tensor

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The values of the better and the worse response, [P] each, of `rows` [R]."""
        return rows[self.better], rows[self.worse]

    def outcome(self, losses: Tensor, chosen: Tensor, rejected: Tensor) -> Outcome:
        """Weighted sums of the losses and of accuracy (a draw counts half), margin and both rewards, [P] each."""
        chosen, rejected = chosen.detach(), rejected.detach()
        right = (chosen > rejected).float() + 0.5 * (chosen == rejected).float()
        parts = {"accuracy": right, "margin": chosen - rejected, "reward_chosen": chosen, "reward_rejected": rejected}
        return (self.weight * losses).sum(), {name: float((self.weight * value).sum()) for name, value in parts.items()}


@dataclass(frozen=True)
class Piece:
    """The groups of a piece, R responses in all."""

    groups: Sequence[PromptGroup]
    device: torch.device

    @cached_property
    def starts(self) -> list[int]:
        """The row of each group's first response."""
        starts = [0]
        for group in self.groups:
            starts.append(starts[-1] + len(group.responses))
        return starts[:-1]

    @cached_property
    def pairs(self) -> Pairs:
        found = [
            (start + one.better, start + one.worse, one.soft, one.weight, one.strength, one.tie)
            for start, group in zip(self.starts, self.groups, strict=True)
            for one in group.relations
        ]
        better, worse, *numbers = zip(*found, strict=True)
        return Pairs(
            torch.tensor(better, device=self.device),
            torch.tensor(worse, device=self.device),
            *(self.numbers(values) for values in numbers),
        )

    @cached_property
    def thumbs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, P(wanted) and weights of all thumbs, [B] each."""
        found = [
            (start + one.response, one.soft, one.weight)
            for start, group in zip(self.starts, self.groups, strict=True)
            for one in group.thumbs
        ]
        rows, soft, weight = zip(*found, strict=True)
        return torch.tensor(rows, device=self.device), self.numbers(soft), self.numbers(weight)

    @cached_property
    def weights(self) -> Tensor:
        """The weight of each group, [G]."""
        return self.numbers([group.weight for group in self.groups])

    def lists(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """`rows` [R] as one row a group, padded with zeros, [G, K], and where there is a response, [G, K] (bool)."""
        counts = [len(group.responses) for group in self.groups]
        parts = list(torch.split(rows, counts))
        real = [torch.ones(count, dtype=torch.bool, device=self.device) for count in counts]
        padded, mask = (torch.nn.utils.rnn.pad_sequence(one, batch_first=True) for one in (parts, real))
        return padded, mask

    def listed(self, losses: Tensor, rows: Tensor) -> Outcome:
        """Weighted sums of the lists' losses [G], and of how many of their pairs `rows` [R] puts in the right order."""
        counts = [len(group.relations) for group in self.groups for _ in group.relations]
        pairs = replace(self.pairs, weight=self.pairs.weight / self.numbers(counts))
        return (self.weights * losses).sum(), pairs.outcome(pairs.weight, *pairs.of(rows))[1]

    def numbers(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)


@dataclass(frozen=True)
class Likelihoods(Piece):
    """`logps` [R]: log-probability of each response's learnt tokens, summed; `beside`: the same of the groups beside.

    `baseline`: of the whole step, where a method asks for one (KTO).
    """

    logps: Tensor
    beside: Tensor
    baseline: Tensor

    @cached_property
    def ratios(self) -> Tensor:
        """s(y) = log pi(y) - log ref(y), [R]."""
        known = [value for group in self.groups for value in group.reference or ()]
        return self.logps - torch.tensor(known, dtype=self.logps.dtype, device=self.device)

    @cached_property
    def lengths(self) -> Tensor:
        """Learnt tokens of each response, [R]."""
        return self.numbers([count for group in self.groups for count in lengths_of(group)])

    @property
    def means(self) -> Tensor:
        """Log-probability a token, [R]."""
        return self.logps / self.lengths

    def by_token(self) -> Outcome:
        """The mean over learnt tokens where groups weigh theirs: negative log-likelihoods, times the text's weight."""
        each = self.weights / self.numbers([sum(lengths_of(group)) for group in self.groups])
        nll = -self.lists(self.logps)[0].sum(1)
        return (each * nll).sum(), {}


@dataclass(frozen=True)
class Rewards(Piece):
    """`outputs`: what the heads say of each response, [R, heads], or of each of its tokens, [R, T, classes].

    `extent`: a number that is learnt beside the weights, where the method has one.
    """

    outputs: Tensor
    extent: Tensor | None


def lengths_of(group: PromptGroup) -> list[int]:
    """Learnt tokens of each response; at least 1, as rows without any weigh nothing and are divided by it."""
    if group.learnt is None:
        return [max(1, len(response)) for response in group.responses]
    return [max(1, sum(kept)) for kept in group.learnt]
