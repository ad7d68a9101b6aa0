"""Answers between a browser's form and display terms, whatever their protocol, and the small forms of the desk.

A control of an answer posts `answer.<field>` or `answer.<field>.<part>`; its protocol reads the parts. Nothing is
checked here: the protocol does that behind the service.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

from django import forms as django_forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from annotation.protocols import Content, Value, protocol
from annotation.selectors import FormField
from annotation.services.leases import NOTE_LIMIT

PREFIX = "answer."
Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Question:
    """A field of the form as templates draw it: `controls` in the answer area, `cards` by the letter of a response."""

    asked: FormField
    controls: Value
    cards: Mapping[str, Value]
    errors: tuple[str, ...]
    in_dock: bool

    @property
    def name(self) -> str:
        return self.asked.name

    @property
    def key(self) -> str:
        """How the names of its inputs begin."""
        return PREFIX + self.asked.name

    @property
    def card_template(self) -> str:
        return f"{self.asked.template}#card"


def read_answers(posted: QueryDict, fields: Iterable[FormField]) -> dict[str, Any]:
    """The values, in display terms, of a posted form; what was left blank is absent."""
    parts: dict[str, dict[str, list[str]]] = {}
    for key, texts in posted.lists():
        if not key.startswith(PREFIX):
            continue
        name, _dot, part = key.removeprefix(PREFIX).partition(".")
        filled = [text.replace("\r\n", "\n") for text in texts if isinstance(text, str) and text != ""]
        if filled:
            parts.setdefault(name, {})[part] = filled
    known = {field.name: field for field in fields}
    # A field that the form does not have is handed on, so that the service can say so.
    values: dict[str, Any] = {name: found for name, found in parts.items() if name not in known}
    for name in parts.keys() & known.keys():
        field = known[name]
        answer = protocol(field.protocol).read_posted(parts[name], field.config)
        if answer is not None:
            values[name] = answer
    return values


def _drawn(draw: Callable[[Value], Drawn], answer: object) -> Drawn:
    """What a protocol draws of an answer that nobody has checked: a draft of another form, or of a program's making.

    One that it cannot draw counts as blank: the page of an item must open whatever is kept for it.
    """
    if not isinstance(answer, dict):
        return draw({})
    try:
        return draw(answer)
    except (TypeError, ValueError, AttributeError, LookupError):
        return draw({})


def as_posted(fields: Iterable[FormField], values: Mapping[str, Any]) -> str:
    """The inverse of `read_answers`, URL-encoded: what the page's script fills its form with."""
    pairs: list[tuple[str, str]] = []
    for field in fields:
        draw = partial(protocol(field.protocol).as_posted, config=field.config)
        for part, text in _drawn(draw, values.get(field.name)):
            pairs.append((f"{PREFIX}{field.name}.{part}" if part else PREFIX + field.name, text))
    return urlencode(pairs)


def _errors_of(name: str, errors: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    own = (texts for key, texts in errors.items() if key == name or key.startswith(f"{name}."))
    return tuple(text for texts in own for text in texts)


def questions(
    fields: Sequence[FormField],
    values: Mapping[str, Any],
    content: Content,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> list[Question]:
    """The fields as they are drawn, filled with `values` in display terms."""
    made = []
    for field in fields:
        plug = protocol(field.protocol)
        drawn = _drawn(partial(plug.controls, field.config, content=content), values.get(field.name))
        wrong = _errors_of(field.name, errors or {})
        made.append(Question(field, drawn.answer, drawn.cards, wrong, plug.in_dock(field.config)))
    return made


def in_words(fields: Sequence[FormField], values: Mapping[str, Any]) -> list[str]:
    """An answer in display terms as sentences; each field's are led by its label where there are several fields."""
    lines = []
    for field in fields:
        draw = partial(protocol(field.protocol).in_words, config=field.config)
        said = _drawn(draw, values.get(field.name))
        if said and len(fields) > 1:
            said = [f"{field.title}: {said[0]}", *said[1:]]
        lines += said
    return lines


class Withdrawal(django_forms.Form):
    """Why an item is taken out of circulation."""

    reason = django_forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=NOTE_LIMIT,
        help_text=_("Everybody who may open this page reads it here."),
    )
