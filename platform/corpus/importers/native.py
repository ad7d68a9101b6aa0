"""Prefloop's own JSON lines: one item a line, with its responses and every judgment on it. Loses nothing.

Fields: docs/how-to/import.md. What the product has no place for is kept, under `meta.raw.native`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.messages import expect, kind_of, messages, object_of, text_of
from corpus.importers.records import each
from corpus.importers.rows import Answer, Bad, Fault, Json, Options, Row

FIELDS = frozenset(
    {
        "schema_version",
        "id",
        "external_id",
        "group",
        "lang",
        "prompt",
        "context",
        "responses",
        "feedback",
        "meta",
        "tags",
    }
    | {"licence", "source"}
)
MAX_RESPONSES, MAX_FEEDBACK = 64, 10_000
AUTHORS = frozenset({"model", "human", "unknown"})
ANNOTATORS = frozenset({"human", "ai", "aggregate", "unknown"})
CHOICES = frozenset({"left", "right", "tie", "both_bad", "unsure"})
RESPONSE_META = ("id", "provider", "system_prompt", "finish_reason", "steps")


def _id(record: Json, *keys: str) -> str:
    """The first id present, as text: a string or a whole number."""
    for key in keys:
        value = record.get(key)
        if value is None or value == "":
            continue
        if type(value) is int:
            return str(value)
        return text_of(record, key, limit=200)
    return ""


def _one_of(record: Json, key: str, known: frozenset[str], default: str, at: str) -> str:
    value = record.get(key, default)
    if type(value) is not str or value not in known:
        raise Bad(f"{at}/{key}", _("expected one of %(known)s") % {"known": ", ".join(sorted(known))})
    return value


def _answer(value: Any, at: str) -> Answer:
    record = expect(value, dict, at)
    body = record.get("messages")
    if body is None:
        body = expect(record.get("text"), str, f"{at}/text")
    known = {"messages", "text", "author_kind", "model", "sampling", *RESPONSE_META}
    meta = {key: record[key] for key in RESPONSE_META if record.get(key) is not None}
    extra = {key: value for key, value in record.items() if key not in known}
    return Answer(
        messages(body, f"{at}/messages", text_role="assistant"),
        _one_of(record, "author_kind", AUTHORS, "unknown", at),
        text_of(record, "model", at=at, limit=200),
        object_of(record, "sampling", at=at),
        meta | ({"raw": {"native": extra}} if extra else {}),
    )


def _answers(record: Json, options: Options) -> list[Answer]:
    found = record.get("responses")
    found = [] if found is None else expect(found, list, "/responses")
    if len(found) < 2 and not options.open_prompts:
        raise Bad("/responses", _("fewer than two responses: nothing to compare (or import it as an open prompt)"))
    if len(found) > MAX_RESPONSES:
        raise Bad("/responses", _("more than %(max_responses)s responses") % {"max_responses": MAX_RESPONSES})
    return [_answer(value, f"/responses/{number}") for number, value in enumerate(found)]


def _names(record: Json) -> dict[str, int]:
    """Response id → position. A response without an id is called by its position."""
    names: dict[str, int] = {}
    for number, response in enumerate(record.get("responses") or []):
        name = _id(response, "id") or str(number)
        if name in names:
            raise Bad(f"/responses/{number}/id", _("two responses of one item have the same id"))
        names[name] = number
    return names


def _position(entry: Json, key: str, names: dict[str, int], at: str) -> int:
    name = _id(entry, key)
    if name not in names:
        raise Bad(f"{at}/{key}", _("not the id of a response of this item"))
    return names[name]


def _strength(entry: Json, choice: str, at: str) -> Json:
    strength = entry.get("strength")
    if strength is None:
        return {}
    if type(strength) is not int or not 0 <= strength <= 3:
        raise Bad(f"{at}/strength", _("expected a whole number from 0 to 3"))
    if (strength == 0) != (choice == "tie") and choice in {"left", "right", "tie"}:
        raise Bad(f"{at}/strength", _("strength 0 means a tie, and only that"))
    return {"strength": strength}


def _comparison(entry: Json, names: dict[str, int], at: str) -> Json:
    choice = _one_of(entry, "choice", CHOICES, "", at)
    found = {
        "annotator": _id(entry, "annotator", "annotator_id") or "unknown",
        "annotator_kind": _one_of(entry, "annotator_kind", ANNOTATORS, "unknown", at),
        "kind": "comparison",
        "left": _position(entry, "left", names, at),
        "right": _position(entry, "right", names, at),
        "choice": choice,
    } | _strength(entry, choice, at)
    if found["left"] == found["right"]:
        raise Bad(f"{at}/right", _("a response compared with itself"))
    for key in ("rationale", "verdict_raw", "created_at"):
        if text := text_of(entry, key, at=at):
            found[key] = text
    if (duration := entry.get("duration_ms")) is not None:
        found["duration_ms"] = expect(duration, int, f"{at}/duration_ms")
    if (order := entry.get("display_order")) is not None:
        shown = expect(order, list, f"{at}/display_order")
        found["display_order"] = [_position({"display_order": name}, "display_order", names, at) for name in shown]
    return found


def _usable(entry: Json) -> bool:
    """Whether a judgment is a finished comparison of whole responses; any other is kept raw, for what can read it."""
    return (
        entry.get("kind") == "comparison"
        and entry.get("aspect") in {None, "overall"}
        and entry.get("status") in {None, "submitted"}
        and not entry.get("superseded_by")
    )


def _feedback(record: Json) -> tuple[list[Json], list[Json]]:
    """(comparisons, everything else)."""
    given = record.get("feedback")
    entries = [] if given is None else expect(given, list, "/feedback")
    if len(entries) > MAX_FEEDBACK:
        raise Bad("/feedback", _("more than %(max_feedback)s judgments on one item") % {"max_feedback": MAX_FEEDBACK})
    names = _names(record)
    comparisons, others = [], []
    for number, entry in enumerate(entries):
        expect(entry, dict, f"/feedback/{number}")
        if _usable(entry):
            comparisons.append(_comparison(entry, names, f"/feedback/{number}"))
        else:
            others.append(entry)
    return comparisons, others


def _tags(record: Json) -> Json:
    tags = record.get("tags")
    if type(tags) is list:
        return {expect(tag, str, f"/tags/{number}"): True for number, tag in enumerate(tags)}
    return object_of(record, "tags")


def _context(record: Json) -> list[Json]:
    given = record.get("context")
    found: list[Json] = [] if given is None else expect(given, list, "/context")
    for number, passage in enumerate(found):
        expect(passage, dict, f"/context/{number}")
        expect(passage.get("text"), str, f"/context/{number}/text")
    return found


def _row(record: Json, file: str, line: int, options: Options) -> Row:
    if "prompt" not in record:
        raise Bad("/prompt", _("missing"))
    if record.get("schema_version") not in {None, 1}:
        raise Bad(
            "/schema_version",
            _("expected 1, found %(schema_version)s") % {"schema_version": kind_of(record["schema_version"])},
        )
    answers = _answers(record, options)
    comparisons, others = _feedback(record)
    raw = {key: value for key, value in record.items() if key not in FIELDS}
    if others:
        raw["feedback"] = others
    if source := object_of(record, "source"):
        raw["source"] = source
    return Row(
        file,
        line,
        messages(record["prompt"], "/prompt", text_role="user"),
        answers,
        comparisons,
        external_id=_id(record, "external_id", "id"),
        context=_context(record),
        group=text_of(record, "group"),
        language=text_of(record, "lang", limit=35),
        licence=text_of(record, "licence", limit=200) or text_of(source, "licence", at="/source", limit=200),
        tags=_tags(record),
        meta=object_of(record, "meta"),
        raw=raw,
        warnings=[
            _("%(count)s judgments that are not overall comparisons (kept, not yet used)") % {"count": len(others)}
        ]
        if others
        else [],
    )


class Native:
    key = "native"
    title = _("Prefloop JSON lines")
    description = _(
        "One item a line: a prompt, its responses and, if there are any, judgments on them. "
        "Also the way to bring in prompts alone, which the next policy version answers."
    )
    example = (
        '{"external_id": "flat-1", "prompt": "How do I fix a flat?", "responses": [{"id": "a", "text": "Find the hole, '
        'then patch it."}, {"id": "b", "text": "Walk."}]}\n'
        '{"external_id": "used-1", "lang": "en", "prompt": [{"role": "user", "content": "Are used bicycles good?"}], '
        '"responses": [{"id": "a", "text": "Often: look at the frame first.", "model": "small-1"}, {"id": "b", "text": '
        '"No idea.", "model": "small-2"}], "feedback": [{"kind": "comparison", "annotator": "p1", "annotator_kind": '
        '"human", "left": "a", "right": "b", "choice": "left", "strength": 2}]}'
    )
    use_recorded: bool | None = None

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        return each(documents, lambda record, file, line: _row(record, file, line, options))


IMPORTER = Native()
