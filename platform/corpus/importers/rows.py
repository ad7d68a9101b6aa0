"""What every importer yields: a Row in one normal form, or a Fault that a person can act on."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from common.words import gettext_noop

Json = dict[str, Any]
EXCERPT = 160


class Bad(ValueError):
    """A record that cannot become a row. `pointer`: the JSON pointer (RFC 6901) of what is wrong in it."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(reason)
        self.pointer = pointer
        self.reason = reason


@dataclass(frozen=True)
class Options:
    """What a person chose for one import. `use_recorded` None: as the format would have it."""

    open_prompts: bool = False
    use_recorded: bool | None = None
    licence: str = ""
    language: str = ""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """Of a table: role → names of columns; empty: by their names."""
    spreadsheet: bool = False
    """The `'` that guards cells from being formulas is taken off."""


@dataclass(frozen=True)
class Fault:
    """A line that is bad. `fatal`: nothing after it could be read. Lines count from 1; 0 is the file as a whole."""

    file: str
    line: int
    reason: str
    pointer: str = ""
    excerpt: str = ""
    fatal: bool = False


@dataclass(frozen=True)
class Answer:
    """One response of a row, as it came."""

    messages: list[Json]
    author_kind: str = "unknown"
    model_name: str = ""
    sampling: Json = field(default_factory=dict)
    meta: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Edit:
    """A text that a judgment made: of the response called `parent`, or from nothing where that is ""."""

    name: str
    parent: str
    answer: Answer


@dataclass(frozen=True)
class Row:
    """One prompt with its responses and the judgments recorded on them.

    `feedback`: judgments in the native form, by `names`, which are those of the file for `answers` and `edits`; where
    there are none, comparisons whose `left`, `right` and `display_order` are positions in `answers`.
    `group`: what a split must not tear apart, "" for the prompt itself. `raw`: fields the product has no column for.
    """

    file: str
    line: int
    messages: list[Json]
    answers: Sequence[Answer] = ()
    feedback: Sequence[Json] = ()
    names: Sequence[str] | None = None
    edits: Sequence[Edit] = ()
    external_id: str = ""
    context: list[Json] = field(default_factory=list)
    group: str = ""
    language: str = ""
    licence: str = ""
    tags: Json = field(default_factory=dict)
    meta: Json = field(default_factory=dict)
    raw: Json = field(default_factory=dict)
    warnings: Sequence[str] = ()


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def excerpt(data: bytes | str) -> str:
    """The beginning of `data` for a report: one line, with everything that does not show made visible as `·`."""
    text = data[: EXCERPT * 4].decode("utf-8", "replace") if isinstance(data, bytes) else data
    shown = "".join(sign if sign.isprintable() else "·" for sign in text[:EXCERPT])
    return shown + "…" if len(text) > EXCERPT else shown


def counts_recorded(row: Row, importer: bool | None, chosen: bool | None) -> bool:
    """Whether the recorded judgments of `row` count in labels.

    What the person chose goes first, then what the format says. Where neither does, they count if nobody is known
    to have made them: then the file is a preference dataset, and its judgments are all there is.
    """
    for answer in (chosen, importer):
        if answer is not None:
            return answer
    return bool(row.feedback) and all(entry["annotator_kind"] == "unknown" for entry in row.feedback)


def _answer(answer: Answer, seen: Counter[str]) -> Json:
    """A response named by its content, so that the same answer to the same prompt is one response in every item.

    The same text twice within one row stays two responses: the second is told apart by a number.
    """
    body = {
        "messages": answer.messages,
        "author_kind": answer.author_kind,
        "model_name": answer.model_name,
        "sampling": answer.sampling,
    }
    name = digest(body)[:32]
    seen[name] += 1
    external_id = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return body | {"external_id": external_id, "meta": answer.meta}


def _edit(edit: Edit, names: dict[str, str], seen: Counter[str]) -> Json:
    """An edit as it is staged; `names`: those of the file → external ids."""
    return _answer(edit.answer, seen) | {"parent": names.get(edit.parent, "")}


def _named(entry: Json, names: list[str]) -> Json:
    """A judgment whose positions have become external ids of responses."""
    found = dict(entry)
    for side in ("left", "right"):
        found[side] = names[entry[side]]
    if "display_order" in entry:
        found["display_order"] = [names[position] for position in entry["display_order"]]
    return found


def _flags(row: Row) -> list[str]:
    texts = [canonical([message.get("content") for message in answer.messages]) for answer in row.answers]
    empty = any(not message.get("content") for answer in row.answers for message in answer.messages)
    found = ["empty_response"] if empty else []
    return found + (["equal_responses"] if len(set(texts)) < len(texts) else [])


FLAG_WARNINGS = {
    "empty_response": gettext_noop("an empty response (kept; left out where pairs are exported)"),
    "equal_responses": gettext_noop("two responses with the same text (kept; never exported as a pair)"),
}


def compiled(row: Row, *, format: str, use_recorded: bool | None, options: Options) -> tuple[Json, list[str]]:
    """The row as it is staged (a JSON object with everything the database will hold) and its warnings.

    A row without an id is named by its content, so that the same file imported again adds nothing.
    """
    seen: Counter[str] = Counter()
    responses = [_answer(answer, seen) for answer in row.answers]
    names = [response["external_id"] for response in responses]
    prompt = {"messages": row.messages, "context": row.context}
    flags = _flags(row)
    meta = row.meta | ({"raw": {format: row.raw}} if row.raw else {})
    for name, value in (("licence", row.licence or options.licence), ("tags", row.tags), ("flags", flags)):
        if value:
            meta[name] = value
    feedback = list(row.feedback) if row.names is not None else [_named(entry, names) for entry in row.feedback]
    if row.names is not None and (feedback or list(row.names) != [str(place) for place in range(len(names))]):
        meta["response_ids"] = list(row.names)
    edits = [_edit(edit, dict(zip(row.names or (), names, strict=True)), seen) for edit in row.edits]
    is_open = options.open_prompts and len(responses) < 2
    body: Json = {
        "prompt": prompt | {"group": group_key(row), "language": row.language or options.language, "tags": row.tags},
        "responses": responses,
        "feedback": feedback,
        "meta": meta | {"use_recorded": counts_recorded(row, use_recorded, options.use_recorded)},
        "open": is_open,
    }
    if edits:
        body["edits"] = edits
        body["meta"]["edit_ids"] = {edit.name: made["external_id"] for edit, made in zip(row.edits, edits, strict=True)}
    sha = digest(body)
    external_id = row.external_id or f"{format}:{sha[:40]}"
    body["prompt"]["external_id"] = external_id if is_open and row.external_id else digest(prompt)[:40]
    body["meta"]["source"] = {"format": format, "file": row.file, "line": row.line}
    return body | {"external_id": external_id, "sha256": sha}, [*row.warnings, *(FLAG_WARNINGS[flag] for flag in flags)]


def group_key(row: Row) -> str:
    """At most 64 characters that are the same for all prompts that must stay together."""
    if row.group and len(row.group) <= 64:
        return row.group
    return hashlib.sha256(row.group.encode()).hexdigest() if row.group else digest(row.messages)
