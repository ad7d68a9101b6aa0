"""What a source of recorded judgments is: items as an import reads them, and who said what about each."""

import gzip
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Facts = Any
"""What was said, as plain data by content (texts, not ids), so that two readers can be held against each other."""


@dataclass(frozen=True)
class Judgment:
    """`answer`: from the assignment that the API gave to the values that the rater hands in."""

    annotator: str
    answer: Callable[[Json], Json]


@dataclass(frozen=True)
class Case:
    """`line`: an item in the native form, without judgments."""

    line: Json
    judgments: tuple[Judgment, ...]


@dataclass(frozen=True)
class Source:
    """`facts`: an independent reading of the files, by item and annotator (at least of the items wanted); `told`: the
    same of an exported line."""

    key: str
    folder: str
    form: list[Json]
    cases: Callable[[Path], Iterator[Case]]
    facts: Callable[[Path, Collection[str] | None], dict[tuple[str, str], Facts]]
    told: Callable[[Json, list[Json]], Facts]


def opened(path: Path) -> Any:
    return gzip.open(path, "rt", encoding="utf-8", newline="")


def records(folder: Path, pattern: str) -> Iterator[tuple[str, int, Json]]:
    """(file, number, record) of JSON lines."""
    for path in sorted(folder.glob(f"dev/{pattern}")):
        with opened(path) as handle:
            for number, line in enumerate(handle):
                if line.strip():
                    yield path.name.partition(".")[0], number, json.loads(line)


def letter_of(assignment: Json, text: str) -> str:
    """Under which letter a response with that text is shown."""
    return str(next(one["letter"] for one in assignment["responses"] if one["text"] == text))


def text_by_id(line: Json) -> dict[str, str]:
    """Texts of the responses of an exported line."""
    return {one["id"]: one["text"] if "text" in one else one["messages"][0]["content"] for one in line["responses"]}


def entry_of(entries: list[Json], name: str) -> Json | None:
    """The judgment of one field of the form; None where it was left out."""
    return next((one for one in entries if one["field"] == name), None)


def key_of(name: str) -> str:
    """A name as the key of a category: lower case, with underscores."""
    words = "".join(sign if sign.isalnum() else " " for sign in name.lower()).split()
    return "_".join(words)[:40]
