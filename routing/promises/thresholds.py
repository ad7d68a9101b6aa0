"""Certified thresholds: which items a judge may keep so that it agrees with people at least so often.

Fixed-sequence testing from strict to lax (Bauer 1991; "Learn then Test", Angelopoulos et al. 2021) of exact binomial
bounds (Clopper & Pearson 1934) on a random calibration set. Each border is tested at the full level delta: the sequence
stops at the first that fails, so that the probability of any false promise is at most delta.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

STRICTEST = 4
"""The first border keeps at least n / STRICTEST items: on fewer hardly any bound could hold."""
FORGIVEN = 1
"""Disagreements that the first border can bear: with fewer items one unlucky draw among the surest would end it all."""


@dataclass(frozen=True)
class Certified:
    """`threshold`: the judge keeps an item whose confidence is at least this; None: nothing can be promised.

    `n`: items of the calibration set; `kept`: those at or above the threshold, of which `agreed` agree with people;
    `bound`: the lower bound on agreement there (without a threshold: at the strictest border); `tested`: borders.
    """

    threshold: float | None
    n: int
    kept: int
    agreed: int
    bound: float
    tested: int


def lower(successes: int, n: int, delta: float) -> float:
    """The exact lower bound on a proportion that holds with probability 1 - delta, for one look at n draws."""
    return float(beta.ppf(delta, successes, n - successes + 1)) if successes else 0.0


def upper(successes: int, n: int, delta: float) -> float:
    """The exact upper bound on a proportion that holds with probability 1 - delta, for one look at n draws."""
    return float(beta.ppf(1 - delta, successes + 1, n - successes)) if successes < n else 1.0


def first_border(n: int, alpha: float, delta: float) -> int:
    """Items that the first border keeps at least, of n. It hangs on nothing that was seen."""
    alike = range(FORGIVEN + 1, n + 1)
    # The bound grows with the items, all but FORGIVEN of them agreeing.
    enough = bisect_left(alike, True, key=lambda kept: lower(kept - FORGIVEN, kept, delta) >= 1 - alpha)
    return max(-(-n // STRICTEST), min(n, FORGIVEN + 1 + enough))


def certify(confidence: ArrayLike, agrees: ArrayLike, *, alpha: float, delta: float) -> Certified:
    """The laxest threshold whose agreement is at least 1 - alpha, with probability at least 1 - delta.

    `confidence`: (n,) the judge's, higher is surer; `agrees`: (n,) whether it agreed with people. The items must be
    drawn at random from those that the threshold will be used on. Items of equal confidence stay together.
    """
    sure, right = np.asarray(confidence, dtype=float), np.asarray(agrees, dtype=bool)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError("confidence and agrees are of one length")
    order = np.argsort(-sure, kind="stable")
    sure, hits = sure[order], np.cumsum(right[order])
    n = len(sure)
    borders = np.flatnonzero(np.append(sure[1:] != sure[:-1], True)) + 1 if n else np.array([], dtype=int)
    found = Certified(None, n, 0, 0, 0.0, 0)
    first = first_border(n, alpha, delta)
    for tested, kept in enumerate((int(one) for one in borders if one >= first), start=1):
        agreed = int(hits[kept - 1])
        bound = lower(agreed, kept, delta)
        if bound < 1 - alpha:
            return found if found.threshold is not None else Certified(None, n, kept, agreed, bound, tested)
        found = Certified(float(sure[kept - 1]), n, kept, agreed, bound, tested)
    return found


def naive(confidence: ArrayLike, agrees: ArrayLike, *, alpha: float) -> float | None:
    """The laxest threshold whose observed agreement is at least 1 - alpha: what promises nothing, for comparison."""
    sure, right = np.asarray(confidence, dtype=float), np.asarray(agrees, dtype=bool)
    order = np.argsort(-sure, kind="stable")
    sure, hits = sure[order], np.cumsum(right[order])
    borders = np.flatnonzero(np.append(sure[1:] != sure[:-1], True)) + 1
    good = [int(kept) for kept in borders if hits[kept - 1] >= (1 - alpha) * kept]
    return float(sure[good[-1] - 1]) if good else None
