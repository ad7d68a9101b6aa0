"""Means over routed items that are not biased by the routing.

A plain mean of labels after routing mixes what people said of the hard items with what a judge said of the easy ones.
Here the judge's labels of all items are corrected by what people say where they were asked with a known probability:
prediction-powered inference (Angelopoulos et al. 2023), and inverse propensity weighting where no judge has spoken.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm


@dataclass(frozen=True)
class Estimate:
    """`low` and `high`: a normal interval; `labelled` of `items` were judged by people."""

    value: float
    low: float
    high: float
    labelled: int
    items: int


def _estimate(value: float, error: float, alpha: float, labelled: int, items: int) -> Estimate:
    half = float(norm.ppf(1 - alpha / 2)) * error
    return Estimate(value, value - half, value + half, labelled, items)


def routed_mean(
    labels: ArrayLike, propensities: ArrayLike, judged: ArrayLike | None = None, *, alpha: float = 0.05
) -> Estimate:
    """The mean of people's labels over all items, each asked of people with a probability of its own.

    `labels`: (N,) what people said, NaN where they were not asked; `propensities`: (N,) the probability that they would
    be, above 0; `judged`: (N,) the judge's word on every item, to be corrected; without it plain inverse propensity.
    """
    y, p = np.asarray(labels, dtype=float), np.asarray(propensities, dtype=float)
    f = np.zeros(len(y)) if judged is None else np.asarray(judged, dtype=float)
    if not (len(y) == len(p) == len(f)) or len(y) < 2 or not (p > 0).all():
        raise ValueError("one label, one propensity above 0 and one judgment an item, two items at least")
    asked = ~np.isnan(y)
    terms = f + np.where(asked, (np.where(asked, y, 0.0) - f) / p, 0.0)
    error = terms.std(ddof=1) / np.sqrt(len(terms))
    return _estimate(float(terms.mean()), float(error), alpha, int(asked.sum()), len(terms))
