"""Shares and statistics with intervals that know which cases belong together: pairs of one prompt are not independent.

`groups` [N] are codes of prompt groups from 0, in any order and with gaps.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from common.intervals import quantile, wilson
from training_bridge.report_cards.parts import Mean, Share

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Statistic = Callable[[Floats], Floats]
"""From sums [R, F] of features over resampled groups to one number for each of R resamples."""
Range = tuple[float, float]
"""The least and the greatest that a statistic can be."""
ANY: Range = (-math.inf, math.inf)
UNIT: Range = (0.0, 1.0)
SIGNED: Range = (-1.0, 1.0)

ROUNDS = 1000
MOST_GROUPS = 2000
"""More groups are put together at random into so many: the variance stays what it was, within two in a hundred."""
SAME = 1e-9
"""Numbers that differ by less are equal but for rounding."""
NOTHING = Mean(value=None, low=None, high=None, of=0)


def share(hits: Floats, groups: Ints, confidence: float) -> Share:
    """The share of hits, each 1, ½ or 0, [N], with Wilson's interval at the effective number of cases.

    That is p(1 - p) over the variance of p between groups (linearised ratio), at most N, less what few groups cost by
    Student's t (Korn and Graubard 1998; Dean and Pagano 2015). Where all are hits, or none, each group is one case.
    """
    count = len(hits)
    if not count:
        return Share(value=None, low=0.0, high=1.0, of=0, prompts=0)
    value = float(np.mean(hits))
    _names, code = np.unique(groups, return_inverse=True)
    sizes = np.bincount(code).astype(float)
    effective = float(len(sizes))
    if 0 < value < 1 and len(sizes) > 1:
        residuals = np.bincount(code, weights=hits) - value * sizes
        variance = len(sizes) / (len(sizes) - 1) * float(residuals @ residuals) / count**2
        independent = min(value * (1 - value) / variance, count) if variance > 0 else float(count)
        effective = independent / few(len(sizes), confidence) ** 2
    low, high = wilson(value * effective, effective, confidence)
    return Share(value=value, low=low, high=high, of=count, prompts=len(sizes))


def few(groups: int, confidence: float) -> float:
    """How much farther an interval reaches because its standard error comes from so few groups: t(G - 1) over z."""
    return float(student.ppf((1 + confidence) / 2, groups - 1)) / quantile(confidence)


def mean(values: Floats, groups: Ints, confidence: float, within: Range = ANY) -> Mean:
    """The mean of `values` [N], each `within` a range."""
    return ratio(values, np.ones(len(values)), groups, confidence, within)


def ratio(above: Floats, below: Floats, groups: Ints, confidence: float, within: Range = ANY) -> Mean:
    """The sum of `above` [N] over that of `below` [N]."""
    return statistic(np.stack([above, below], 1), groups, confidence, _quotient, within)


def statistic(features: Floats, groups: Ints, confidence: float, of_sums: Statistic, within: Range = ANY) -> Mean:
    """A function of the sums of `features` [N, F], always `within` a range, with its interval by bootstrap over groups.

    No interval with one group alone.
    """
    if not len(features):
        return NOTHING
    return of_groups(by_group(features, groups), len(features), confidence, of_sums, within)


def of_groups(
    sums: Floats, of: int, confidence: float, of_sums: Statistic, within: Range = ANY, resting_on: int | None = None
) -> Mean:
    """The same from the sums [G, F] of each group over its cases, `of` in all.

    `resting_on`: how many groups the figure rests on, where most say nothing by themselves.
    """
    groups = len(sums) if resting_on is None else resting_on
    value = float(of_sums(sums.sum(0, keepdims=True))[0])
    if not math.isfinite(value):
        return NOTHING
    low = high = None
    if groups > 1:
        low, high = quantiles(of_sums(resamples(len(sums)) @ sums), confidence)
    if low is not None and high is not None:
        low, high = widened(value, low, high, groups, confidence, within)
    return Mean(value=value, low=low, high=high, of=of)


def widened(value: float, low: float, high: float, groups: int, confidence: float, within: Range) -> Range:
    """The percentiles `low` and `high` of a bootstrap over few groups, as far from the value as they should be.

    They reach z standard errors that are too short by the square root of (G - 1)/G, where it is t(G - 1) of whole ones
    (Hesterberg 2015, The American Statistician 69). Where groups are all alike they reach nowhere: there each group is
    one case, as with shares, and as much of the range stays open as Wilson's interval of G hits in G leaves.
    """
    least, most = within
    if max(abs(low - value), abs(high - value)) < SAME and math.isfinite(most - least):
        unseen = 1 - wilson(groups, groups, confidence)[0]
        return value - (value - least) * unseen, value + (most - value) * unseen
    wider = stretch(groups, confidence)
    low, high = value - max(0.0, value - low) * wider, value + max(0.0, high - value) * wider
    return max(least, low), min(most, high)


def stretch(groups: int, confidence: float) -> float:
    """How much farther than percentiles of a bootstrap an interval reaches, of two groups or more."""
    return few(groups, confidence) * math.sqrt(groups / (groups - 1))


def quantiles(found: Floats, confidence: float) -> tuple[float | None, float | None]:
    """The middle `confidence` of resampled statistics; those that are undefined are left out."""
    finite = found[np.isfinite(found)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def by_group(features: Floats, groups: Ints) -> Floats:
    """[G, F]: sums over each group, or over groups put together where there are more than MOST_GROUPS."""
    code = pooled(groups)
    found = np.zeros((int(code.max()) + 1, features.shape[1]))
    np.add.at(found, code, features)
    return found


def by_cell(cells: Ints, groups: Ints, weights: Floats, width: int) -> Floats:
    """[G, width]: the weight that each group has in each of `width` cells; `cells` and `weights` [N]."""
    code = pooled(groups)
    count = int(code.max()) + 1
    sums = np.bincount(code * width + cells, weights=weights, minlength=count * width)
    return sums.astype(np.float64).reshape(count, width)


def pooled(groups: Ints) -> Ints:
    """[N] codes from 0 without gaps, fewer than MOST_GROUPS of them."""
    code = np.unique(groups, return_inverse=True)[1]
    found: Ints = np.asarray(code % MOST_GROUPS, dtype=np.int64)
    return found


@lru_cache(maxsize=8)
def resamples(groups: int) -> Floats:
    """[ROUNDS, groups]: how often each group is drawn, with replacement. Always the same draws."""
    drawn = np.random.default_rng(groups).multinomial(groups, np.full(groups, 1 / groups), size=ROUNDS)
    return drawn.astype(np.float64)


def _quotient(sums: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = sums[:, 0] / sums[:, 1]
    return found
