"""A snapshot's pairs, read from its files; as groups of token ids, a prompt with its responses."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.words import gettext_noop as _
from training_bridge.methods.interface import Refused

COLUMNS = ["item_id", "split", "prompt", "chosen", "rejected", "chosen_id", "rejected_id", "strength", "soft", "weight"]


@dataclass(frozen=True)
class Relation:
    """`better` and `worse` are places in the group's responses; `soft` = P(better is better); `weight` >= 0."""

    better: int
    worse: int
    soft: float
    weight: float
    strength: float


@dataclass(frozen=True)
class Judged:
    """A prompt, its responses (messages) and what people said of them."""

    item: str
    prompt: Sequence[Mapping[str, Any]]
    responses: Sequence[Sequence[Mapping[str, Any]]]
    relations: Sequence[Relation]


def read_snapshot(folder: Path, split: str) -> list[Judged]:
    """The groups of one split ("train" or "test"), in file order. Raises Refused where the files are not a snapshot's.

    All pairs of one item make one group: shuffled apart they are soon learned by heart (Ouyang et al. 2022 §3.5).
    """
    items: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows(folder):
        if row["split"] == split:
            items.setdefault(str(row["item_id"]), []).append(row)
    return [_judged(item, rows) for item, rows in items.items()]


def _rows(folder: Path) -> Iterator[Mapping[str, Any]]:
    table, lines = folder / "preferences.parquet", folder / "preferences.jsonl"
    if table.is_file():
        from pyarrow import parquet

        yield from parquet.read_table(table, columns=COLUMNS).to_pylist()
    elif lines.is_file():
        with lines.open(encoding="utf-8") as file:
            yield from (json.loads(line) for line in file if line.strip())
    else:
        raise Refused(
            _("%(name)s is no snapshot: it has neither preferences.parquet nor preferences.jsonl.")
            % {"name": folder.name}
        )


def _judged(item: str, rows: Sequence[Mapping[str, Any]]) -> Judged:
    places: dict[int, int] = {}
    responses: list[Sequence[Mapping[str, Any]]] = []
    relations = []
    for row in rows:
        for key in ("chosen", "rejected"):
            if places.setdefault(row[f"{key}_id"], len(responses)) == len(responses):
                responses.append(row[key])
        better, worse = places[row["chosen_id"]], places[row["rejected_id"]]
        relations.append(Relation(better, worse, row["soft"], row["weight"], row["strength"]))
    return Judged(item, rows[0]["prompt"], responses, relations)
