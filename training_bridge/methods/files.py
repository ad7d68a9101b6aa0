"""JSON-lines files of a run: prompts to answer, text to learn from, what was sampled."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_bridge.methods.interface import Refused


@dataclass(frozen=True)
class OpenPrompt:
    """A prompt that wants responses; `id` comes back with each of them."""

    id: str
    messages: Sequence[Mapping[str, Any]]


def read_prompts(path: str) -> list[OpenPrompt]:
    """Prompts of a file of JSON lines {"id", "messages"}. Raises Refused for a file without any."""
    prompts = [OpenPrompt(str(row["id"]), row["messages"]) for row in _lines(path, {"id", "messages"})]
    if not prompts:
        raise Refused("There is no open prompt to answer.")
    return prompts


def read_documents(path: str) -> Iterator[str | Sequence[Mapping[str, Any]]]:
    """Documents of a file of JSON lines: {"messages"} a conversation, {"text"} plain text."""
    for row in _lines(path, set()):
        if "messages" not in row and "text" not in row:
            raise Refused('A document has neither "messages" nor "text".')
        yield row["messages"] if "messages" in row else row["text"]


def _lines(path: str, wanted: set[str]) -> Iterator[Mapping[str, Any]]:
    if not Path(path).is_file():
        raise Refused(f"The input file {Path(path).name} is not there.")
    with Path(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as fault:
                raise Refused(f"Line {number} of {Path(path).name} is not JSON: {fault}") from fault
            if not isinstance(row, dict) or not wanted <= row.keys():
                raise Refused(f"Line {number} of {Path(path).name} lacks {', '.join(sorted(wanted))}.")
            yield row


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes JSON lines, whole or not at all: a crash leaves no half file under the name."""
    aside = path.with_suffix(".partial")
    with aside.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    aside.rename(path)
