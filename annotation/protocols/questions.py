"""One question of a list of labels: its settings, its controls, what is wrong with an answer, an answer in words.

An answer is true or false, an option's key, a list of keys, a number, or null for "cannot tell".
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field, model_validator

from annotation.protocols import Config, Value
from annotation.protocols.choosing import NAME, UNKNOWN, option, said_of

NONE = "-"
"""Posted for "none of these"; no option can have this key."""
YES, NO = "yes", "no"


class Choice(Config):
    key: str = Field(pattern=NAME)
    label: str = Field(min_length=1, max_length=120)


class Question(Config):
    """`options`: of single and multiple; `minimum`, `maximum`: of a number."""

    key: str = Field(pattern=NAME)
    label: str = Field(min_length=1, max_length=200)
    help: str = Field(default="", max_length=500)
    kind: Literal["yes_no", "single", "multiple", "number"] = "yes_no"
    options: list[Choice] = Field(default_factory=list, max_length=40)
    required: bool = True
    cannot_tell: bool = False
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def make_sense(self) -> "Question":
        if (self.kind in ("single", "multiple")) != bool(self.options):
            raise ValueError(_("Options belong to a question of one or several answers, and to no other."))
        if len({one.key for one in self.options}) < len(self.options):
            raise ValueError(_("Two options have the same key."))
        if self.kind != "number" and (self.minimum is not None or self.maximum is not None):
            raise ValueError(_("Only a number has bounds."))
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(_("The minimum lies below the maximum."))
        return self


def drawn(question: Value, name: str, answers: Value) -> Value:
    """The group of controls of one question about the target `name`, filled with its `answers`."""
    kind, said = question["kind"], question["key"] in answers
    chosen = answers.get(question["key"])
    group: Value = {
        "part": f"{name}.{question['key']}",
        "legend": question["label"],
        "help": question["help"],
        "called": said_of(name, question["label"]),
        "required": question["required"],
        "apart": [option(UNKNOWN, 0, _("Cannot tell"), said and chosen is None, alone=True)]
        if question["cannot_tell"]
        else [],
    }
    if kind == "number":
        bounds = {"min": question["minimum"], "max": question["maximum"]}
        return group | bounds | {"number": True, "value": "" if chosen is None else _shown(chosen)}
    if kind == "yes_no":
        words = {YES: _("Yes"), NO: _("No")}
        chosen = {True: YES, False: NO}.get(chosen) if isinstance(chosen, bool) else None
        options = [option(one, digit, words[one], one == chosen) for digit, one in enumerate((YES, NO), start=1)]
    else:
        picked = chosen if isinstance(chosen, list) else [chosen]
        options = [
            option(one["key"], digit, one["label"], one["key"] in picked)
            for digit, one in enumerate(question["options"], start=1)
        ]
    if kind == "multiple":
        digit = len(options) + 1
        group["apart"] = [option(NONE, digit, _("None of these"), chosen == [], alone=True), *group["apart"]]
    return group | {"options": options, "multiple": kind == "multiple"}


def _number(said: object) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)


def typed(said: object) -> bool:
    """Whether a recorded answer is of a type that a question can have."""
    if isinstance(said, list):
        return all(isinstance(one, str) for one in said)
    return said is None or isinstance(said, bool | str) or _number(said)


def wrong(said: object, question: Value) -> str:
    """What is wrong with an answer to a question; empty where nothing is."""
    keys = [one["key"] for one in question["options"]]
    if said is None:
        return "" if question["cannot_tell"] else _("Needs an answer.")
    if question["kind"] == "yes_no":
        return "" if isinstance(said, bool) else _("Must be true or false.")
    if question["kind"] == "single":
        return "" if said in keys else _("Must be one of %s.") % ", ".join(keys)
    if question["kind"] == "multiple":
        known = isinstance(said, list) and all(one in keys for one in said) and len(set(said)) == len(said)
        if not known and isinstance(said, list) and {NONE, UNKNOWN} & {str(one) for one in said}:
            return _("“None of these” and “cannot tell” go with nothing else.")
        return "" if known else _("Must be a list of some of %s.") % ", ".join(keys)
    if not _number(said):
        return _("Must be a number.")
    low, high = question["minimum"], question["maximum"]
    if low is not None and said < low:
        return _("Must be at least %s.") % _shown(low)
    return _("Must be at most %s.") % _shown(high) if high is not None and said > high else ""


def in_order(said: Any, question: Value) -> Any:
    """Several answers in the order of the options."""
    if not isinstance(said, list):
        return said
    return [one["key"] for one in question["options"] if one["key"] in said]


def _shown(number: object) -> str:
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def told(question: Value) -> str:
    """A question and how to answer it, as a judge is told."""
    keys = [f'"{one["key"]}" ({one["label"]})' for one in question["options"]]
    low, high = question["minimum"], question["maximum"]
    bounds = [f"{word} {_shown(at)}" for word, at in (("at least", low), ("at most", high)) if at is not None]
    answer = {
        "yes_no": "true or false",
        "single": f"one of {', '.join(keys)}",
        "multiple": f"a list of some of {', '.join(keys)}; [] for none of them",
        "number": " ".join(["a number,", *bounds]).rstrip(","),
    }[question["kind"]]
    answer += "; null where you cannot tell" if question["cannot_tell"] else ""
    answer += "" if question["required"] else "; leave it out where it does not apply"
    return f"{question['key']}: {question['label']} {question['help']}".rstrip() + f" Answer: {answer}."


def words(said: object, question: Value) -> str:
    labels = {one["key"]: one["label"] for one in question["options"]}
    if said is None:
        return _("cannot tell")
    if isinstance(said, bool):
        return _("yes") if said else _("no")
    if isinstance(said, list):
        return ", ".join(labels.get(one, str(one)) for one in said) or _("none of these")
    return labels.get(said, said) if isinstance(said, str) else _shown(said)


def read(texts: Sequence[str], kind: str) -> Any:
    """What was posted as an answer to a question of a kind; what makes no sense stays text, to be refused."""
    if list(texts) == [UNKNOWN]:
        return None
    if kind == "multiple":
        return [] if list(texts) == [NONE] else list(texts)
    text = texts[-1] if len(texts) == 1 else " ".join(texts)
    if kind == "yes_no":
        return {YES: True, NO: False}.get(text, text)
    return _read_number(text) if kind == "number" else text


def _read_number(text: str) -> Any:
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return text
    if not math.isfinite(found):
        return text
    return int(found) if found.is_integer() and "e" not in text.lower() else found


def posted(said: object) -> list[str]:
    if said is None:
        return [UNKNOWN]
    if isinstance(said, bool):
        return [YES if said else NO]
    if isinstance(said, list):
        return [str(one) for one in said] or [NONE]
    return [str(said)]
