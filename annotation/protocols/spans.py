"""Which stretches of the texts are wrong, and how: types of fault, severity, evidence, what is missing, "no errors".

Offsets are Unicode code points over the raw text, end exclusive, with the quoted text and the hash of the whole beside
them. That nothing was marked is no answer; that there is nothing to mark is one, and has a button of its own.
"""

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from annotation.protocols import Content, Controls, Key, Preference, Shape, Value, check_keys, fault, quoting
from annotation.protocols.asking import Asked, Task
from annotation.protocols.choosing import Unvoted
from annotation.protocols.ontology import SpansConfig
from annotation.protocols.span_checks import SPANS_LIMIT, SpanCheck, hashes, targets_of
from annotation.protocols.span_records import read_span, write_span
from common import text as storable
from common.errors import Invalid

BLANK_ROWS = 3
"""Rows for what is missing, where the page's script does not run."""


class Spans(Unvoted, Asked):
    key = "spans"
    title = gettext_lazy("Marks in the text")
    asks = gettext_lazy("Where are the errors?")
    Config = SpansConfig
    form_template = "annotation/protocols/spans.html"
    script = "annotation/protocols/spans.js"
    record_kinds = ("spans",)
    reads_text = True
    on_cards = False
    rule = None
    keys = (
        Key("mark", "m", gettext_lazy("mark: into the text, from one text into the next")),
        Key("sentence", ".", gettext_lazy("mark: extend to the sentence")),
        Key("none", "c", gettext_lazy("mark: no errors")),
        Key("unmark", "z", gettext_lazy("mark: undo the last change")),
    )

    def in_dock(self, config: Value) -> bool:
        return False

    def check_item(self, shape: Shape, config: Value) -> str:
        if "responses" in config["targets"]:
            return "" if shape.responses else _("there is no response to mark")
        if "context" in config["targets"] and not shape.passages:
            return _("there is no passage to mark")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        spans: list[Any] = answer["spans"] if isinstance(answer.get("spans"), list) else []
        return Controls(
            {
                "state": _compact(spans),
                "none": answer.get("none") is True,
                "setup": {key: config[key] for key in SpansConfig.model_fields},
                "beside": self._beside(config, content),
                "missing": [one for one in spans if isinstance(one, dict) and one.get("omission")],
                "letters": [one.letter for one in content.displayed],
                "passages": range(1, len(content.context) + 1),
                "blank_rows": range(BLANK_ROWS),
            }
        )

    def _beside(self, config: Value, content: Content) -> Value:
        """Texts other than responses that can be marked or quoted, under the names that the page's script has."""
        found: Value = {}
        if "context" in config["targets"] or config["evidence"]:
            found |= {f"context:{index}": text for index, text in enumerate(content.context)}
        if "messages" in config["targets"]:
            found |= {f"message:{index}": text for index, text in enumerate(content.messages)}
        return found

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        answer: Value = {}
        posted = parts.get("spans", [""])[-1]
        spans: Any = []
        if posted:
            try:
                spans = storable.loads(posted)
            except ValueError:
                # Left as it is, for the check to refuse.
                spans = posted
        added = [found for row in range(BLANK_ROWS) if (found := _row(parts, row))]
        if isinstance(spans, list):
            spans = [*spans, *added]
        if spans:
            answer["spans"] = spans
        if parts.get("none", [""])[-1]:
            answer["none"] = True
        return answer or None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        pairs = [("spans", _compact(answer["spans"]))] if answer.get("spans") else []
        return pairs + ([("none", "1")] if answer.get("none") else [])

    def in_words(self, answer: Value, config: Value) -> list[str]:
        spans = [one for one in answer.get("spans") or [] if isinstance(one, dict)]
        if not spans:
            return [_("No errors") if answer.get("none") else _("Nothing marked")]
        said = ngettext("%d mark", "%d marks", len(spans)) % len(spans)
        return [said, *(_in_words(one, config) for one in spans)]

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given = check_keys(raw, ("spans", "none", "sha256"))
        spans, none = given.get("spans") or [], given.get("none")
        if not isinstance(spans, list) or len(spans) > SPANS_LIMIT:
            raise fault("spans", _("Must be a list of at most %d.") % SPANS_LIMIT)
        if none not in (None, False, True):
            raise fault("none", _("Must be true or false."))
        if spans and none:
            raise fault("none", _("Either there are errors or there are none."))
        if not spans and not none:
            raise fault("spans", _("Mark what is wrong, or say that there are no errors."))
        try:
            storable.check_tree(spans)
        except ValueError as wrong:
            raise Invalid(str(wrong), fields={"spans": [str(wrong)]}) from wrong
        stored = [SpanCheck(one, position, config, content).stored() for position, one in enumerate(spans)]
        known = hashes(stored, targets_of(config, content), content)
        if given.get("sha256") not in (None, known):
            raise fault("sha256", _("The text is not the one that was marked."))
        return {"spans": stored, "sha256": known} | ({"none": True} if none else {})

    def display_form(self, value: Value, content: Content) -> Value:
        if "raw" in value:
            return {}
        spans = [_displayed(span, content) for span in value["spans"]]
        return {"spans": spans} | ({"none": True} if value.get("none") else {})

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        spans = record.get("spans")
        if not isinstance(spans, list):
            return {"raw": spans}
        found = [read_span(one, names, content) for one in spans]
        read = [one for one in found if "unanchored" not in one]
        target = record.get("target")
        named = target.get("response_id") if isinstance(target, dict) else None
        # A judgment of one response says nothing of the others: their texts are not among those that were read.
        own = [names[str(named)]] if str(named) in names else content.ids
        texts = hashes(read, [("response", pk) for pk in own], content)
        # A judgment that holds no span says that somebody looked and found none.
        return {"spans": found, "sha256": texts} | ({} if found else {"none": True})

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return {"kind": "spans", "spans": value["raw"]}
        spans = [write_span(span, names, value.get("sha256", {})) for span in value["spans"]]
        return {"kind": "spans", "spans": spans} | ({"none": True} if value.get("none") else {})

    # Labels

    def distance(self, left: Value, right: Value) -> float:
        """1 less the shared part of what both marked (Dice), each character counted with the type of its fault."""
        a, b = _covered(left), _covered(right)
        total = sum(_length(one) for one in (*a.values(), *b.values()))
        shared = sum(_overlap(a[key], b[key]) for key in a.keys() & b.keys())
        return 1 - 2 * shared / total if total else 0.0

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        return []

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        return quoting.task(config, content)

    def displayed_answer(self, given: Value, config: Value, content: Content) -> Value:
        return quoting.displayed(given, config, content)


def _compact(spans: Any) -> str:
    """As the page's script writes it, so that two drafts that say the same are the same text."""
    return json.dumps(spans, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if spans else ""


def _row(parts: Mapping[str, list[str]], row: int) -> Value | None:
    """One row of what is missing, from a page without scripts; None where it is blank."""
    said = {
        key: parts.get(f"missing.{row}.{key}", [""])[-1]
        for key in ("category", "severity", "comment", "context", "response")
    }
    if not any(said[key] for key in ("category", "comment")):
        return None
    found: Value = {"omission": True} | {key: said[key] for key in ("category", "severity", "comment") if said[key]}
    if said["response"]:
        found["response"] = said["response"]
    if said["context"].isascii() and said["context"].isdigit() and len(said["context"]) < 4:
        found["target"] = {"context": int(said["context"])}
    return found


def _displayed(span: Value, content: Content) -> Value:
    shown = {key: kept for key, kept in span.items() if key not in ("anchored_by", "extra")}
    if "response" in span.get("target", {}):
        shown["target"] = {"response": content.letter(span["target"]["response"])}
    if "response" in span:
        shown["response"] = content.letter(span["response"])
    return shown


def _in_words(span: Value, config: Value) -> str:
    """E.g. `“two wheels” (A): Incorrect, major. It has three.`"""
    categories = {one["key"]: one for one in config["categories"]}
    category = categories.get(span.get("category"), {"name": span.get("category", ""), "subcategories": []})
    kinds = {one["key"]: one["name"] for one in category["subcategories"]}
    degrees = {one["key"]: one["name"] for one in config["severities"]}
    named = [category["name"]]
    if span.get("subcategory"):
        named.append(kinds.get(span["subcategory"], span["subcategory"]))
    if span.get("severity"):
        named.append(degrees.get(span["severity"], span["severity"]))
    place = _place(span.get("target") or ({"response": span["response"]} if span.get("response") else {}))
    what = _("Missing") if span.get("omission") else "“" + str(span.get("quote", ""))[:200] + "”"
    line = f"{what} ({place}): {', '.join(named)}" if place else f"{what}: {', '.join(named)}"
    if span.get("correction"):
        line += " → “" + span["correction"] + "”"
    return line + (f". {span['comment']}" if span.get("comment") else "")


def _place(target: Any) -> str:
    if not isinstance(target, dict) or not target:
        return ""
    ((kind, named),) = list(target.items())[:1]
    if kind == "response":
        return str(named)
    number = named + 1 if isinstance(named, int) else named
    return (pgettext("place", "passage %s") if kind == "context" else pgettext("place", "message %s")) % number


Intervals = list[tuple[int, int]]


def _covered(value: Value) -> dict[tuple[Any, ...], Intervals]:
    """What a value marks, as stretches apart by target and type; an insertion point and an omission count as one."""
    found: dict[tuple[Any, ...], Intervals] = {}
    for span in value.get("spans", []):
        if "raw" in span or "unanchored" in span:
            continue
        place = tuple(sorted(span.get("target", {}).items()))
        key = (place, span.get("category"), span.get("omission", False), span.get("response"))
        for one in span.get("segments") or [{"start": 0, "end": 0}]:
            point = one["start"] == one["end"]
            stretch = (0, 1) if point else (one["start"], one["end"])
            found.setdefault((*key, one["start"] if point else None), []).append(stretch)
    return {key: _apart(stretches) for key, stretches in found.items()}


def _apart(stretches: Intervals) -> Intervals:
    merged: Intervals = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _length(stretches: Intervals) -> int:
    return sum(end - start for start, end in stretches)


def _overlap(a: Intervals, b: Intervals) -> int:
    return sum(max(0, min(one[1], two[1]) - max(one[0], two[0])) for one in a for two in b)


PROTOCOL = Spans()
