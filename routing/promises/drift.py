"""Has what is routed changed since the promise was made? Population stability of a feature or of the risk."""

import numpy as np
from numpy.typing import ArrayLike

BINS = 10
STABLE, MOVED = 0.1, 0.25
"""Below STABLE nothing has moved; above MOVED a promise made on the old population no longer speaks of the new one."""


def stability(before: ArrayLike, now: ArrayLike) -> float:
    """The population stability index over tenths of `before`: the symmetric divergence of the two shares, 0 for equal.

    Half an observation is added to each bin, so that an empty one does not make it infinite.
    """
    old, new = np.asarray(before, dtype=float), np.asarray(now, dtype=float)
    if len(old) == 0 or len(new) == 0:
        raise ValueError("both populations have members")
    edges = np.unique(np.quantile(old, np.linspace(0, 1, BINS + 1)[1:-1]))
    shares = []
    for values in (old, new):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
