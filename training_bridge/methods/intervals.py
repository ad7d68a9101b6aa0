"""Intervals for shares and means, two-sided."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri


def wilson(successes: float, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927); halves count as half a success. (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    z = float(ndtri((1 + confidence) / 2))
    share, room = successes / trials, z * z / trials
    middle = (share + room / 2) / (1 + room)
    reach = z / (1 + room) * math.sqrt(share * (1 - share) / trials + room / (4 * trials))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def bootstrap(
    values: Sequence[float], confidence: float = 0.95, *, seed: int = 0, rounds: int = 2000
) -> tuple[float, float]:
    """Percentile bootstrap of the mean of independent `values` (Efron 1979); needs at least one."""
    numbers = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, len(numbers), size=(rounds, len(numbers)))
    low, high = np.quantile(numbers[drawn].mean(axis=1), [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
