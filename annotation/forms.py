"""Answers between a browser's form and display terms, and the form that configures a project's questions.

A control of an answer posts `answer.<field>` = "<part>:<value>" (a chosen radio) or `answer.<field>.<part>` = text, so
that no view has to know which protocol asked. Nothing is checked here: the protocol does that behind the service.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms as django_forms
from django.http import QueryDict

from annotation.protocols import Value
from annotation.protocols.pairwise import levels, scale
from annotation.selectors import FormField
from annotation.services.leases import NOTE_LIMIT
from common.errors import Invalid

PREFIX = "answer."
SYMBOLS = {0: "=", 1: "≥", 2: ">", 3: "≫", 4: "⋙"}
BOTH_BAD, TIE = "Both are bad", "About the same"
NO_TIE_DIGIT, NO_BOTH_BAD_DIGIT = 9, 0


@dataclass(frozen=True)
class Point:
    """One radio button. `digit` is the key that chooses it."""

    value: str
    digit: int
    symbol: str
    words: str
    chosen: bool = False


@dataclass(frozen=True)
class PairwiseControls:
    """What `annotation/protocols/pairwise.html` draws."""

    name: str
    template: str
    points: tuple[Point, ...]
    extra: tuple[Point, ...]
    rationale: str
    text: str
    errors: tuple[str, ...]


def read_answers(posted: QueryDict) -> dict[str, Any]:
    """The values, in display terms, of a posted form; what was left blank is absent."""
    values: dict[str, Any] = {}
    for key, text in posted.items():
        if not key.startswith(PREFIX) or not isinstance(text, str) or text == "":
            continue
        name, _, part = key.removeprefix(PREFIX).partition(".")
        if not part:
            part, _, text = text.partition(":")
        value: Any = int(text) if part == "scale" and text.isascii() and text.isdigit() and len(text) < 4 else text
        values.setdefault(name, {})[part] = value.replace("\r\n", "\n") if isinstance(value, str) else value
    return values


def _picked(config: Value, answer: Value) -> str:
    """The radio value that an answer in display terms stands for; empty where nothing is chosen."""
    if answer.get("scale") is not None:
        return f"scale:{answer['scale']}"
    choice, strength = answer.get("choice"), answer.get("strength", 0)
    for point in scale(config):
        if (point.choice, point.strength) == (choice, strength):
            return f"scale:{point.digit}"
    return f"choice:{choice}" if choice in ("tie", "both_bad") else ""


def as_posted(fields: Iterable[FormField], values: Mapping[str, Any]) -> str:
    """The inverse of `read_answers`, URL-encoded: what the page's script fills its form with."""
    pairs: dict[str, str] = {}
    for field in fields:
        answer = values.get(field.name) or {}
        key = PREFIX + field.name
        if picked := _picked(field.config, answer):
            pairs[key] = picked
        if answer.get("rationale"):
            pairs[f"{key}.rationale"] = answer["rationale"]
    return urlencode(pairs)


def _points(config: Value, picked: str) -> tuple[Point, ...]:
    made = []
    for point in scale(config):
        value = f"scale:{point.digit}"
        # One step in all is simply "better"; among several the weakest is "at least as good".
        sign = SYMBOLS[point.strength if levels(config) > 2 or point.strength == 0 else point.strength + 1]
        letter = "" if point.choice == "tie" else point.choice
        made.append(Point(value, point.digit, letter + sign, point.label, value == picked))
    return tuple(made)


def _extra(config: Value, picked: str) -> tuple[Point, ...]:
    made = []
    if config["tie"] and config["points"] % 2 == 0:
        made.append(Point("choice:tie", NO_TIE_DIGIT, "=", TIE, picked == "choice:tie"))
    if config["both_bad"]:
        made.append(Point("choice:both_bad", NO_BOTH_BAD_DIGIT, "Both bad", BOTH_BAD, picked == "choice:both_bad"))
    return tuple(made)


def _errors_of(name: str, errors: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    own = (texts for key, texts in errors.items() if key == name or key.startswith(f"{name}."))
    return tuple(text for texts in own for text in texts)


def controls(
    fields: Sequence[FormField], values: Mapping[str, Any], errors: Mapping[str, Sequence[str]] | None = None
) -> list[PairwiseControls]:
    """The controls of `fields`, filled with `values` in display terms."""
    made = []
    for field in fields:
        answer = values.get(field.name) or {}
        picked = _picked(field.config, answer)
        made.append(
            PairwiseControls(
                name=field.name,
                template=field.template,
                points=_points(field.config, picked),
                extra=_extra(field.config, picked),
                rationale=field.config["rationale"],
                text=answer.get("rationale", ""),
                errors=_errors_of(field.name, errors or {}),
            )
        )
    return made


def in_words(fields: Iterable[FormField], values: Mapping[str, Any]) -> list[str]:
    """An answer in display terms as sentences: the verdict, then the rationale where there is one."""
    lines = []
    for field in fields:
        answer = values.get(field.name) or {}
        picked = _picked(field.config, answer)
        points = (*_points(field.config, picked), *_extra(field.config, picked))
        lines.append(next((point.words for point in points if point.chosen), "Nothing chosen"))
        if answer.get("rationale"):
            lines.append(answer["rationale"])
    return lines


class Withdrawal(django_forms.Form):
    """Why an item is taken out of circulation."""

    reason = django_forms.CharField(
        required=False, max_length=NOTE_LIMIT, help_text="Everybody who may open this page reads it here."
    )


class PairwiseSettings(django_forms.Form):
    """How a project asks for comparisons. Which combinations make sense is the protocol's word (`check_config`)."""

    points = django_forms.TypedChoiceField(
        label="Points of the scale",
        coerce=int,
        choices=[(n, f"{n}") for n in range(3, 10)],
        help_text="From “A is much better” to “B is much better”. An odd scale has “about the same” in its middle.",
    )
    tie = django_forms.BooleanField(label="Allow “about the same”", required=False)
    both_bad = django_forms.BooleanField(label="Allow “both are bad”", required=False)
    rationale = django_forms.ChoiceField(
        label="Rationale",
        choices=[("off", "Not asked"), ("optional", "Optional"), ("required", "Required")],
        help_text="A few words of the rater on why.",
    )

    def fields_with(self, current: Sequence[Value]) -> list[Value]:
        """The form's fields with every comparison configured as posted."""
        if not self.is_valid():
            raise Invalid("Some settings are not valid.")
        return [
            dict(field) | ({"config": dict(self.cleaned_data)} if field["protocol"] == "pairwise" else {})
            for field in current
        ]
