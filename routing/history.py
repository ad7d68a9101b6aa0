"""How often the judge disagreed with people before, on items of the same tag by the same models: shrunk towards the
mean of all, the more so the less cells differ beyond chance (empirical Bayes, beta-binomial by moments). Pure.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NAME = "history"
LEAST = 5
"""Items of a cell before it is told from the rest."""
MOST = 2000
WEAKEST, STRONGEST = 1.0, 1000.0
"""Of the prior, in items."""

Cells = Sequence[Sequence[str]]


def cells(slices: Sequence[str], models: Sequence[str]) -> tuple[str, ...]:
    """The cells of an item: each of its tags with the models that wrote its responses; none where no model is known."""
    pair = " × ".join(sorted({model for model in models if model}))
    if not pair:
        return ()
    return tuple(f"{one} | {pair}" for one in slices) or (pair,)


@dataclass(frozen=True)
class History:
    """`rates`: of disagreement by cell; `base`: of all items, and of a cell that is not known."""

    base: float
    rates: Mapping[str, float]

    def column(self, of: Cells) -> Floats:
        """(n,) log-odds of the mean rate of each item's cells; NaN for an item of none."""
        return np.array([self._one(one) for one in of], dtype=float)

    def _one(self, own: Sequence[str]) -> float:
        if not own:
            return float("nan")
        rate = sum(self.rates.get(cell, self.base) for cell in own) / len(own)
        inside = min(1 - 1e-3, max(1e-3, rate))
        return float(np.log(inside / (1 - inside)))

    @classmethod
    def of(cls, of: Cells, disagreed: Floats) -> "History":
        """From each item's cells and its share of people who said otherwise than the judge, in [0, 1]."""
        told: dict[str, list[float]] = defaultdict(list)
        for own, share in zip(of, disagreed.tolist(), strict=True):
            for cell in own:
                told[cell].append(share)
        base = float(np.mean(disagreed)) if len(disagreed) else 0.5
        known = sorted((name for name, one in told.items() if len(one) >= LEAST), key=lambda name: -len(told[name]))
        known = known[:MOST]
        counts = np.array([len(told[name]) for name in known], dtype=float)
        means = np.array([np.mean(told[name]) for name in known])
        prior = _strength(counts, means, base)
        rates = (counts * means + prior * base) / (counts + prior) if known else means
        return cls(base, dict(zip(known, rates.tolist(), strict=True)))


def _strength(counts: Floats, means: Floats, base: float) -> float:
    """Items that the prior counts for: base (1 - base) / variance between cells - 1, the variance being what is left of
    the spread of their means once chance has had its part."""
    if len(counts) < 2 or not 0 < base < 1:
        return STRONGEST
    chance = base * (1 - base)
    between = float(np.average((means - base) ** 2, weights=counts)) - chance * len(counts) / float(counts.sum())
    return STRONGEST if between <= 0 else min(STRONGEST, max(WEAKEST, chance / between - 1))


Folds = Callable[[NDArray[np.intp]], Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]]


def out_of_fold(of: Cells, disagreed: Floats, rows: NDArray[np.intp], folds: Folds) -> Floats:
    """(len(rows),) the column of `rows`, each item's by a history that has not seen its fold. `folds`: of positions in
    `rows`. A model learnt on it trusts it as much as it deserves."""
    found = np.full(len(rows), np.nan)
    for train, test in folds(rows):
        seen = rows[train]
        history = History.of([of[i] for i in seen], disagreed[seen])
        found[test] = history.column([of[i] for i in rows[test]])
    return found
