"""How far two texts are apart, by the words they use."""

import re
from collections import Counter
from itertools import pairwise

WORDS = re.compile(r"\w+|[^\w\s]")


def apart(left: str, right: str) -> float:
    """1 less the shared part of the pairs of neighbouring words (Dice), from 0 (the same) to 1."""
    if left == right:
        return 0.0
    a, b = _pairs(left), _pairs(right)
    total = a.total() + b.total()
    return 1 - 2 * (a & b).total() / total if total else 0.0


def _pairs(text: str) -> "Counter[tuple[str, str]]":
    words = ["", *WORDS.findall(text.casefold()), ""]
    return Counter(pairwise(words))
