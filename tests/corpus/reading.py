"""An importer run over bytes, without a database."""

from pathlib import Path
from typing import Any

from corpus.importers import importer
from corpus.importers.documents import Document, Limits
from corpus.importers.rows import Fault, Json, Options, Row, compiled


def read(tmp_path: Path, key: str, *files: bytes, **options: Any) -> list[Row | Fault]:
    documents = []
    for number, data in enumerate(files):
        path = tmp_path / str(number)
        path.write_bytes(data)
        documents.append(Document(f"file{number}", path, Limits(10**9, 10**7)))
    return list(importer(key).rows(documents, Options(**options)))


def rows(found: list[Row | Fault]) -> list[Row]:
    assert [one for one in found if isinstance(one, Fault)] == []
    return [one for one in found if isinstance(one, Row)]


def fault(found: list[Row | Fault]) -> Fault:
    [only] = found
    assert isinstance(only, Fault)
    return only


def staged(row: Row, key: str, **options: Any) -> Json:
    body, _ = compiled(row, format=key, use_recorded=importer(key).use_recorded, options=Options(**options))
    return body
