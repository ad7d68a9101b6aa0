"""What the router knows of an item: its texts, and what its judges said. Numbers by name, cheap in the millions. Pure.

What is unknown is NaN: a model puts the mean in its place.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Raise it whenever a feature changes its meaning: decisions and fitted models keep the number beside their features.
VERSION = 5

SIGNALS = (
    "said_tie", "unreadable", "order_matters", "samples_differ", "margin", "gap", "unsure", "others_disagree",
    "others_tie", "others_gap",
)  # fmt: skip
TEXTS = ("prompt_length", "shorter_length", "longer_length", "uneven", "alike", "from_prompt", "identical")
"""Of the texts alone: kept once an item, before the length of each response (`text_row`)."""
LEXICAL = (*TEXTS, "towards_longer")
MEANING = ("meaning_alike", "to_prompt", "towards_prompt")
"""Of the similarities of a sentence encoder, where there is one."""
NAMES = SIGNALS + LEXICAL + MEANING
LEFT, RIGHT, TIE = "left", "right", "tie"
UNKNOWN = math.nan


@dataclass(frozen=True)
class Signals:
    """What a judge said of an item; None: not known.

    `verdict`: what its answer votes for (of two responses: left, right, tie, both_bad, in the order of the item), None
    where it could not be read; `swapped`: the same asked the other way round, in the order of the item; `samples`:
    asked again; `p_left`: P(left is better); `score_gap`: of left less that of right. `others`, `other_gaps`: of
    further judges. `confidence`: its own. `chosen`: the place of the response that it takes, where it takes one.
    """

    verdict: str | None = None
    swapped: str | None = None
    samples: Sequence[str] = ()
    p_left: float | None = None
    score_gap: float | None = None
    others: Sequence[str | None] = ()
    other_gaps: Sequence[float] = ()
    confidence: float | None = None
    taken: int | None = None
    asked: bool = True

    @property
    def chosen(self) -> int | None:
        return {LEFT: 0, RIGHT: 1}.get(self.verdict or "", self.taken)

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
            UNKNOWN if self.confidence is None else 1 - self.confidence,
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
        if self.score_gap is None and self.confidence is not None:
            return found + 1 - self.confidence
        return found + (0.0 if math.isnan(row["gap"]) else 1 / (1 + row["gap"]))


def _share(said: Sequence[str], what: str) -> float:
    return sum(one == what for one in said) / len(said)


def text_row(prompt: str, responses: Sequence[str]) -> list[float]:
    """The features TEXTS, then log(1 + words) of each response. Of more than two, the extremes and the mean pair.

    `alike`: the share of words that a pair has in common (Jaccard); `from_prompt`: of the words used, those that the
    prompt has too; `identical`: the share of pairs that are the same text. Of one response there is no pair: unknown.
    """
    asked = prompt.lower().split()
    words = [response.lower().split() for response in responses]
    sets = [set(one) for one in words]
    lengths = [math.log1p(len(one)) for one in words]
    union = set().union(*sets)
    pairs = list(combinations(range(len(sets)), 2))
    alike = identical = UNKNOWN
    if pairs:
        alike = sum(_jaccard(sets[a], sets[b]) for a, b in pairs) / len(pairs)
        identical = sum(responses[a].strip() == responses[b].strip() for a, b in pairs) / len(pairs)
    short, long = (min(lengths), max(lengths)) if lengths else (UNKNOWN, UNKNOWN)
    return [
        math.log1p(len(asked)),
        short,
        long,
        long - short,
        alike,
        len(union.intersection(asked)) / len(union) if union else 0.0,
        identical,
        *lengths,
    ]


def _jaccard(ours: set[str], theirs: set[str]) -> float:
    shared = len(ours & theirs)
    union = len(ours) + len(theirs) - shared
    return shared / union if union else 1.0


def beyond_rest(of_each: Sequence[float], chosen: int | None) -> float:
    """How far the number of the response that the judge takes lies above the mean of the rest; 0: it takes none."""
    if chosen is None or len(of_each) < 2:
        return 0.0
    rest = (sum(of_each) - of_each[chosen]) / (len(of_each) - 1)
    return of_each[chosen] - rest


def meaning_row(cosines: Sequence[float] | None, chosen: int | None) -> list[float]:
    """The features MEANING. `cosines`: of each pair of texts in the order (0,1), (0,2), …, the prompt being text 0."""
    count = 0 if cosines is None else (1 + math.isqrt(1 + 8 * len(cosines))) // 2 - 1
    if not cosines or count < 1:
        return [UNKNOWN] * len(MEANING)
    to_prompt, pairs = cosines[:count], cosines[count:]
    return [
        sum(pairs) / len(pairs) if pairs else UNKNOWN,
        sum(to_prompt) / count,
        beyond_rest(to_prompt, chosen),
    ]


NO_TEXT = [UNKNOWN] * len(LEXICAL)


def matrix(
    rows: Iterable[tuple[Sequence[float] | None, Signals]], cosines: Iterable[Sequence[float] | None] = ()
) -> NDArray[np.float64]:
    """(n, f) by NAMES of (text_row, signals); None where the texts are not known. `cosines`: of each row, or none."""
    width = len(TEXTS)
    found = [
        signals.row()
        + (
            NO_TEXT
            if texts is None
            else [*texts[:width], beyond_rest(texts[width:], signals.chosen) if signals.asked else UNKNOWN]
        )
        + meaning_row(similar, signals.chosen)
        for (texts, signals), similar in zip_longest(rows, cosines)
    ]
    return np.array(found, dtype=float).reshape(len(found), len(NAMES))


def packed(row: Sequence[float]) -> bytes:
    """A row of `text_row` as it is stored: float32, little-endian."""
    return np.asarray(row, dtype="<f4").tobytes()


def unpacked(stored: bytes) -> list[float]:
    return [float(one) for one in np.frombuffer(stored, dtype="<f4")]


def tag_names(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags as name → value, "" for one without a value; of several values the first, what is switched off is left out.

    Tags come from imports in any shape: {"safety": "high"}, {"code": true}, {"topics": ["law", "tax"]}.
    """
    found: dict[str, str] = {}
    for name, value in tags.items():
        one = value[0] if isinstance(value, list) and value else value
        if one is True:
            found[name] = ""
        elif isinstance(one, str | int | float) and one is not False:
            found[name] = str(one)
    return found


def slices(tags: Mapping[str, str]) -> list[str]:
    """The names of the slices that an item is in: "key=value", or "key" for a tag without a value."""
    return [f"{key}={value}" if value else key for key, value in tags.items()]


def described(prompt: str, responses: Sequence[str]) -> dict[str, Any]:
    """What a decision keeps beside its word, for people to read: lengths in words, how alike the first two are."""
    counted = [response.split() for response in responses]
    found: dict[str, Any] = {"version": VERSION, "prompt_words": len(prompt.split()), "words": [*map(len, counted)]}
    if len(responses) >= 2:
        found["alike"] = round(_jaccard(*({*one.lower().split()} for one in responses[:2])), 4)
        found["log_ratio"] = round(math.log((len(counted[0]) + 1) / (len(counted[1]) + 1)), 4)
        found["identical"] = responses[0] == responses[1]
    return found
