"""A reward model on what held-out responses were told one by one: thumbs, and scores by aspect."""

import numpy as np
from scipy.stats import rankdata

from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.resampling import SIGNED, UNIT, Floats, Ints, mean, statistic
from training_bridge.report_cards.reward import Thumbs
from training_bridge.report_cards.rewards import auc

LEAST = 1e-9
"""Ranks from -½ to ½ whose variance is less do not vary."""


def thumbs(reward: Floats, soft: Floats, groups: Ints, confidence: float) -> Thumbs | None:
    """Of responses with soft = P(people want it), [N] each; None without any."""
    if not len(reward):
        return None
    return Thumbs(
        auc=auc(reward, 1 - soft, groups, confidence),
        wanted=mean(soft, groups, confidence, UNIT),
        responses=len(reward),
    )


def correlation(reward: Floats, score: Floats, groups: Ints, confidence: float) -> Mean:
    """Spearman's correlation of rewards with scores, [N] each; nothing where one of them does not vary.

    Resamples keep the ranks that the responses have among all.
    """
    x, y = (rankdata(values) / max(1, len(values)) - 0.5 for values in (reward, score))
    features = np.stack([x, y, x * x, y * y, x * y, np.ones(len(x))], 1)
    return statistic(features, groups, confidence, _correlations, SIGNED)


def _correlations(sums: Floats) -> Floats:
    """[R] of sums [R, 6] of x, y, x², y², xy and 1."""
    x, y, xx, yy, xy = (sums[:, column] / sums[:, 5] for column in range(5))
    apart, other = xx - x * x, yy - y * y
    varies = (apart > LEAST) & (other > LEAST)
    spread = np.sqrt(np.where(varies, apart * other, 1.0))
    found: Floats = np.where(varies, (xy - x * y) / spread, np.nan)
    return found
