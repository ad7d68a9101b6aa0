"""Two-sided intervals."""

import math
from functools import lru_cache
from statistics import NormalDist


def wilson(hits: float, of: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (1927): from 0 to 1 where `of` is 0.

    Neither need be whole: a draw is half a hit, and cases that go together are worth fewer.
    """
    if of <= 0:
        return 0.0, 1.0
    z = quantile(confidence)
    share, room = min(1.0, max(0.0, hits / of)), z * z / of
    middle = (share + room / 2) / (1 + room)
    reach = z / (1 + room) * math.sqrt(share * (1 - share) / of + room / (4 * of))
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


@lru_cache(maxsize=8)
def quantile(confidence: float = 0.95) -> float:
    """How many standard errors an interval of what is normally distributed reaches to either side."""
    return NormalDist().inv_cdf((1 + confidence) / 2)
