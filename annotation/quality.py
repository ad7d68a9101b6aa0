"""Agreement between raters: pure functions over arrays of codes. A code names an outcome; MISSING where there is none.

None is returned, never NaN, where a figure is not defined (nothing rated twice, or no outcome but one).
"""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
MISSING = -1


def raw_agreement(a: Codes, b: Codes) -> float | None:
    """Share of the items rated by both on which they say the same. `a`, `b`: (items,)."""
    both = (a != MISSING) & (b != MISSING)
    return float((a[both] == b[both]).mean()) if both.any() else None


def cohen_kappa(a: Codes, b: Codes) -> float | None:
    """Agreement of two raters beyond what their own habits would give by chance (Cohen 1960). `a`, `b`: (items,)."""
    both = (a != MISSING) & (b != MISSING)
    if not both.any():
        return None
    a, b = a[both], b[both]
    width = int(max(a.max(), b.max())) + 1
    expected = float(np.bincount(a, minlength=width) @ np.bincount(b, minlength=width)) / len(a) ** 2
    observed = float((a == b).mean())
    return None if expected == 1 else (observed - expected) / (1 - expected)


def pooled_agreement(ratings: Codes) -> float | None:
    """Share of all pairs of ratings of one item that agree. `ratings`: (raters, items)."""
    counts = _counts(ratings)
    total = counts.sum(1)
    pairs = (total * (total - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else None


def krippendorff_alpha(ratings: Codes) -> float | None:
    """Nominal alpha: 1 − observed over expected disagreement, any number of raters, any pattern of missing ratings.

    `ratings`: (raters, items). Krippendorff, Content Analysis, 2004, section 11.3: items rated once say nothing.
    """
    counts = _counts(ratings)
    counts = counts[counts.sum(1) >= 2]
    if not len(counts):
        return None
    of_item, of_code = counts.sum(1), counts.sum(0)
    total = of_item.sum()
    observed = ((of_item**2 - (counts**2).sum(1)) / (of_item - 1)).sum() / total
    expected = (total**2 - (of_code**2).sum()) / (total * (total - 1))
    return None if expected == 0 else float(1 - observed / expected)


def _counts(ratings: Codes) -> NDArray[np.float64]:
    """(items, codes): how many raters gave an item a code."""
    width = int(ratings.max(initial=MISSING)) + 1
    counts = np.zeros((ratings.shape[1], width))
    raters, items = np.nonzero(ratings != MISSING)
    np.add.at(counts, (items, ratings[raters, items]), 1)
    return counts
