"""What a routing policy may know of an item before anybody has judged it: cheap, from the texts alone. Pure."""

import math
import re
from collections.abc import Sequence
from typing import Any

# Raise it whenever a feature changes its meaning: decisions keep the number beside their features.
VERSION = 1


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def jaccard(left: Sequence[str], right: Sequence[str]) -> float:
    """Shared words over all words, from 0 to 1; two texts without a word are alike."""
    one, other = set(left), set(right)
    return len(one & other) / len(one | other) if one | other else 1.0


def lexical(prompt: str, responses: Sequence[str]) -> dict[str, Any]:
    """Lengths in words; of two or more responses also how alike and how uneven the first two are."""
    counted = [words(response) for response in responses]
    found: dict[str, Any] = {"version": VERSION, "prompt_words": len(words(prompt)), "words": [*map(len, counted)]}
    if len(counted) >= 2:
        left, right = counted[:2]
        found["alike"] = round(jaccard(left, right), 4)
        found["log_ratio"] = round(math.log((len(left) + 1) / (len(right) + 1)), 4)
        found["identical"] = responses[0] == responses[1]
    return found
