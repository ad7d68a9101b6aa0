"""What people said of responses, read from a snapshot's files: a prompt, its responses and every lesson in them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.words import gettext_noop as _
from training_bridge.methods.interface import Refused

Messages = Sequence[Mapping[str, Any]]
AT_ONCE = 512
"""Rows in memory while a snapshot is read."""


@dataclass(frozen=True)
class Relation:
    """`better` and `worse` are places in the group's responses; `soft` = P(better is better), a tie counting half.

    `tie` = P(they are as good as each other); `weight` >= 0.
    """

    better: int
    worse: int
    soft: float
    weight: float
    strength: float
    tie: float = 0.0


@dataclass(frozen=True)
class Thumb:
    """`soft` = P(people want this response)."""

    response: int
    soft: float
    weight: float


@dataclass(frozen=True)
class Score:
    """One aspect of one response, from 0 to 1. An aspect without a score has no row: missing is not zero."""

    response: int
    aspect: str
    value: float
    weight: float


@dataclass(frozen=True)
class Span:
    """A fault in the response's text: code points, end exclusive."""

    response: int
    start: int
    end: int
    category: str


@dataclass(frozen=True)
class Text:
    """A response that a person wrote or mended: what a policy may learn to say."""

    response: int
    weight: float


@dataclass(frozen=True)
class Rationale:
    """Why `better` is better than `worse`, in a person's words."""

    better: int
    worse: int
    text: str


@dataclass(frozen=True)
class Judged:
    """A prompt, its responses (messages) and what people said of them.

    `marked`: responses that somebody has read for faults, so that no span there means no fault.
    """

    item: str
    prompt: Messages
    responses: Sequence[Messages]
    relations: Sequence[Relation] = ()
    thumbs: Sequence[Thumb] = ()
    scores: Sequence[Score] = ()
    spans: Sequence[Span] = ()
    marked: Sequence[int] = ()
    texts: Sequence[Text] = ()
    rationales: Sequence[Rationale] = ()


@dataclass
class _Item:
    """One item while its rows are read; responses have their places in the order in which they come up."""

    prompt: Messages
    responses: list[Messages] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    lessons: dict[str, list[Any]] = field(default_factory=dict)

    def place(self, pk: int, messages: Messages) -> int:
        if pk not in self.places:
            self.places[pk] = len(self.responses)
            self.responses.append(messages)
        return self.places[pk]

    def learn(self, kind: str, lesson: Any) -> None:
        self.lessons.setdefault(kind, []).append(lesson)


def read_snapshot(folder: Path, split: str) -> list[Judged]:
    """The groups of one split ("train" or "test"), in file order. Raises Refused where the files are not a snapshot's.

    All that was said of one item makes one group: its pairs shuffled apart are soon learned by heart (Ouyang et al.
    2022 §3.5).
    """
    items: dict[str, _Item] = {}
    for row in pair_rows(folder):
        if row["split"] == split:
            _read_pair(items.setdefault(str(row["item_id"]), _Item(row["prompt"])), row)
    for row in lines_of(folder / "lessons.jsonl"):
        if row["split"] == split:
            _read_lessons(items.setdefault(str(row["item_id"]), _Item(row["prompt"])), row)
    return [Judged(key, item.prompt, item.responses, **item.lessons) for key, item in items.items()]


def derivation_of(folder: Path) -> Mapping[str, Any]:
    """How a snapshot's labels were made ("soft_labels", "version", "weights", …); {} where its files do not say."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return {}
    said: Mapping[str, Any] = json.loads(manifest.read_text(encoding="utf-8")).get("derivation", {})
    return said


def pair_rows(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a snapshot's pairs, as they stand in its files. Raises Refused where there are none."""
    table, lines = folder / "preferences.parquet", folder / "preferences.jsonl"
    if table.is_file():
        from pyarrow import parquet

        with parquet.ParquetFile(table) as file:
            for batch in file.iter_batches(batch_size=AT_ONCE):
                yield from batch.to_pylist()
    elif lines.is_file():
        yield from lines_of(lines)
    else:
        raise Refused(
            _("%(name)s is no snapshot: it has neither preferences.parquet nor preferences.jsonl.")
            % {"name": folder.name}
        )


def lines_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a file of JSON lines; none where it is not there."""
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())


def _read_pair(item: _Item, row: Mapping[str, Any]) -> None:
    better, worse = (item.place(row[f"{key}_id"], row[key]) for key in ("chosen", "rejected"))
    tie = row.get("tie")
    if tie is None:  # a settled tie is the pair that says neither
        tie = float(row["soft"] == 0.5 and row["strength"] == 0)
    item.learn("relations", Relation(better, worse, row["soft"], row["weight"], row["strength"], tie))


def _read_lessons(item: _Item, row: Mapping[str, Any]) -> None:
    places = {one["id"]: item.place(one["id"], one["messages"]) for one in row["responses"]}
    for thumb in row.get("thumbs", ()):
        item.learn("thumbs", Thumb(places[thumb["response_id"]], thumb["soft"], thumb["weight"]))
    for score in row.get("scores", ()):
        item.learn("scores", Score(places[score["response_id"]], score["aspect"], score["value"], score["weight"]))
    for span in row.get("spans", ()):
        item.learn("spans", Span(places[span["response_id"]], span["start"], span["end"], span["category"]))
    for pk in row.get("marked", ()):
        item.learn("marked", places[pk])
    for text in row.get("texts", ()):
        item.learn("texts", Text(places[text["response_id"]], text["weight"]))
    for why in row.get("rationales", ()):
        item.learn("rationales", Rationale(places[why["chosen_id"]], places[why["rejected_id"]], why["text"]))
