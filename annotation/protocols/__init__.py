"""Forms of feedback. A protocol answers what any other module would otherwise ask "which protocol is it?" for.

One file and one line below make a new one (docs/how-to/add-a-protocol.md). Protocols are pure: no tables, no request.
"""

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict

from common import text as storable
from common.configs import checked
from common.errors import Invalid
from common.plugs import load
from common.said import said

if typing.TYPE_CHECKING:
    from annotation.protocols.asking import Task

PROTOCOLS: dict[str, str] = {
    "pairwise": "annotation.protocols.pairwise:PROTOCOL",
    "best_of_n": "annotation.protocols.best_of_n:PROTOCOL",
    "ranking": "annotation.protocols.ranking:PROTOCOL",
    "rating": "annotation.protocols.rating:PROTOCOL",
    "thumbs": "annotation.protocols.thumbs:PROTOCOL",
    "labels": "annotation.protocols.labels:PROTOCOL",
    "steps": "annotation.protocols.steps:PROTOCOL",
    "spans": "annotation.protocols.spans:PROTOCOL",
    "critique": "annotation.protocols.critique:PROTOCOL",
    "edit": "annotation.protocols.edit:PROTOCOL",
}

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What raters and judges call responses: by the position shown, never by an id."""

Value = dict[str, typing.Any]
Message = dict[str, typing.Any]
Words = str | Promise


class Config(BaseModel):
    """Base of every protocol's settings: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True)
class Key:
    """A shortcut. `action` names it in scripts; `key` is what is pressed unless a rater chose another."""

    action: str
    key: str
    words: Words


@dataclass(frozen=True)
class Shown:
    """One response of an item. `letter`: by its place as displayed; `text`: None where it was not read."""

    id: int
    letter: str
    text: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """What an answer may speak of. `responses` in item order; texts are raw, their offsets Unicode code points."""

    responses: tuple[Shown, ...]
    context: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()

    @classmethod
    def of_ids(cls, responses: Sequence[int], shown: Sequence[int]) -> "Content":
        """Responses without their texts: `responses` in item order, `shown` as displayed."""
        return cls(tuple(Shown(pk, LETTERS[list(shown).index(pk)]) for pk in responses))

    @property
    def ids(self) -> tuple[int, ...]:
        """In item order."""
        return tuple(one.id for one in self.responses)

    @property
    def displayed(self) -> tuple[Shown, ...]:
        return tuple(sorted(self.responses, key=lambda one: LETTERS.index(one.letter)))

    @property
    def shown(self) -> tuple[int, ...]:
        """Ids in the order displayed."""
        return tuple(one.id for one in self.displayed)

    def by_letter(self, letter: object, key: str) -> Shown:
        """The response called `letter`. Raises Invalid, naming the field `key`."""
        found = next((one for one in self.responses if one.letter == letter), None)
        if found is None:
            known = ", ".join(one.letter for one in self.displayed)
            raise Invalid(_("There is no such response."), fields={key: [_("Must be one of %s.") % known]})
        return found

    def by_id(self, pk: int) -> Shown:
        return next(one for one in self.responses if one.id == pk)

    def letter(self, pk: int) -> str:
        return self.by_id(pk).letter

    def text(self, pk: int) -> str:
        found = self.by_id(pk).text
        assert found is not None, "a protocol that needs texts says so: reads_text"
        return found


@dataclass(frozen=True)
class Shape:
    """What an item has to be judged."""

    responses: int
    steps: bool = False
    passages: int = 0


@dataclass(frozen=True)
class Controls:
    """What a protocol's template draws: `answer` once, `cards` under the response of each letter."""

    answer: Value
    cards: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Preference:
    """One pair that training can learn from. `soft`: P(the chosen is better), 0.5 for a tie; `strength` 0 for a tie."""

    chosen_id: int
    rejected_id: int
    strength: float
    soft: float


class Protocol(typing.Protocol):
    """What every plug of this family has.

    Three forms of an answer: *display terms*, as posted by a browser, the API or a judge, name responses by the letters
    they were shown under; the *normal form*, as stored, names them by id; a *record* is one of an import (native form).
    """

    key: str
    title: Words
    asks: Words
    """The heading of a page that asks nothing else."""
    Config: type[BaseModel]
    form_template: str
    script: str
    """A module under static/ that wires its controls; empty where the page's own script is enough."""
    record_kinds: tuple[str, ...]
    reads_text: bool
    """Whether an answer cannot be checked or stored without the texts it speaks of."""
    on_cards: bool
    """Whether its template has a part `card`, drawn under each response."""
    rule: str | None
    """The consensus rule that settles its labels; None where there is nothing to settle."""
    outcomes: tuple[str, ...]
    """What every soft label has a share for, also where nobody voted for it; votes may name others."""
    keys: tuple[Key, ...]

    def in_dock(self, config: Value) -> bool:
        """Whether its controls are short enough for the bar at the bottom of the page."""

    def check_item(self, shape: Shape, config: Value) -> str:
        """Why an item of such a shape cannot be judged by this form; empty where it can."""

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        """What the form's template draws, filled with an answer in display terms ({} where there is none)."""

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        """The answer in display terms that a browser posted; None where all is blank. Checks nothing.

        `parts`: the texts posted as `answer.<field>.<part>` by part; the part of `answer.<field>` is "".
        """

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        """The inverse: (part, text) pairs."""

    def in_words(self, answer: Value, config: Value) -> list[str]:
        """An answer in display terms as short sentences, the verdict first."""

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        """The value to store for an answer in display terms, or in normal form already.

        Raises Invalid with the faulty keys as fields.
        """

    def display_form(self, value: Value, content: Content) -> Value:
        """The inverse: a stored value in the terms of the order displayed."""

    def from_record(self, record: Mapping[str, typing.Any], names: Mapping[str, int], content: Content) -> Value:
        """The value of a recorded judgment; `names`: external id → id, in item order. Never raises: what cannot be
        used is kept under "raw", and votes for nothing."""

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        """The inverse: the payload of a native record, its kind under "kind"; `names`: id → external id."""

    def outcome(self, value: Value) -> str | None:
        """What a value votes for; None where it votes for nothing."""

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        """What an outcome of a soft label means, responses going by their letters in `content`."""

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        """One value that stands for `values`, which all voted for `outcome`."""

    def split(self, values: Sequence[Value]) -> Value:
        """The value of an item whose votes stand against each other; no preference is learnt from it."""

    def distance(self, left: Value, right: Value) -> float:
        """How far two values are apart, from 0 (the same) to 1."""

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """The pairs that training can learn from a value; `soft`: a label's shares by outcome."""


class Askable(Protocol, typing.Protocol):
    """A protocol that a judge can be asked by; `annotation.protocols.asking.Asked` has most of it."""

    def question(self, config: Value, content: Content) -> "Task":
        """What to ask of `content`, whose responses go by the letters they are shown under."""

    def read_answer(self, text: str, config: Value, content: Content) -> Value | None:
        """A judge's answer in display terms; None where it does not parse or breaks the form's rules in anything."""

    def as_answer(self, label: Value, values: Sequence[Value], config: Value) -> Value:
        """The answer that readings of one question make; `label`: what the form's consensus rule makes of `values`."""

    def portions(self, config: Value) -> list[tuple[str, Value]]:
        """(name, configuration) of the parts that may be asked one by one; their answers make the whole (`joined`)."""

    def joined(self, answers: Mapping[str, Value], config: Value) -> Value:
        """The answer in display terms of the answers to all portions, by name."""


def protocol(key: str) -> Protocol:
    """The protocol called `key`. Raises Invalid where there is none."""
    plug: Protocol = load(PROTOCOLS, key, "protocol")
    return plug


def askable(key: str) -> Askable:
    """The protocol called `key`, which judges can be asked by. Raises Invalid where there is none."""
    plug = protocol(key)
    if not hasattr(plug, "question"):
        raise Invalid(_("Judges cannot be asked by this form."))
    return typing.cast(Askable, plug)


@cache
def default_config(key: str) -> Value:
    """The configuration of a field that nobody configured. Read only."""
    return protocol(key).Config().model_dump(mode="json")


def check_config(key: str, config: object) -> Value:
    """The complete configuration that `config` stands for. Raises Invalid, fields named by configuration key."""
    return checked(protocol(key).Config, config).model_dump(mode="json")


def full_config(field: Mapping[str, typing.Any]) -> Value:
    """The configuration of a stored field; settings that came later have their defaults."""
    config: Value = default_config(field["protocol"]) | field["config"]
    return config


def fault(key: str, text: str) -> Invalid:
    """A value is wrong in its part `key`."""
    return Invalid(text, fields={key: [text]})


def check_keys(raw: object, allowed: typing.Collection[str]) -> Value:
    """`raw` as an object with no key but `allowed`. Raises Invalid."""
    if not isinstance(raw, dict):
        raise Invalid(_("An answer is an object."))
    unknown = sorted(str(key) for key in set(raw) - set(allowed))
    if unknown:
        raise fault(unknown[0], _("There is no such part of the answer."))
    return raw


def check_text(raw: object, key: str, *, limit: int, need: str = "optional") -> str:
    """A text that a rater wrote; `need`: off, optional or required. Raises Invalid."""
    if raw is not None and not isinstance(raw, str):
        raise fault(key, _("Must be text."))
    text = raw or ""
    if need == "off" and text:
        raise fault(key, _("This form does not ask for it."))
    if need == "required" and not text.strip():
        raise fault(key, _("Write something."))
    if len(text) > limit:
        raise fault(key, _("At most %s characters.") % f"{limit:,}")
    try:
        storable.check_text(text)
    except ValueError as wrong:
        raise fault(key, said(str(wrong))) from wrong
    return text


def check_whole(raw: object, key: str, low: int, high: int) -> int:
    """A whole number in bounds. Raises Invalid."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
        raise fault(key, _("Must be a whole number from %(low)d to %(high)d.") % {"low": low, "high": high})
    return raw
