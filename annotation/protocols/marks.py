"""The steps of a response and the marks they can get."""

import re
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from annotation.protocols import Shown
from annotation.protocols.choosing import whole
from common.text import natural

GOOD, NEUTRAL, BAD, UNKNOWN = "good", "neutral", "bad", "unknown"
VALUES = (GOOD, NEUTRAL, BAD, UNKNOWN)
DIGITS = {GOOD: 1, NEUTRAL: 2, BAD: 3, UNKNOWN: 0}
SYMBOLS = {GOOD: "✓", NEUTRAL: "–", BAD: "✗", UNKNOWN: "?"}
NO_ERROR = "none"
CUTS = {"paragraphs": re.compile(r"(?:\r\n|\r(?!\n)|\n)[ \t]*(?:\r\n|\r|\n)\s*"), "lines": re.compile(r"\r\n|\r|\n")}


def said(value: str) -> str:
    """A mark in words."""
    words = {
        GOOD: pgettext("step", "Good"),
        NEUTRAL: pgettext("step", "Neutral"),
        BAD: pgettext("step", "Bad"),
        UNKNOWN: _("Cannot tell"),
    }
    return words.get(value, value)


def said_of_step(index: int, value: str) -> str:
    return _("step %(number)d: %(words)s") % {"number": index + 1, "words": said(value)}


def steps_of(response: Shown, cut: str) -> tuple[str, ...]:
    """The steps of a response; none where it has none."""
    if cut == "recorded":
        return response.steps
    return tuple(part for part in CUTS[cut].split(response.text or "") if part.strip())


def up_to(first: int | None, count: int) -> list[str]:
    """Labels that a first error stands for: what comes after it was not asked."""
    if first is None:
        return [GOOD] * count
    return [GOOD] * first + [BAD] + [UNKNOWN] * (count - first - 1)


def read_first(text: str) -> Any:
    if text == NO_ERROR:
        return None
    number = natural(text, 4)
    return text if number is None else number


def recorded(given: object) -> list[str] | None:
    """Labels in step order; [] where none are recorded, None where they cannot be used."""
    if given is None:
        return []
    if not isinstance(given, list):
        return None
    found: dict[int, str] = {}
    for one in given:
        index, value = (one.get("index"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not whole(index) or index in found or value not in VALUES:
            return None
        found[index] = str(value)
    if found and (min(found) < 0 or max(found) > 10_000):
        return None
    return [found.get(index, UNKNOWN) for index in range(max(found, default=-1) + 1)]
