"""The signed scale of a comparison, from "A is much better" (digit 1) to "B is much better" (the last digit).

An odd scale has a middle, which is the tie. Strength counts the steps from the middle: 1 (slightly) to `points // 2`.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from annotation.protocols import Value
from common.text import natural

APART = ("tie", "both_bad", "unsure")
"""Choices for neither side."""
DIGITS = {"tie": 9, "both_bad": 0}
SYMBOLS = {0: "=", 1: "≥", 2: ">", 3: "≫", 4: "⋙"}


@dataclass(frozen=True)
class ScalePoint:
    """One point of the scale in display terms; `digit` is the key that chooses it."""

    digit: int
    choice: str
    strength: int

    def symbol(self, points: int) -> str:
        # One step in all is simply "better"; among several the weakest is "at least as good".
        sign = SYMBOLS[self.strength if points // 2 > 2 or self.strength == 0 else self.strength + 1]
        return ("" if self.choice == "tie" else self.choice) + sign

    def words(self, points: int) -> str:
        if self.choice == "tie":
            return about_the_same()
        most = points // 2
        if most == 1:
            return _("%(letter)s is better") % {"letter": self.choice}
        return _degrees(most)[self.strength - 1] % {"letter": self.choice}


def about_the_same() -> str:
    return pgettext("comparison", "About the same")


def _degrees(most: int) -> tuple[str, ...]:
    slightly, somewhat = _("%(letter)s is slightly better"), _("%(letter)s is somewhat better")
    clearly, much = _("%(letter)s is clearly better"), _("%(letter)s is much better")
    return {2: (slightly, much), 3: (slightly, clearly, much), 4: (slightly, somewhat, clearly, much)}[most]


def scale(points: int) -> list[ScalePoint]:
    """The points of a scale from A to B; `points`: 3 to 9."""
    most = points // 2
    steps = [*range(-most, 0), *([0] if points % 2 else []), *range(1, most + 1)]
    return [
        ScalePoint(digit, "tie" if step == 0 else "A" if step < 0 else "B", abs(step))
        for digit, step in enumerate(steps, start=1)
    ]


def words_apart(choice: str) -> str:
    if choice == "tie":
        return about_the_same()
    return _("Both are bad") if choice == "both_bad" else pgettext("comparison", "I cannot tell")


def bar(config: Value, answer: Value) -> dict[str, list[Value]]:
    """What `annotation/protocols/bar.html` draws: the points of the scale, and the choices apart from it.

    `config`: points, and whether tie, both_bad and unsure are allowed; `answer`: {choice, strength} or {scale}.
    """
    points, chosen = config["points"], picked(config, answer)
    on_scale = [
        {"value": f"scale:{one.digit}", "digit": one.digit, "symbol": one.symbol(points), "words": one.words(points)}
        for one in scale(points)
    ]
    apart = [
        {
            "value": f"choice:{choice}",
            "digit": DIGITS.get(choice),
            "symbol": "=" if choice == "tie" else "?" if choice == "unsure" else _("Both bad"),
            "words": words_apart(choice),
        }
        for choice in APART
        if config[choice] and (choice != "tie" or points % 2 == 0)
    ]
    drawn: dict[str, list[Value]] = {"points": on_scale, "apart": apart}
    return {part: [point | {"chosen": point["value"] == chosen} for point in found] for part, found in drawn.items()}


def picked(config: Value, answer: Value) -> str:
    """The radio value that an answer in display terms stands for; empty where nothing is chosen."""
    if answer.get("scale") is not None:
        return f"scale:{answer['scale']}"
    choice, strength = answer.get("choice"), answer.get("strength", 0)
    for point in scale(config["points"]):
        if (point.choice, point.strength) == (choice, strength):
            return f"scale:{point.digit}"
    return f"choice:{choice}" if choice in APART else ""


def read_radio(text: str) -> dict[str, Any]:
    """What a chosen radio button stands for: "scale:3" or "choice:tie"."""
    part, _sep, value = text.partition(":")
    number = natural(value, 3)
    return {part: value if number is None else number}


def said(answer: Value, config: Value) -> str:
    """One comparison in words; empty where nothing is chosen."""
    if "raw" in answer:
        return _("Cannot be used: %s") % str(answer["raw"])
    choice = str(answer.get("choice") or "")
    if choice == "split":
        return _("Votes stand against each other")
    drawn = bar(config, answer)
    for point in drawn["points"] + drawn["apart"]:
        if point["chosen"]:
            return str(point["words"])
    # The mean of several votes, or a judgment of another scale, lies between the points of this one.
    if choice in APART:
        return words_apart(choice)
    if not choice:
        return ""
    return _("%(letter)s is better (strength %(strength)s)") % {
        "letter": choice,
        "strength": f"{answer.get('strength', 0):.2g}",
    }
