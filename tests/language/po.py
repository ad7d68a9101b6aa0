"""Reads the source of a catalogue (.po) as GNU gettext writes it; the standard library reads only what is compiled."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) )?(".*")')


@dataclass
class Entry:
    """One text. `texts`: its translation, or one a plural form; `key`: as the compiled catalogue has it."""

    flags: set[str] = field(default_factory=set)
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.parts["msgid"]

    @property
    def plural(self) -> str | None:
        return self.parts.get("msgid_plural")

    @property
    def texts(self) -> list[str]:
        return [text for name, text in self.parts.items() if name.startswith("msgstr")]

    @property
    def key(self) -> str:
        context = self.parts.get("msgctxt")
        return self.text if context is None else f"{context}\x04{self.text}"


def entries(path: Path) -> Iterator[Entry]:
    """Every text of the file, the head (the empty text) included; obsolete ones are left out."""
    for block in re.split(r"\n{2,}", path.read_text(encoding="utf-8")):
        entry, name = Entry(), ""
        for line in block.splitlines():
            if line.startswith("#,"):
                entry.flags = {flag.strip() for flag in line[2:].split(",")}
            elif match := LINE.fullmatch(line):
                name = match[1] or name
                entry.parts[name] = entry.parts.get(name, "") + ast.literal_eval(match[2])
        if "msgid" in entry.parts:
            yield entry
