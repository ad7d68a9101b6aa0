"""Importers: one file a format, one line here. docs/how-to/add-an-importer.md."""

from collections.abc import Iterator, Sequence
from typing import Protocol, cast, runtime_checkable

from common.plugs import load
from corpus.importers.documents import Document
from corpus.importers.rows import Fault, Json, Options, Row

IMPORTERS: dict[str, str] = {
    "native": "corpus.importers.native:IMPORTER",
    "csv": "corpus.importers.csv_table:IMPORTER",
    "trl_preference": "corpus.importers.trl_preference:IMPORTER",
    "hh": "corpus.importers.hh:IMPORTER",
    "pandalm": "corpus.importers.pandalm:IMPORTER",
    "fine_grained": "corpus.importers.fine_grained:IMPORTER",
}


class Importer(Protocol):
    """Reads one format. Pure: it sees the uploaded documents and the options, and yields rows; it writes nothing."""

    key: str
    title: str
    """What people call the format."""
    description: str
    """One or two sentences: what a file looks like and what becomes of it."""
    example: str
    """A few lines of our own invention in that format; they import without a fault."""
    use_recorded: bool | None
    """Whether recorded judgments count in labels: yes, no, or None to decide by row (`rows.counts_recorded`)."""

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        """Rows in file order, and a Fault for everything that could not become one. Must not hold a whole file."""


@runtime_checkable
class Tabular(Protocol):
    """An importer whose columns a person can say the meaning of (`Options.columns`)."""

    def recognised(self, documents: Sequence[Document], options: Options) -> Json:
        """{header, used: role → columns, …} of the documents, as far as they can be read. Raises Unreadable."""


def importer(key: str) -> Importer:
    """The importer `key`. Raises Invalid (code `unknown-plug`) where there is none."""
    return cast(Importer, load(IMPORTERS, key, "format"))


def importers() -> list[Importer]:
    return [importer(key) for key in IMPORTERS]
