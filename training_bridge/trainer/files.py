"""JSON-lines files of a run: prompts to answer, text to learn from, what was sampled."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.words import gettext_noop as _
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
        raise Refused(_("There is no open prompt to answer."))
    return prompts


def read_documents(path: str) -> Iterator[str | Sequence[Mapping[str, Any]]]:
    """Documents of a file of JSON lines: {"messages"} a conversation, {"text"} plain text."""
    for row in _lines(path, set()):
        if "messages" not in row and "text" not in row:
            raise Refused(_('A document has neither "messages" nor "text".'))
        yield row["messages"] if "messages" in row else row["text"]


def _lines(path: str, wanted: set[str]) -> Iterator[Mapping[str, Any]]:
    if not Path(path).is_file():
        raise Refused(_("The input file %(name)s is not there.") % {"name": Path(path).name})
    with Path(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as fault:
                raise Refused(
                    _("Line %(number)s of %(name)s is not JSON: %(fault)s")
                    % {"number": number, "name": Path(path).name, "fault": fault}
                ) from fault
            if not isinstance(row, dict) or not wanted <= row.keys():
                raise Refused(
                    _("Line %(number)s of %(name)s lacks %(wanted)s.")
                    % {"number": number, "name": Path(path).name, "wanted": ", ".join(sorted(wanted))}
                )
            yield row


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes JSON lines, whole or not at all: a crash leaves no half file under the name."""
    aside = path.with_suffix(".partial")
    with aside.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    aside.rename(path)
