"""Each step of a response: good, neutral, bad or unknown; or only the first that is wrong (later ones are not asked).

Steps are recorded with a response or cut from its text; `cut` is stored with the answer, so that its numbers stay true.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from pydantic import Field

from annotation.protocols import Config, Content, Controls, Key, Preference, Shape, Value, check_keys, marks
from annotation.protocols.choosing import (
    ByPart,
    Faults,
    as_record,
    called,
    check_targets,
    each_record,
    is_target,
    needed,
    option,
    ordered,
    record_target,
    said_of,
    shown_name,
    target_of,
    undecided,
    whole,
)
from annotation.protocols.marks import (
    BAD,
    DIGITS,
    GOOD,
    NO_ERROR,
    SYMBOLS,
    UNKNOWN,
    VALUES,
    said,
    said_of_step,
    steps_of,
)
from common.words import gettext_noop


class StepsConfig(Config):
    steps: Literal["recorded", "paragraphs", "lines"] = Field(
        "recorded",
        title=gettext_noop("Where a step ends"),
        description=gettext_noop("Recorded with the response, or at the end of each paragraph or line of its text."),
    )
    ask: Literal["each", "first_error"] = Field(
        "each",
        title=gettext_noop("What is asked"),
        description=gettext_noop("each: a mark for every step. first_error: only which step is the first wrong one."),
    )
    neutral: bool = Field(True, title=gettext_noop("Allow “neutral”"))
    unknown: bool = Field(True, title=gettext_noop("Allow “cannot tell”"))


class Steps(ByPart):
    key = "steps"
    title = gettext_lazy("Steps")
    asks = gettext_lazy("Is each step right?")
    Config = StepsConfig
    form_template = "annotation/protocols/steps.html"
    script = "annotation/protocols/steps.js"
    record_kinds = ("steps",)
    reads_text = True
    on_cards = True
    keys = (
        Key("forward", "j", gettext_lazy("next step")),
        Key("back", "k", gettext_lazy("previous step")),
    )

    def in_dock(self, config: Value) -> bool:
        return True

    def check_item(self, shape: Shape, config: Value) -> str:
        if not shape.responses:
            return _("there is no response whose steps could be judged")
        if config["steps"] == "recorded" and not shape.steps:
            return _("no response came with steps")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        cards: dict[str, Value] = {}
        for one in content.displayed:
            steps = steps_of(one, config["steps"])
            if steps:
                draw = self._first if config["ask"] == "first_error" else self._each
                cards[one.letter] = draw(one.letter, steps, answer.get(one.letter) or {}, config)
        return Controls({"ask": config["ask"]}, cards)

    def _each(self, letter: str, steps: Sequence[str], marked: Value, config: Value) -> Value:
        labels = marked.get("labels") or []
        values = [one for one in VALUES if one in (GOOD, BAD) or config[one]]
        rows = []
        for index, text in enumerate(steps):
            chosen = labels[index] if index < len(labels) else None
            called = said_of(letter, _("step %d") % (index + 1))
            options = [option(one, DIGITS[one], said(one), one == chosen, SYMBOLS[one]) for one in values]
            group = {
                "part": f"{letter}.{index}",
                "legend": called,
                "called": called,
                "options": options,
                "required": True,
            }
            rows.append({"number": index + 1, "text": text, "group": group})
        return {"rows": rows}

    def _first(self, letter: str, steps: Sequence[str], marked: Value, config: Value) -> Value:
        asked = "first_error" in marked
        chosen = marked.get("first_error")
        rows = [
            {
                "number": index + 1,
                "text": text,
                "option": option(str(index), index + 1, _("Step %d") % (index + 1), chosen == index),
            }
            for index, text in enumerate(steps)
        ]
        none = option(NO_ERROR, 0, _("No step is wrong"), asked and chosen is None, "✓")
        called = said_of(letter, _("the first wrong step"))
        return {
            "first": {"part": letter, "legend": called, "called": called, "required": True, "none": none},
            "rows": rows,
        }

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        answer: Value = {}
        for part, posted in parts.items():
            letter, _dot, index = part.partition(".")
            if not posted or not posted[-1]:
                continue
            if not index:
                answer[letter] = {"first_error": marks.read_first(posted[-1])}
            elif index.isascii() and index.isdigit() and len(index) < 5:
                labels = answer.setdefault(letter, {}).setdefault("labels", [])
                labels.extend([None] * (int(index) + 1 - len(labels)))
                labels[int(index)] = posted[-1]
        return answer or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for letter, marked in answer.items():
            if config["ask"] == "first_error":
                first = marked.get("first_error")
                pairs += [(letter, NO_ERROR if first is None else str(first))] if "first_error" in marked else []
            else:
                labels = enumerate(marked.get("labels") or [])
                pairs += [(f"{letter}.{index}", label) for index, label in labels if label]
        return pairs

    def in_words(self, answer: Value, config: Value) -> list[str]:
        return [said_of(letter, self._said(answer[letter])) for letter in ordered(answer)] or [_("Nothing marked")]

    def _said(self, marked: Value) -> str:
        if "first_error" in marked:
            first = marked["first_error"]
            return _("no step is wrong") if first is None else _("the first wrong step is %d") % (first + 1)
        labels = marked.get("labels") or []
        counts = [(said(value).lower(), labels.count(value)) for value in VALUES if value in labels]
        words = ", ".join(f"{word} {count}" for word, count in counts)
        return ngettext("%(count)d step (%(words)s)", "%(count)d steps (%(words)s)", len(labels)) % {
            "count": len(labels),
            "words": words,
        }

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, raw if isinstance(raw, dict) else ())
        found, faults = check_targets(given, "responses", content), Faults()
        value: Value = {}
        for one in content.displayed:
            steps = steps_of(one, config["steps"])
            if str(one.id) in found and not steps:
                faults.add(one.letter, _("This response has no steps."))
            elif steps:
                marked = found.get(str(one.id), (one.letter, None))[1]
                value[str(one.id)] = self._marked(marked, one.letter, len(steps), config, faults)
        faults.check()
        if not value:
            faults.add("steps", _("No response of this item has steps."))
            faults.check()
        return dict(sorted(value.items()))

    def _marked(self, marked: object, letter: str, count: int, config: Value, faults: Faults) -> Value:
        if marked is None:
            faults.add(letter, needed(called(letter)))
            return {}
        if not isinstance(marked, dict) or set(marked) - {"labels", "first_error", "cut"}:
            faults.add(letter, _("Must be an object with labels or the first error."))
            return {}
        if marked.get("cut") not in (None, config["steps"]):
            faults.add(letter, _("Its steps were cut in another way."))
        cut = {} if config["steps"] == "recorded" else {"cut": config["steps"]}
        if config["ask"] == "first_error":
            return self._marked_first(marked, letter, count, faults) | cut
        if "first_error" in marked:
            faults.add(letter, _("This form asks for every step."))
        return self._marked_each(marked.get("labels"), letter, count, config, faults) | cut

    def _marked_first(self, marked: Value, letter: str, count: int, faults: Faults) -> Value:
        first = marked.get("first_error")
        if "first_error" not in marked:
            faults.add(letter, needed(called(letter)))
            return {}
        if first is not None and not (whole(first) and 0 <= first < count):
            faults.add(letter, _("Must be a whole number from %(low)d to %(high)d.") % {"low": 0, "high": count - 1})
            return {}
        labels = marks.up_to(first, count)
        if marked.get("labels") not in (None, labels):
            faults.add(letter, _("Labels and first error do not agree."))
        return {"labels": labels, "first_error": first}

    def _marked_each(self, labels: object, letter: str, count: int, config: Value, faults: Faults) -> Value:
        allowed = [one for one in VALUES if one in (GOOD, BAD) or config[one]]
        if not isinstance(labels, list) or len(labels) > count:
            faults.add(letter, _("Must be a list with a label for each of %d steps.") % count)
            return {}
        for index in range(count):
            label = labels[index] if index < len(labels) else None
            if label is None:
                faults.add(f"{letter}.{index}", needed(said_of(letter, _("step %d") % (index + 1))))
            elif label not in allowed:
                faults.add(f"{letter}.{index}", _("Must be one of %s.") % ", ".join(allowed))
        return {"labels": list(labels)}

    def display_form(self, value: Value, content: Content) -> Value:
        return {
            shown_name(name, content): {key: one for key, one in marked.items() if key != "cut"}
            for name, marked in value.items()
            if is_target(name)
        }

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        value: Value = {}
        for one in each_record(record):
            target = target_of(one, names)
            if target == "item" and len(names) == 1:
                target = str(next(iter(names.values())))
            marked = self._recorded(one, target, content) if target and target.isdigit() else None
            if marked is None or target is None or target in value:
                return {"raw": dict(record)}
            value[target] = marked
        return value

    def _recorded(self, one: Mapping[str, Any], target: str, content: Content) -> Value | None:
        given, first, asked = one.get("labels"), one.get("first_error"), "first_error" in one
        if asked and first is not None and not (whole(first) and 0 <= first < 10_000):
            return None
        labels = marks.recorded(given)
        if labels is None:
            return None
        if not labels and asked:
            known = next((len(shown.steps) for shown in content.responses if str(shown.id) == target), 0)
            labels = marks.up_to(first, max(known, 0 if first is None else first + 1))
        if not labels and not asked:
            return None
        cut = {"cut": one["cut"]} if str(one.get("cut")) in marks.CUTS else {}
        return {"labels": labels} | ({"first_error": first} if asked else {}) | cut

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return dict(value["raw"])
        parts = []
        for name, marked in value.items():
            if not is_target(name):
                continue
            labels = [{"index": index, "value": label} for index, label in enumerate(marked["labels"])]
            parts.append(record_target(name, names) | marked | {"labels": labels})
        return as_record("steps", parts)

    # Labels: each step is voted on; where only the first error was asked for, that is the vote.

    def ballots(self, value: Value) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, marked in value.items():
            if not is_target(name):
                continue
            if "first_error" in marked:
                first = marked["first_error"]
                found[f"{name}.first_error"] = NO_ERROR if first is None else str(first)
            else:
                found |= {f"{name}.{index}": label for index, label in enumerate(marked["labels"])}
        return found

    def part_in_words(self, rest: str, said: str) -> str:
        if rest.isdigit():
            return said_of_step(int(rest), said)
        return self._said({"first_error": None if said == NO_ERROR else int(said)})

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        """A step whose votes stand against each other is unknown."""
        found: Value = {}
        for value in values:
            for name, marked in value.items():
                if is_target(name) and name not in found:
                    found[name] = self._elected(name, marked, won)
        return found | undecided(won)

    def _elected(self, name: str, marked: Value, won: Mapping[str, str | None]) -> Value:
        count, part = len(marked["labels"]), f"{name}.first_error"
        cut = {"cut": marked["cut"]} if "cut" in marked else {}
        if part not in won:
            return {"labels": [won.get(f"{name}.{index}") or UNKNOWN for index in range(count)]} | cut
        outcome = won[part]
        if outcome is None:
            return {"labels": [UNKNOWN] * count} | cut
        first = None if outcome == NO_ERROR else int(outcome)
        return {"labels": marks.up_to(first, count), "first_error": first} | cut

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """None: what steps teach is stepwise supervision, not pairs."""
        return []


PROTOCOL = Steps()
