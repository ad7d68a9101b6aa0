"""What forms made of choices share: the targets of an answer, options with their digits, votes by part."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeGuard

from django.utils.translation import gettext as _

from annotation.protocols import Content, Value, fault
from common.errors import Invalid

RATIONALE_LIMIT = 20_000
NAME = r"^[a-z][a-z0-9_]{0,39}$"
Need = Literal["off", "optional", "required"]
Target = Literal["responses", "item", "messages"]

ITEM = "item"
UNKNOWN = "?"
"""Posted for "cannot tell"; no option can have this key."""
_MESSAGE = re.compile(r"message:(0|[1-9]\d{0,3})")


def canonical(value: Any) -> str:
    """JSON that is the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def whole(raw: object) -> TypeGuard[int]:
    return isinstance(raw, int) and not isinstance(raw, bool)


# Targets: what one answer speaks of. Displayed: "A", "item", "message:0"; stored: "12" (the id), "item", "message:0".


def targets(target: str, content: Content) -> list[str]:
    """What is to be judged, in the terms displayed and the order displayed."""
    if target == "messages":
        return [f"message:{index}" for index in range(len(content.messages))]
    return [ITEM] if target == "item" else [one.letter for one in content.displayed]


def stored_name(name: object, target: str, content: Content) -> str:
    """A target as stored, of its displayed or its stored name. Raises Invalid, naming it."""
    key = str(name)
    if target == "responses":
        known = next((one for one in content.responses if key in (one.letter, str(one.id))), None)
        if known is not None:
            return str(known.id)
    elif key in targets(target, content):
        return key
    raise fault(key, _("This form does not ask about it."))


def shown_name(stored: str, content: Content) -> str:
    return content.letter(int(stored)) if stored.isdigit() else stored


def is_target(key: str) -> bool:
    """Whether `key` of a stored value is a target; what a consensus rule adds is none."""
    return key.isdigit() or key == ITEM or _MESSAGE.fullmatch(key) is not None


def called(name: str) -> str:
    """A target in words; the whole item needs none."""
    if name == ITEM:
        return ""
    if found := _MESSAGE.fullmatch(name):
        return _("Message %d") % (int(found[1]) + 1)
    return _("Response %s") % name


def said_of(name: str, words: str) -> str:
    """A sentence about a target."""
    subject = called(name)
    return _("%(subject)s: %(words)s") % {"subject": subject, "words": words} if subject else words


def ordered(names: Iterable[str]) -> list[str]:
    """Displayed targets in the order of the page."""
    return sorted((str(name) for name in names), key=lambda name: (len(name), name))


def check_targets(raw: Mapping[str, Any], target: str, content: Content) -> dict[str, tuple[str, Any]]:
    """{stored name: (name to report faults by, what was said)}. Raises Invalid where one is unknown or said twice."""
    found: dict[str, tuple[str, Any]] = {}
    for name, said in raw.items():
        stored = stored_name(name, target, content)
        if stored in found:
            raise fault(str(name), _("Is given twice."))
        found[stored] = (shown_name(stored, content), said)
    return found


def record_target(stored: str, names: Mapping[int, str]) -> Value:
    """{"target": …} of a native record; empty for the whole item."""
    if stored.isdigit():
        return {"target": {"response_id": names[int(stored)]}}
    return {} if stored == ITEM else {"target": {"message_index": int(stored.partition(":")[2])}}


def target_of(record: Mapping[str, Any], names: Mapping[str, int]) -> str | None:
    """The stored name of a native record's target; None where it speaks of something that is not there."""
    target = record.get("target")
    if target is None:
        return ITEM
    if not isinstance(target, dict):
        return None
    if "response_id" in target:
        pk = names.get(str(target["response_id"]))
        return None if pk is None else str(pk)
    index = target.get("message_index")
    return f"message:{index}" if whole(index) and 0 <= index < 10_000 else None


def each_record(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts of a record: one for each target."""
    each = record.get("each")
    if isinstance(each, list):
        return [one if isinstance(one, dict) else {} for one in each]
    return [record]


def as_record(kind: str, parts: Sequence[Value]) -> Value:
    """The inverse. A native record speaks of one target; of several, each stands under "each"."""
    return {"kind": kind} | (parts[0] if len(parts) == 1 else {"each": list(parts)})


def rail(drawn: Mapping[str, Value], content: Content) -> list[Value]:
    """What is drawn of each target beside the texts, with what it is called and how a message begins."""
    messages = [" ".join(text.split())[:160] for text in content.messages]
    return [
        groups | {"name": name, "title": called(name), "excerpt": "" if name == ITEM else messages[place]}
        for place, (name, groups) in enumerate(drawn.items())
    ]


class Faults:
    """Everything that is wrong with an answer, told at once."""

    def __init__(self) -> None:
        self.fields: dict[str, list[str]] = {}

    def add(self, key: str, text: str) -> None:
        self.fields.setdefault(key, []).append(text)

    def take(self, fault: Invalid, prefix: str = "") -> None:
        for key, texts in (fault.fields or {"": [fault.detail]}).items():
            self.fields.setdefault(f"{prefix}{key}".rstrip("."), []).extend(texts)

    def check(self) -> None:
        """Raises Invalid where there are any."""
        if self.fields:
            raise Invalid(next(iter(self.fields.values()))[0], fields=self.fields)


def needed(words: str) -> str:
    return _("%s: needs an answer.") % words


def option(
    value: str,
    digit: int | None,
    words: str,
    chosen: bool,
    symbol: str = "",
    *,
    bare: bool = False,
    alone: bool = False,
) -> Value:
    """One radio or check box of a group (templates/annotation/protocols/choice.html).

    `bare`: the symbol is drawn, the words are only said; `alone`: goes with nothing else of its group.
    """
    return {
        "bare": bare,
        "keyed": digit is not None and digit < 10 and symbol != str(digit),
        "alone": alone,
        "value": value,
        "digit": digit if digit is not None and digit < 10 else None,
        "words": words,
        "symbol": symbol,
        "chosen": chosen,
    }


class Unvoted:
    """A form whose answers are not voted on: texts and marks differ from rater to rater."""

    outcomes: tuple[str, ...] = ()

    def outcome(self, value: Value) -> str | None:
        return None

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        return outcome

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        return values[0]

    def split(self, values: Sequence[Value]) -> Value:
        return {}


class ByPart(ABC):
    """A form whose answers are voted on part by part: subclasses say what the parts are (`ballots`, `elected`)."""

    rule: str | None = "majority_each"
    outcomes: tuple[str, ...] = ()

    @abstractmethod
    def ballots(self, value: Value) -> dict[str, str]:
        """{part: what the value says about it}; empty where it votes for nothing."""

    @abstractmethod
    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        """The value made of what each part has won; None where the votes stand against each other.

        `values`: those that voted, in the normal form.
        """

    def outcome(self, value: Value) -> str | None:
        ballots = self.ballots(value)
        return canonical(ballots) if ballots else None

    def outcome_in_words(self, outcome: str, content: Content) -> str:
        part, _equals, said = outcome.partition("=")
        name, _dot, rest = part.partition(".")
        return said_of(shown_name(name, content), self.part_in_words(rest, said))

    def part_in_words(self, rest: str, said: str) -> str:
        """What was said about a part of a target; `rest`: what its name holds beside the target."""
        return f"{rest} {said}".strip()

    def merged(self, outcome: str, values: Sequence[Value]) -> Value:
        return self.elected(json.loads(outcome), values)

    def split(self, values: Sequence[Value]) -> Value:
        return self.elected({part: None for value in values for part in self.ballots(value)}, values)

    def distance(self, left: Value, right: Value) -> float:
        """The share of parts that differ; what only one of them speaks of differs."""
        ours, theirs = self.ballots(left), self.ballots(right)
        parts = {*ours, *theirs}
        return sum(ours.get(part) != theirs.get(part) for part in parts) / len(parts) if parts else 0.0


def undecided(won: Mapping[str, str | None]) -> Value:
    """{"split": parts} where votes stand against each other."""
    parts = sorted(part for part, outcome in won.items() if outcome is None)
    return {"split": parts} if parts else {}
