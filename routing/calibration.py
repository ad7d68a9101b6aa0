"""What a judge is worth against people, as sums: cases are added item by item, in any order, and kept between batches.

Pure: no tables. A `Case` is an item that the judge and at least one person have answered; each person makes one pair.
Pairs of one item are not independent, so intervals count items, not pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from scipy.optimize import isotonic_regression

from common.intervals import wilson

BINS = 10
FEWEST, PRIOR = 30, 2.0
"""Items with people before a confidence is learnt from them; and what each level of it is drawn to the mean by."""
MOST_VALUES = 200
"""Values of one way to slice that are told apart; what comes after them is not."""


@dataclass
class Proportion:
    """A weighted share. `n` outcomes in `clusters`; of each cluster c its weight W and hits A: W = sum of weights.

    Sums only, so that two of them add up: w = sum W, a = sum A, ww = sum W^2, aw = sum AW, aa = sum A^2.
    """

    n: int = 0
    clusters: int = 0
    w: float = 0.0
    a: float = 0.0
    ww: float = 0.0
    aw: float = 0.0
    aa: float = 0.0

    def add(self, hits: Sequence[float], weight: float = 1.0) -> None:
        """One cluster: `hits` in [0, 1], each of `weight`. An empty one says nothing."""
        if not hits:
            return
        total, found = weight * len(hits), weight * sum(hits)
        self.n, self.clusters = self.n + len(hits), self.clusters + 1
        self.w, self.a = self.w + total, self.a + found
        self.ww, self.aw, self.aa = self.ww + total * total, self.aw + found * total, self.aa + found * found

    @property
    def share(self) -> float | None:
        return self.a / self.w if self.w else None

    @property
    def effective(self) -> float:
        """How many independent outcomes of equal weight would say as much (the design effect of Kish 1965).

        p(1 - p) over the linearised variance of the share with items as clusters, and never more than `n`. Where that
        variance is 0 (all hits alike), (sum W)^2 / sum W^2.
        """
        if not self.w:
            return 0.0
        p = self.a / self.w
        spread = max(0.0, self.aa - 2 * p * self.aw + p * p * self.ww) / (self.w * self.w)
        alike = self.w * self.w / self.ww
        if spread < 1e-12 or not 0 < p < 1:
            return min(alike, float(self.n))
        return min(p * (1 - p) / spread, float(self.n))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval (1927) on the effective number of outcomes."""
        return wilson((self.share or 0.0) * self.effective, self.effective)

    def read(self) -> dict[str, Any]:
        low, high = self.interval
        return {"n": self.n, "items": self.clusters, "share": self.share, "low": low, "high": high}


@dataclass
class Table:
    """Outcomes of judge and people against each other: {judge's: {person's: weight}}."""

    cells: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, judge: str, person: str, weight: float = 1.0) -> None:
        row = self.cells.setdefault(judge, {})
        row[person] = row.get(person, 0.0) + weight

    @property
    def kappa(self) -> float | None:
        """Agreement beyond what the habits of both would give by chance (Cohen 1960); None where it is not defined."""
        rows = {name: sum(row.values()) for name, row in self.cells.items()}
        columns: dict[str, float] = {}
        for row in self.cells.values():
            for name, weight in row.items():
                columns[name] = columns.get(name, 0.0) + weight
        total = sum(rows.values())
        if not total:
            return None
        observed = sum(row.get(name, 0.0) for name, row in self.cells.items()) / total
        expected = sum(rows[name] * columns.get(name, 0.0) for name in rows) / (total * total)
        return None if expected > 1 - 1e-12 else (observed - expected) / (1 - expected)


@dataclass
class Bin:
    """Pairs whose confidence lies in one tenth of [0, 1]: (low, high], the first closed below."""

    agreement: Proportion = field(default_factory=Proportion)
    sure: float = 0.0

    def add(self, confidence: float, agreed: Sequence[float], weight: float) -> None:
        self.agreement.add(agreed, weight)
        self.sure += confidence * weight * len(agreed)

    @property
    def confidence(self) -> float | None:
        return self.sure / self.agreement.w if self.agreement.w else None


def bin_of(confidence: float) -> int:
    """The number of the bin that holds `confidence`, from 0."""
    return min(BINS - 1, max(0, math.ceil(confidence * BINS - 1e-9) - 1))


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error (Naeini et al. 2015): the mean distance of confidence from agreement over the bins, by
    the weight of what lies in them. None where no confidence is known."""
    total = sum(one.agreement.w for one in bins)
    if not total:
        return None
    return sum(abs(one.sure - one.agreement.a) for one in bins) / total


def calibrated(sure: float, seen: Sequence[tuple[float, float, float]]) -> float | None:
    """P(people agree) where a judge is as sure as `sure`. `seen`: (how sure it was, how far people agreed, weight).

    Isotonic regression (Zadrozny & Elkan 2002) over the levels seen, each drawn to the mean of all by PRIOR more items;
    between levels a straight line. None where fewer than FEWEST items say anything.
    """
    if len(seen) < FEWEST:
        return None
    x, y, w = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    w = w / w.mean()
    levels = np.unique(x.round(6))
    at = np.searchsorted(levels, x.round(6))
    weight = np.bincount(at, w, len(levels))
    agreed = (np.bincount(at, w * y, len(levels)) + PRIOR * np.average(y, weights=w)) / (weight + PRIOR)
    fitted = isotonic_regression(agreed, weights=weight + PRIOR).x
    return float(np.clip(np.interp(sure, levels, fitted), 0.0, 1.0))


@dataclass(frozen=True)
class Case:
    """One field of one item that the judge and people have answered.

    `agreed`: per person, 1 less the distance of their answer from the judge's; `outcomes`: per person (judge's, his),
    where outcomes mean the same on every item; `people`: per pair of people, 1 less their distance; `weight`: 1 over
    the probability that people were asked. `longer`, `people_longer`: per preference between responses of different
    length, whether the longer one was preferred. `slices`: (way to slice, value).
    """

    agreed: Sequence[float]
    outcomes: Sequence[tuple[str, str]] = ()
    confidence: float | None = None
    people: Sequence[float] = ()
    weight: float = 1.0
    longer: Sequence[float] = ()
    people_longer: Sequence[float] = ()
    people_first: Sequence[float] = ()
    slices: Sequence[tuple[str, str]] = ()


@dataclass
class Against:
    """Judge against people under one weighting."""

    agreement: Proportion = field(default_factory=Proportion)
    people: Proportion = field(default_factory=Proportion)
    table: Table = field(default_factory=Table)
    bins: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(BINS)])

    def add(self, case: Case, weight: float) -> None:
        self.agreement.add(case.agreed, weight)
        self.people.add(case.people, weight)
        for judge, person in case.outcomes:
            self.table.add(judge, person, weight)
        if case.confidence is not None:
            self.bins[bin_of(case.confidence)].add(case.confidence, case.agreed, weight)

    def read(self) -> dict[str, Any]:
        return {
            "agreement": self.agreement.read(),
            "people": self.people.read(),
            "kappa": self.table.kappa,
            "calibration_error": calibration_error(self.bins),
            "bins": [
                {"from": number / BINS, "to": (number + 1) / BINS, "confidence": one.confidence} | one.agreement.read()
                for number, one in enumerate(self.bins)
                if one.agreement.n
            ],
        }


@dataclass
class Habits:
    """What a judge does whatever people say, over all that it was asked.

    `first`: per decided asking, whether what was shown first won; `contradicted`: per item asked in several orders,
    whether they gave different verdicts; `consistent`: per pair of samples in one order, whether they agree.
    """

    first: Proportion = field(default_factory=Proportion)
    contradicted: Proportion = field(default_factory=Proportion)
    consistent: Proportion = field(default_factory=Proportion)
    refused: Proportion = field(default_factory=Proportion)
    cost: float = 0.0
    milliseconds: int = 0
    tokens: int = 0

    def read(self) -> dict[str, Any]:
        calls = self.refused.n
        return {
            "calls": calls,
            "first": self.first.read(),
            "contradicted": self.contradicted.read(),
            "consistent": self.consistent.read(),
            "refused": self.refused.read(),
            "cost_per_1000": 1000 * self.cost / calls if calls else None,
            "seconds_per_1000": self.milliseconds / calls if calls else None,
            "tokens_per_1000": 1000 * self.tokens / calls if calls else None,
        }


@dataclass
class Tally:
    """All sums of one field. `plain` counts every pair alike; `weighted` by inverse propensity (Horvitz & Thompson
    1952, normalised as by Hajek 1971), so that it speaks of all items on which people had a chance to be asked."""

    plain: Against = field(default_factory=Against)
    weighted: Against = field(default_factory=Against)
    longer: Proportion = field(default_factory=Proportion)
    people_longer: Proportion = field(default_factory=Proportion)
    people_first: Proportion = field(default_factory=Proportion)
    slices: dict[str, dict[str, Proportion]] = field(default_factory=dict)
    lightest: float | None = None
    heaviest: float = 0.0

    def add(self, case: Case) -> None:
        self.plain.add(case, 1.0)
        self.weighted.add(case, case.weight)
        self.lightest = min(case.weight, case.weight if self.lightest is None else self.lightest)
        self.heaviest = max(self.heaviest, case.weight)
        self.longer.add(case.longer)
        self.people_longer.add(case.people_longer)
        self.people_first.add(case.people_first)
        for way, value in case.slices:
            values = self.slices.setdefault(way, {})
            if value in values or len(values) < MOST_VALUES:
                values.setdefault(value, Proportion()).add(case.agreed, case.weight)

    @property
    def biased(self) -> bool:
        """Whether people were asked of some items more likely than of others: the plain figures then mislead."""
        return self.heaviest > (self.lightest or 0.0) * (1 + 1e-9)

    def read(self) -> dict[str, Any]:
        """The card of one field, as it is stored and shown."""
        return {
            "biased": self.biased,
            "heaviest": self.heaviest,
            "plain": self.plain.read(),
            "weighted": self.weighted.read() if self.biased else None,
            "longer": self.longer.read(),
            "people_longer": self.people_longer.read(),
            "people_first": self.people_first.read(),
            "slices": [
                {"by": way, "value": value} | share.read()
                for way, values in sorted(self.slices.items())
                for value, share in sorted(values.items(), key=lambda pair: (-pair[1].n, pair[0]))
            ],
        }


@dataclass
class Sums:
    """Everything that is added up for a card. `fields`: by the name of the form's field."""

    habits: Habits = field(default_factory=Habits)
    fields: dict[str, Tally] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, stored: Any) -> "Sums":
        """The inverse, so that sums go on where they were left."""
        return TypeAdapter(cls).validate_python(stored or {})
