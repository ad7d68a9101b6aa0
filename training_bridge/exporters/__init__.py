"""Formats that a snapshot can be taken away in: one file and one line each. Exporters read nothing but its files.

`common.plugs.load(EXPORTERS, key, "export format")` gives an `Exporter`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

EXPORTERS: dict[str, str] = {
    "native": "training_bridge.exporters.native:EXPORTER",
    "trl_preference": "training_bridge.exporters.trl_preference:EXPORTER",
}


@dataclass(frozen=True)
class Source:
    """A ready snapshot on disk. `manifest` is its verified manifest.json.

    `verify(name)` gives the path of one of its files after hashing it again; raises Conflict where it has changed.
    """

    manifest: Mapping[str, Any]
    manifest_sha256: str
    verify: Callable[[str], Path]


class Exporter(Protocol):
    """`files`: name → one line on what it holds. What is lost by the format is said in `loses`."""

    key: str
    title: str
    description: str
    loses: tuple[str, ...]
    files: Mapping[str, str]

    def read(self, source: Source, name: str) -> Iterator[bytes]:
        """The bytes of one of `files`, in pieces; the same snapshot gives the same bytes."""
        ...
