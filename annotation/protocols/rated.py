"""One aspect of a rating: its scale, its controls, a score as posted, as recorded and in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from pydantic import Field

from annotation.protocols import Config, Value
from annotation.protocols.choosing import NAME, UNKNOWN, option, said_of
from common.text import natural

SCALES = {
    "likert5": {"min": 1, "max": 5, "step": 1},
    "likert7": {"min": 1, "max": 7, "step": 1},
    "stars": {"min": 1, "max": 5, "step": 1},
    "slider": {"min": 0, "max": 100, "step": 1},
}
FINEST = 10
"""A scale of more steps than this is taken to have so many: a difference of 10 of 100 counts as one step."""


class RatedAspect(Config):
    """One line of the rubric and its scale."""

    key: str = Field(pattern=NAME)
    name: str = Field(min_length=1, max_length=80)
    description: str = Field(default="", max_length=500)
    scale: Literal["likert5", "likert7", "stars", "slider"] = "likert5"
    low: str = Field(default="", max_length=40)
    high: str = Field(default="", max_length=40)
    hide_number: bool = False


def drawn(aspect: Value, name: str, scores: Value, config: Value) -> Value:
    """The group of controls of one aspect of the target `name`, filled with its `scores`."""
    scale, said = SCALES[aspect["scale"]], aspect["key"] in scores
    score = scores.get(aspect["key"])
    group: Value = {
        "part": f"{name}.{aspect['key']}",
        "legend": aspect["name"],
        "help": aspect["description"],
        "called": said_of(name, aspect["name"]),
        "low": aspect["low"],
        "high": aspect["high"],
        "required": True,
    }
    apart = [option(UNKNOWN, 0, _("Cannot tell"), said and score is None, alone=True)] if config["cannot_tell"] else []
    if aspect["scale"] == "slider":
        hidden = aspect["hide_number"]
        return (
            group | scale | {"slider": True, "hide": hidden, "number": "" if score is None else score, "apart": apart}
        )
    stars = aspect["scale"] == "stars"
    options = [
        option(str(one), one, _point(aspect, one), score == one, "★" if stars else str(one), bare=True)
        for one in range(scale["min"], scale["max"] + 1)
    ]
    return group | {"options": options, "apart": apart, "stars": stars}


def _point(aspect: Value, score: int) -> str:
    """A point of a scale as a screen reader says it."""
    ends = {SCALES[aspect["scale"]]["min"]: aspect["low"], SCALES[aspect["scale"]]["max"]: aspect["high"]}
    words = _("%(score)s of %(most)s") % {"score": score, "most": SCALES[aspect["scale"]]["max"]}
    return f"{words} ({ends[score]})" if ends.get(score) else words


def told(aspect: Value) -> str:
    """An aspect and its scale as a judge is told of them."""
    low, high = SCALES[aspect["scale"]]["min"], SCALES[aspect["scale"]]["max"]
    ends = [f"{at} ({word})" if word else str(at) for at, word in ((low, aspect["low"]), (high, aspect["high"]))]
    described = f" {aspect['description']}" if aspect["description"] else ""
    return f"{aspect['key']}: {aspect['name']}, a whole number from {ends[0]} to {ends[1]}.{described}"


def words(aspect: Value, score: object) -> str:
    """A score of an aspect as a person reads it."""
    if score is None:
        return _("%(aspect)s: cannot tell") % {"aspect": aspect["name"]}
    shown = f"{score:.3g}" if isinstance(score, float) else str(score)
    words = {"aspect": aspect["name"], "score": shown, "most": SCALES[aspect["scale"]]["max"]}
    return pgettext("score", "%(aspect)s %(score)s of %(most)s") % words


def step(scale: Value) -> float:
    """What counts as one step of a scale."""
    width = scale["max"] - scale["min"]
    return float(max(scale.get("step") or 0, width / FINEST)) if width else 1.0


def read(texts: Sequence[str]) -> Any:
    """A number, None for "cannot tell"; whatever else was posted stays text, to be refused."""
    if list(texts) == [UNKNOWN]:
        return None
    text = texts[-1] if len(texts) == 1 else " ".join(texts)
    number = natural(text, 3)
    return text if number is None else number


def plain(score: float) -> float:
    """A computed score as it is stored: a whole number as one, else rounded."""
    found = round(score, 6)
    return int(found) if found == int(found) else found


def is_number(score: object) -> bool:
    return score is None or (isinstance(score, int | float) and not isinstance(score, bool))


def scales_hold(scales: object, scores: Mapping[str, Any]) -> bool:
    """Whether every score has a scale with ends that hold it."""
    if not isinstance(scales, dict):
        return False
    for key, score in scores.items():
        scale = scales.get(key)
        if not isinstance(scale, dict) or not all(is_number(scale.get(end)) for end in ("min", "max", "step")):
            return False
        low, high = scale.get("min"), scale.get("max")
        if low is None or high is None or low >= high or (score is not None and not low <= score <= high):
            return False
    return True
