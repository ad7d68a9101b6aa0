"""Bounds on a proportion that may be watched all the time: with probability 1 - delta they are never wrong.

For each proportion p the likelihood ratio of all smaller (larger) ones, mixed uniformly, against p is a supermartingale
starting at 1 if the truth is p or larger (smaller); by Ville's inequality it ever exceeds 1 / delta with probability at
most delta (Robbins 1970; Howard et al. 2021, section 3). The bound is the p up to which it has not.
"""

import math

from scipy.optimize import brentq
from scipy.special import betainc, betaln

TINY = 1e-12


def upper(successes: int, n: int, delta: float) -> float:
    """The bound above a proportion after n draws with so many successes, whenever one looks."""
    return 1 - lower(n - successes, n, delta)


def lower(successes: int, n: int, delta: float) -> float:
    """The bound below a proportion after n draws with so many successes, whenever one looks."""
    if not 0 <= successes <= n or not 0 < delta < 1:
        raise ValueError("0 <= successes <= n and 0 < delta < 1")
    if successes == 0:
        return 0.0
    limit = -math.log(delta)
    seen = successes / n
    if _evidence(TINY, successes, n) <= limit:
        return 0.0
    high = min(seen, 1 - TINY)
    return float(brentq(lambda p: _evidence(p, successes, n) - limit, TINY, high)) if n else 0.0


def _evidence(p: float, successes: int, n: int) -> float:
    """log of the mixture over q in (p, 1) of the likelihood of q, against that of p."""
    above = 1 - betainc(successes + 1, n - successes + 1, p)
    if above <= 0:
        return -math.inf
    mixed = math.log(above) + betaln(successes + 1, n - successes + 1) - math.log1p(-p)
    return float(mixed - successes * math.log(p) - (n - successes) * math.log1p(-p))
