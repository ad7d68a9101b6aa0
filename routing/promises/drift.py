"""Has what is routed changed since the promise was made? Population stability of a feature or of the risk."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

BINS = 10
STABLE, MOVED = 0.1, 0.25
"""Below STABLE nothing has moved; above MOVED a promise made on the old population no longer speaks of the new one."""


CHANCE = 0.001
"""A difference that chance makes at most so often counts as one."""


@dataclass(frozen=True)
class Drift:
    """`index`: the population stability index; `p`: how often chance alone makes it so large; `n`, `m`: the sizes."""

    index: float
    p: float
    n: int
    m: int

    @property
    def moved(self) -> bool:
        return self.index > MOVED and self.p < CHANCE


def drift(before: ArrayLike, now: ArrayLike) -> Drift:
    """How far `now` has moved from `before`. Of one population the index is (1/n + 1/m) times a chi-squared variable of
    as many degrees of freedom as there are bins less one (Yurdakul & Naranjo 2020), so small samples raise no alarm."""
    n, m = np.size(before), np.size(now)
    index = stability(before, now)
    bins = len(_edges(np.asarray(before, dtype=float))) + 1
    p = float(chi2.sf(index / (1 / n + 1 / m), bins - 1)) if bins > 1 else 1.0
    return Drift(index, p, n, m)


def _edges(before: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    return found


def stability(before: ArrayLike, now: ArrayLike) -> float:
    """The population stability index over tenths of `before`: the symmetric divergence of the two shares, 0 for equal.

    Half an observation is added to each bin, so that an empty one does not make it infinite.
    """
    old, new = np.asarray(before, dtype=float), np.asarray(now, dtype=float)
    if len(old) == 0 or len(new) == 0:
        raise ValueError("both populations have members")
    edges = _edges(old)
    shares = []
    for values in (old, new):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
