"""Votes as arrays: who said what of which unit. All that the derivations compute with; float64, no tables, no request.

A *unit* is one question put to several raters about one item: a whole comparison, or one pair of a ranking.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
LEAST_WEIGHT = 1e-12


def tally(code: Ints, weight: Floats, size: int) -> Floats:
    """[size]: the weight of each code."""
    return np.bincount(code, weights=weight, minlength=size).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Compared:
    """What the units compare: `responses`: [U, 2] ids, left and right, -1 where a unit only tests raters; `models`:
    [U, 2] places in `names`, -1 where unknown; `left`, `right`, `tie`: codes of the outcomes."""

    responses: Ints
    models: Ints
    names: tuple[str, ...]
    left: int
    right: int
    tie: int | None

    def of(self, units: Ints) -> "Compared":
        return replace(self, responses=self.responses[units], models=self.models[units])

    def swapped(self, outcomes: int) -> Ints:
        """[K]: the code of each outcome when left and right change places."""
        codes = np.arange(outcomes)
        codes[[self.left, self.right]] = self.right, self.left
        return codes


@dataclass(frozen=True)
class Votes:
    """V votes of R raters on U units with K outcomes each; a rater may miss any unit.

    `unit`, `rater`, `outcome`: [V], codes from 0; `weight`: [V], how much evidence a vote is, 1 for a person's;
    `human`: [R], whether a rater is a person; `known`: [U, K], shares where the answer is known, else rows of NaN;
    `compared`: where the units are comparisons of two responses.
    """

    unit: Ints
    rater: Ints
    outcome: Ints
    weight: Floats
    human: Flags
    known: Floats
    compared: Compared | None = None

    @property
    def raters(self) -> int:
        return len(self.human)

    @property
    def units(self) -> int:
        return len(self.known)

    @property
    def outcomes(self) -> int:
        return int(self.known.shape[1])

    @classmethod
    def of(
        cls, unit: Any, rater: Any, outcome: Any, *, outcomes: int, human: Any = None, known: Floats | None = None
    ) -> "Votes":
        """Votes of weight 1, of people unless `human` says otherwise, on units of which nothing is known unless `known`
        does. `unit`, `rater`, `outcome`: [V], anything like an array."""
        unit, rater, outcome = (np.asarray(column, dtype=np.int64) for column in (unit, rater, outcome))
        if known is None:
            known = np.full((int(unit.max(initial=-1)) + 1, outcomes), np.nan)
        people = np.ones(int(rater.max(initial=-1)) + 1, bool) if human is None else np.asarray(human, dtype=bool)
        return cls(unit, rater, outcome, np.ones(len(unit)), people, known)

    def part(self, which: Flags, *, known: Floats, weight: Floats) -> tuple["Votes", Ints]:
        """Some of the votes, `which` [V], on the units that they are about; and the numbers of these units.

        `known` [U, K] and `weight` [V] take the place of one's own.
        """
        units, unit = np.unique(self.unit[which], return_inverse=True)
        columns = (unit, self.rater[which], self.outcome[which], weight[which])
        compared = None if self.compared is None else self.compared.of(units)
        return Votes(*columns, human=self.human, known=known[units], compared=compared), units

    @cached_property
    def by_person(self) -> Flags:
        """[V]"""
        return self.human[self.rater]

    @cached_property
    def settled(self) -> Flags:
        """[U]: whether judges have no say in it, because people have judged it or the answer is known."""
        found = self.is_known.copy()
        found[self.unit[self.by_person]] = True
        return found

    @cached_property
    def heard(self) -> Floats:
        """[V]: the weight of each vote when people go before judges, and judges, who err together, are one rater.

        People's votes as they are; those of judges 0 on settled units, else 1 shared out among the judges of the unit.
        """
        judges = np.bincount(self.unit[~self.by_person], minlength=self.units)
        shared = 1 / np.maximum(judges[self.unit], 1)
        return np.where(self.by_person, self.weight, np.where(self.settled[self.unit], 0.0, shared))

    @cached_property
    def is_known(self) -> Flags:
        """[U]"""
        return ~np.isnan(self.known[:, 0])

    @cached_property
    def matrix(self) -> Any:
        """[U, R·K] sparse: the weight of each (rater, outcome) on each unit."""
        column = self.rater * self.outcomes + self.outcome
        shape = (self.units, self.raters * self.outcomes)
        return sparse.csr_array((self.weight, (self.unit, column)), shape=shape)

    def counts(self, weight: Floats | None = None) -> Floats:
        """[U, K]: the weight for each outcome; of `weight` [V] where it is given."""
        cell = self.unit * self.outcomes + self.outcome
        found = tally(cell, self.weight if weight is None else weight, self.known.size)
        return found.reshape(self.known.shape)

    def shares(self, weight: Floats | None = None) -> Floats:
        """[U, K]: each row sums to 1; a known unit's is what is known, one that nobody judged has equal shares."""
        counts = self.counts(weight)
        total = counts.sum(1, keepdims=True)
        equal = np.full_like(counts, 1 / self.outcomes)
        shares = np.divide(counts, total, out=equal, where=total > 0)
        return np.where(self.is_known[:, None], self.known, shares)

    def agreement(self, soft: Floats | None = None) -> tuple[Floats, Floats]:
        """([R], [R]): how much of a rater's votes the others (or `soft` [U, K]) say too, and of how much that is.

        A vote that nobody else cast says nothing about its rater. A judge is held against what is known alone: that it
        agrees with other judges says nothing either.
        """
        counts = self.counts()
        others = counts.sum(1)[self.unit] - self.weight
        known = self.is_known[self.unit]
        met = known | ((others > LEAST_WEIGHT) & self.by_person)
        unit, outcome, weight = self.unit[met], self.outcome[met], self.weight[met]
        if soft is None:
            alike = (counts[unit, outcome] - weight) / np.maximum(others[met], LEAST_WEIGHT)
            share = np.where(known[met], self.known[unit, outcome], alike)
        else:
            share = soft[unit, outcome]
        rater = self.rater[met]
        return tally(rater, weight * share, self.raters), tally(rater, weight, self.raters)
