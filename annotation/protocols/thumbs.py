"""Thumbs up, down or neutral, with reasons to tick: for each response, the whole item, or each message."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from pydantic import Field, field_validator

from annotation.protocols import Config, Content, Controls, Key, Preference, Shape, Value, check_keys
from annotation.protocols.asking import Asked, Task, one_of
from annotation.protocols.choosing import (
    ITEM,
    NAME,
    ByPart,
    Faults,
    Target,
    as_record,
    called,
    check_targets,
    each_record,
    is_target,
    needed,
    option,
    ordered,
    rail,
    record_target,
    said_of,
    shown_name,
    target_of,
    targets,
    undecided,
)
from common.words import gettext_noop

VALUES = ("up", "down", "neutral")
SYMBOLS = {"up": "▲", "down": "▼", "neutral": "■"}


class Reaction(Config):
    """A reason to tick: a word, and an emoji before it if one is given."""

    key: str = Field(pattern=NAME)
    label: str = Field(min_length=1, max_length=60)
    emoji: str = Field("", max_length=8)


class ThumbsConfig(Config):
    target: Target = Field(
        "responses",
        title=gettext_noop("What is judged"),
        description=gettext_noop("Each response, the whole item, or each message of the conversation."),
    )
    neutral: bool = Field(False, title=gettext_noop("Allow “neutral”"))
    every: bool = Field(
        True,
        title=gettext_noop("Every one must be judged"),
        description=gettext_noop("Off: one thumb is enough, the others may be left out."),
    )
    reasons: list[Reaction] = Field(
        default_factory=list,
        max_length=24,
        title=gettext_noop("Reactions"),
        description=gettext_noop("Reasons to tick beside the thumb, each with a key, a label and perhaps an emoji."),
    )

    @field_validator("reasons")
    @classmethod
    def reasons_differ(cls, reasons: list[Reaction]) -> list[Reaction]:
        if len({reason.key for reason in reasons}) < len(reasons):
            raise ValueError(_("Two reactions have the same key."))
        return reasons


def words_of(value: str) -> str:
    """A thumb in words."""
    words = {"up": pgettext("thumb", "Good"), "down": pgettext("thumb", "Bad"), "neutral": pgettext("thumb", "Neutral")}
    return words.get(value, value)


class Thumbs(ByPart, Asked):
    key = "thumbs"
    title = gettext_lazy("Thumbs and reactions")
    asks = gettext_lazy("What do you think of it?")
    Config = ThumbsConfig
    form_template = "annotation/protocols/thumbs.html"
    script = "annotation/protocols/rail.js"
    record_kinds = ("thumbs",)
    reads_text = True  # the number of messages is known with them
    on_cards = True
    keys: tuple[Key, ...] = ()

    def in_dock(self, config: Value) -> bool:
        return config["target"] == "responses" or (config["target"] == ITEM and not config["reasons"])

    def check_item(self, shape: Shape, config: Value) -> str:
        if config["target"] == "responses" and not shape.responses:
            return _("there is no response to judge")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        drawn = {
            name: {"groups": self._groups(name, answer.get(name) or {}, config)}
            for name in targets(config["target"], content)
        }
        if config["target"] == "responses":
            return Controls({"rail": []}, drawn)
        return Controls({"rail": rail(drawn, content)})

    def _groups(self, name: str, marked: Value, config: Value) -> list[Value]:
        values = [one for one in VALUES if one != "neutral" or config["neutral"]]
        options = [
            option(one, digit, words_of(one), one == marked.get("value"), SYMBOLS[one])
            for digit, one in enumerate(values, start=1)
        ]
        if not config["every"]:
            options.append(option("", 0, _("Not judged"), not marked.get("value")))
        words = called(name) or _("your thumb")
        thumb = {"part": name, "legend": words, "called": words, "quiet": True, "options": options}
        thumb |= {"required": config["every"], "flow": not config["every"]}
        if not config["reasons"]:
            return [thumb]
        chosen = marked.get("reasons") or []
        reasons = [
            option(one["key"], None, one["label"], one["key"] in chosen, one["emoji"]) for one in config["reasons"]
        ]
        legend = said_of(name, _("reasons")) if name != ITEM else _("Reasons")
        return [
            thumb,
            {"part": f"{name}.reasons", "legend": legend, "quiet": True, "options": reasons, "multiple": True},
        ]

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        answer: Value = {}
        for part, posted in parts.items():
            name, _dot, which = part.partition(".")
            texts = [text for text in posted if text]
            if texts:
                answer.setdefault(name, {}).update({"reasons": texts} if which == "reasons" else {"value": texts[-1]})
        return answer or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = []
        for name, marked in answer.items():
            pairs += [(name, marked["value"])] if marked.get("value") else []
            pairs += [(f"{name}.reasons", reason) for reason in marked.get("reasons") or []]
        return pairs

    def in_words(self, answer: Value, config: Value) -> list[str]:
        labels = {one["key"]: one["label"] for one in config["reasons"]}
        lines = []
        for name in ordered(answer):
            marked = answer[name]
            reasons = ", ".join(labels.get(key, key) for key in marked.get("reasons") or [])
            value = marked.get("value")
            words = words_of(value) if value else _("votes stand against each other")
            lines.append(said_of(name, f"{words} ({reasons})" if reasons else words))
        return lines or [_("Nothing judged")]

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, raw if isinstance(raw, dict) else ())
        found, faults = check_targets(given, config["target"], content), Faults()
        value = {stored: self._marked(name, marked, config, faults) for stored, (name, marked) in found.items()}
        if config["every"] or not value:
            wanting = [
                name for name in targets(config["target"], content) if name not in {n for n, _m in found.values()}
            ]
            for name in wanting if config["every"] else wanting[:1]:
                faults.add(name, needed(called(name) or _("your thumb")))
        faults.check()
        return dict(sorted(value.items()))

    def _marked(self, name: str, marked: object, config: Value, faults: Faults) -> Value:
        if not isinstance(marked, dict) or set(marked) - {"value", "reasons"}:
            faults.add(name, _("Must be an object with a value and perhaps reasons."))
            return {}
        allowed = [one for one in VALUES if one != "neutral" or config["neutral"]]
        if marked.get("value") not in allowed:
            faults.add(name, _("Must be one of %s.") % ", ".join(allowed))
            return {}
        reasons, known = marked.get("reasons") or [], [one["key"] for one in config["reasons"]]
        if not isinstance(reasons, list) or any(reason not in known for reason in reasons):
            faults.add(f"{name}.reasons", _("There is no such reason."))
            return {}
        return {"value": marked["value"], "reasons": [key for key in known if key in reasons]}

    def display_form(self, value: Value, content: Content) -> Value:
        return {
            shown_name(name, content): {key: one for key, one in marked.items() if one not in (None, [])}
            for name, marked in value.items()
            if is_target(name)
        }

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        value: Value = {}
        for one in each_record(record):
            target, reasons = target_of(one, names), one.get("reasons") or []
            usable = isinstance(reasons, list) and all(isinstance(reason, str) for reason in reasons)
            if target is None or target in value or one.get("value") not in VALUES or not usable:
                return {"raw": dict(record)}
            value[target] = {"value": one["value"], "reasons": list(reasons)}
        return value

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return dict(value["raw"])
        parts = [record_target(name, names) | marked for name, marked in value.items() if is_target(name)]
        return as_record("thumbs", parts)

    # Labels: thumbs are voted on; reasons go with them and are no votes.

    def ballots(self, value: Value) -> dict[str, str]:
        return {name: str(one["value"]) for name, one in value.items() if is_target(name) and one.get("value")}

    def part_in_words(self, rest: str, said: str) -> str:
        return words_of(said)

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        """A reason is kept where more than half of those who judged its target gave it."""
        found: Value = {}
        for name in sorted(won):
            judged = [value[name] for value in values if (value.get(name) or {}).get("value")]
            counts = [key for marked in judged for key in marked.get("reasons") or []]
            kept = sorted({key for key in counts if counts.count(key) * 2 > len(judged)})
            found[name] = {"value": won[name], "reasons": kept}
        return found | undecided(won)

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """Every response with a thumb up above every one with a thumb down. `soft`: shares of "<id>=up" and so on."""
        thumbs = {name: marked.get("value") for name, marked in value.items() if name.isdigit()}
        up, down = ([name for name, thumb in thumbs.items() if thumb == one] for one in ("up", "down"))
        found = []
        for better, worse in product(up, down):
            agreed = [soft.get(f"{better}=up", 1.0), soft.get(f"{worse}=down", 1.0)] if soft else [1.0, 1.0]
            found.append(Preference(int(better), int(worse), 1.0, (agreed[0] + agreed[1]) / 2))
        return found

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        names = targets(config["target"], content)
        values = one_of([one for one in VALUES if one != "neutral" or config["neutral"]])
        reasons = f', "reasons": [some of {one_of([one["key"] for one in config["reasons"]])}]'
        marked = f'{{"value": {values}{reasons if config["reasons"] else ""}}}'
        rules = [f"{one['key']}: {one['label']}" for one in config["reasons"]]
        rules += [] if config["every"] else ["Leave out what you cannot judge, but not all of it."]
        return Task(
            "You say what is good and what is bad.",
            "Thumbs up or down?",
            dict.fromkeys(names, marked),
            rules,
            names,
        )

    def as_answer(self, label: Value, values: Sequence[Value], config: Value) -> Value:
        """What readings do not agree on is left out, where the form lets it be."""
        return {
            name: marked
            for name, marked in super().as_answer(label, values, config).items()
            if marked["value"] or config["every"]
        }


PROTOCOL = Thumbs()
