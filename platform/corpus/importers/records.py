"""From records to rows, for formats where one record is one row."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from common import text
from corpus.importers.documents import Document
from corpus.importers.messages import expect
from corpus.importers.rows import Bad, Fault, Json, Row, excerpt


def decoded(document: Document) -> Iterator[tuple[int, bytes, Any] | Fault]:
    """(line, bytes, value) of each record that is strict JSON; a Fault for every other."""
    for record in document.records():
        if isinstance(record, Fault):
            yield record
            continue
        try:
            value = text.loads(record.data)
        except ValueError as fault:
            yield Fault(document.name, record.line, str(fault), excerpt=excerpt(record.data))
        else:
            yield record.line, record.data, value


def each(documents: Sequence[Document], make: Callable[[Json, str, int], Row]) -> Iterator[Row | Fault]:
    """`make(record, file, line)` for every record; what it raises as Bad becomes a Fault."""
    for document in documents:
        for found in decoded(document):
            if isinstance(found, Fault):
                yield found
                continue
            line, data, value = found
            try:
                yield make(expect(value, dict, ""), document.name, line)
            except Bad as bad:
                yield Fault(document.name, line, bad.reason, bad.pointer, excerpt(data))
