"""What the router knows of an item: its texts, and what its judges said. Numbers by name, cheap in the millions. Pure.

What is unknown is NaN: a model puts the mean in its place.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Raise it whenever a feature changes its meaning: decisions and fitted models keep the number beside their features.
VERSION = 2

SIGNALS = (
    "said_tie", "unreadable", "order_matters", "samples_differ", "margin", "gap", "others_disagree", "others_tie",
    "others_gap",
)  # fmt: skip
LEXICAL = (
    "prompt_length", "shorter_length", "longer_length", "uneven", "towards_longer", "alike", "from_prompt", "identical",
)  # fmt: skip
NAMES = SIGNALS + LEXICAL
LEFT, RIGHT, TIE = "left", "right", "tie"
UNKNOWN = math.nan


@dataclass(frozen=True)
class Signals:
    """What a judge said of two responses, left and right in the order of the item; None: not known.

    `verdict`: left, right, tie, both_bad, or None where it could not be read; `swapped`: the same asked the other way
    round, in the order of the item; `samples`: asked again; `p_left`: P(left is better); `score_gap`: of left less that
    of right. `others`, `other_gaps`: of further judges.
    """

    verdict: str | None = None
    swapped: str | None = None
    samples: Sequence[str] = ()
    p_left: float | None = None
    score_gap: float | None = None
    others: Sequence[str | None] = ()
    other_gaps: Sequence[float] = ()
    asked: bool = True

    @property
    def side(self) -> int:
        """1: left, -1: right, 0: neither."""
        return {LEFT: 1, RIGHT: -1}.get(self.verdict or "", 0)

    def row(self) -> list[float]:
        """The features SIGNALS."""
        if not self.asked:
            return [UNKNOWN] * len(SIGNALS)
        said, others = self.verdict or TIE, [other or TIE for other in self.others]
        return [
            float(self.verdict == TIE),
            float(self.verdict is None),
            UNKNOWN if self.swapped is None else float(self.swapped != said),
            1 - _share(self.samples, said) if self.samples else UNKNOWN,
            UNKNOWN if self.p_left is None else abs(self.p_left - 0.5) * 2,
            UNKNOWN if self.score_gap is None else math.log1p(abs(self.score_gap)),
            1 - _share(others, said) if others else UNKNOWN,
            _share(others, TIE) if others else UNKNOWN,
            self.side * sum(self.other_gaps) / len(self.other_gaps) if self.other_gaps and self.side else UNKNOWN,
        ]

    def doubt(self) -> float:
        """How unsure the judge is, by the best that it tells: other judges, its own probability, its score gap."""
        row = dict(zip(SIGNALS, self.row(), strict=True))
        found = 0.0 if math.isnan(row["others_disagree"]) else 4 * row["others_disagree"]
        for name in ("unreadable", "order_matters", "samples_differ"):
            found += 0.0 if math.isnan(row[name]) else row[name]
        if not math.isnan(row["margin"]):
            return found + 1 - row["margin"]
        return found + (0.0 if math.isnan(row["gap"]) else 1 / (1 + row["gap"]))


def _share(said: Sequence[str], what: str) -> float:
    return sum(one == what for one in said) / len(said)


def lexical_row(prompt: str, left: str, right: str, side: int = 0) -> list[float]:
    """The features LEXICAL. `side`: which response the judge takes (1 left, -1 right, 0 neither)."""
    asked, one, other = prompt.lower().split(), left.lower().split(), right.lower().split()
    ours, theirs, said = set(one), set(other), set(asked)
    union = ours | theirs
    short, long = sorted((len(one), len(other)))
    ratio = math.log((len(one) + 1) / (len(other) + 1))
    return [
        math.log1p(len(asked)),
        math.log1p(short),
        math.log1p(long),
        abs(ratio),
        ratio * side,
        len(ours & theirs) / len(union) if union else 1.0,
        len(said & union) / len(union) if union else 0.0,
        float(left.strip() == right.strip()),
    ]


NO_TEXT = [UNKNOWN] * len(LEXICAL)


def matrix(rows: Iterable[tuple[str | None, str | None, str | None, Signals]]) -> NDArray[np.float64]:
    """(n, f) by NAMES of (prompt, left, right, signals); texts that are not known are None."""
    found = [
        signals.row()
        + (NO_TEXT if left is None or right is None else lexical_row(prompt or "", left, right, signals.side))
        for prompt, left, right, signals in rows
    ]
    return np.array(found, dtype=float).reshape(len(found), len(NAMES))


def described(prompt: str, responses: Sequence[str]) -> dict[str, Any]:
    """What a decision keeps beside its word, for people to read: lengths in words, how alike the first two are."""
    counted = [response.split() for response in responses]
    found: dict[str, Any] = {"version": VERSION, "prompt_words": len(prompt.split()), "words": [*map(len, counted)]}
    if len(responses) >= 2:
        row = dict(zip(LEXICAL, lexical_row(prompt, responses[0], responses[1]), strict=True))
        found["alike"] = round(row["alike"], 4)
        found["log_ratio"] = round(math.log((len(counted[0]) + 1) / (len(counted[1]) + 1)), 4)
        found["identical"] = responses[0] == responses[1]
    return found
