"""The pairs of a snapshot's held-out split, item by item, with the circumstances they were judged under.

Streams: what is in memory is one item, however large the snapshot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, repeat
from pathlib import Path
from typing import Any

from training_bridge.report_cards.pairs import Facts
from training_bridge.trainer.judged import Messages, Relation, lines_of, pair_rows

CIRCUMSTANCES = "circumstances.jsonl"
SOURCES = {"human": "people", "judge": "judges", "both": "both"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class HeldOutItem:
    """A prompt, its responses, the pairs among them, and of each pair what is known beside; `authors`: by response."""

    group: str
    prompt: Messages
    responses: list[Messages]
    authors: list[str]
    pairs: list[tuple[Relation, Facts]]


@dataclass
class HeldOut:
    """The held-out items of a snapshot. `won`: after them all, of each model that wrote responses of the training split
    how many pairs it won there, and how many it was in. Snapshots older than circumstances have pairs without facts."""

    folder: Path
    won: dict[str, tuple[float, float]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[HeldOutItem]:
        path = self.folder / CIRCUMSTANCES
        known = path.is_file()
        around: Iterator[Row] = lines_of(path) if known else repeat({})
        rows = zip(pair_rows(self.folder), around, strict=known)
        for _item, found in groupby(rows, key=lambda both: both[0]["item_id"]):
            kept = []
            for row, facts in found:
                if row["split"] == "test":
                    kept.append((row, facts))
                else:
                    self._note(row, facts)
            if kept:
                yield _item_of(kept)

    def _note(self, row: Row, facts: Row) -> None:
        """Counts a pair of the training split."""
        for name, soft in zip(facts.get("authors", ()), (row["soft"], 1 - row["soft"]), strict=False):
            if name:
                wins, met = self.won.get(name, (0.0, 0.0))
                self.won[name] = wins + soft, met + 1


def _item_of(rows: list[tuple[Row, Row]]) -> HeldOutItem:
    places: dict[int, int] = {}
    responses: list[Messages] = []
    authors: list[str] = []
    pairs = []
    for row, facts in rows:
        for side, name in zip(("chosen", "rejected"), facts.get("authors", ("", "")), strict=True):
            if row[f"{side}_id"] not in places:
                places[row[f"{side}_id"]] = len(responses)
                responses.append(row[side])
                authors.append(name)
        relation = Relation(
            places[row["chosen_id"]], places[row["rejected_id"]], row["soft"], row["weight"], row["strength"]
        )
        pairs.append((relation, _facts(row, facts)))
    first = rows[0][0]
    return HeldOutItem(str(first.get("group", first["item_id"])), first["prompt"], responses, authors, pairs)


def _facts(row: Row, facts: Row) -> Facts:
    if not facts:
        return Facts(source=SOURCES.get(row.get("source", ""), ""))
    chosen, rejected, neither = facts["votes"]
    return Facts(
        source=facts["source"],
        language=facts["language"],
        topic=facts["topic"],
        cohort=facts["cohort"],
        tags=[(name, value) for name, value in facts["tags"]],
        votes=(chosen, rejected, neither),
    )
