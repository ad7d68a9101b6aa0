"""What a budget buys: the expected agreement with people by the share of items that people judge. Pure.

Measured, not modelled: on items that both the judge and people answered by a draw, the riskiest share is taken from
people and the rest from the judge, and what people said is the yardstick. Risks must come from models that did not see
the item (out of fold), else the curve flatters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SHARES = tuple(step / 20 for step in range(21))
DRAWS = 200
LEAST = 30
"""With fewer doubly labelled items no curve is drawn: its interval would say everything."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """`share` of items with people, expected `agreement` with people, its 95 % interval, and that of a random share."""

    share: float
    agreement: float
    low: float
    high: float
    at_random: float


@dataclass(frozen=True)
class Forecast:
    """`items`: doubly labelled ones it was measured on; `ceiling`: how often people agree with each other, None where
    no item has two people: a person then counts as right.
    """

    points: tuple[Point, ...]
    items: int
    ceiling: float | None

    def at(self, share: float) -> Point:
        """The point whose share is nearest."""
        return min(self.points, key=lambda point: abs(point.share - share))


def forecast(
    risk: ArrayLike,
    disagreed: ArrayLike,
    asked: ArrayLike,
    groups: ArrayLike,
    *,
    ceiling: float | None = None,
    shares: Sequence[float] = SHARES,
) -> Forecast | None:
    """All (n,): out-of-fold `risk`; `disagreed`, the share of people who said otherwise than the judge; `asked`, the
    probability that people were asked, above 0; `groups`, what belongs together (the prompt). None below LEAST items.
    """
    r, d, p = (np.asarray(one, dtype=float) for one in (risk, disagreed, asked))
    if len(r) < LEAST:
        return None
    if not (len(r) == len(d) == len(p)) or not (p > 0).all():
        raise ValueError("one risk, one outcome and one probability above 0 an item")
    person = 1.0 if ceiling is None else ceiling
    order = np.argsort(-r, kind="stable")
    r, d, weight = r[order], d[order], 1 / p[order]
    drawn = _drawn(np.asarray(groups)[order], weight)
    wanted = np.asarray(shares, dtype=float)
    curves = _curves(r, d, np.vstack([weight, drawn]), wanted, person)
    lows, highs = np.quantile(curves[1:], [0.025, 0.975], axis=0)
    judge = float(np.average(1 - d, weights=weight))
    points = tuple(
        Point(float(share), float(value), float(low), float(high), float(share * person + (1 - share) * judge))
        for share, value, low, high in zip(wanted, curves[0], lows, highs, strict=True)
    )
    return Forecast(points, len(r), ceiling)


def _drawn(groups: NDArray[np.generic], weight: Floats) -> Floats:
    """(DRAWS, n): weights with whole groups drawn anew."""
    names, codes = np.unique(groups, return_inverse=True)
    counts = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    found: Floats = counts[:, codes] * weight
    return found


def _curves(risk: Floats, disagreed: Floats, weights: Floats, shares: Floats, person: float) -> Floats:
    """(b, s): the agreement at each share, for each row of `weights` (b, n); items in falling order of risk.

    Items of equal risk are bought together, each to the same part: which of them comes first is chance.
    """
    starts = np.flatnonzero(np.append(True, risk[1:] != risk[:-1]))
    mass = np.add.reduceat(weights, starts, axis=1)
    right = np.add.reduceat(weights * (1 - disagreed), starts, axis=1)
    total = mass.sum(axis=1, keepdims=True)
    above = np.cumsum(mass, axis=1) - mass
    found = np.empty((len(weights), len(shares)))
    for place, share in enumerate(shares):
        bought = np.clip((share * total - above) / np.where(mass > 0, mass, 1.0), 0, 1)
        found[:, place] = ((bought * mass * person + (1 - bought) * right).sum(axis=1)) / total[:, 0]
    return found
