"""What the first phase of an import leaves on disk for the second: every good row, checked and normalised, in order."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from corpus.importers.rows import Fault, Json


@dataclass(frozen=True)
class Staged:
    number: int
    sha256: str
    file: str
    line: int
    body: Json

    @property
    def external_id(self) -> str:
        return str(self.body["external_id"])


def _staged(row: tuple[int, str, str, int, str]) -> Staged:
    number, sha256, file, line, body = row
    return Staged(number, sha256, file, line, json.loads(body))


class Staging:
    """An SQLite file: finds a row come twice without holding the ids in memory, and gives batches from any point on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = sqlite3.connect(path, isolation_level=None)
        # Nothing here outlives a crash that matters: the file counts only once `finished` has said so.
        self.database.execute("PRAGMA synchronous=OFF")
        self.database.execute("PRAGMA journal_mode=MEMORY")

    @classmethod
    def create(cls, path: Path) -> Self:
        path.unlink(missing_ok=True)
        made = cls(path)
        made.database.execute(
            "CREATE TABLE staged (number INTEGER PRIMARY KEY, external_id TEXT UNIQUE, sha256 TEXT, file TEXT, "
            "line INTEGER, body TEXT)"
        )
        made.database.execute("BEGIN")
        return made

    def add(self, body: Json) -> Staged | None:
        """Stages one compiled row. Returns None, or the row already staged under its external id."""
        source = body["meta"]["source"]
        new = self.database.execute(
            "INSERT OR IGNORE INTO staged (external_id, sha256, file, line, body) VALUES (?, ?, ?, ?, ?)",
            (body["external_id"], body["sha256"], source["file"], source["line"], json.dumps(body, ensure_ascii=False)),
        )
        return None if new.rowcount else self._one(body["external_id"])

    def _one(self, external_id: str) -> Staged:
        found = self.database.execute(
            "SELECT number, sha256, file, line, body FROM staged WHERE external_id = ?", (external_id,)
        ).fetchone()
        return _staged(found)

    def drop(self, external_id: str) -> None:
        self.database.execute("DELETE FROM staged WHERE external_id = ?", (external_id,))

    @property
    def last(self) -> int:
        """The number of the last row staged, 0 where there is none."""
        return int(self.database.execute("SELECT COALESCE(MAX(number), 0) FROM staged").fetchone()[0])

    def after(self, number: int, *, rows: int, characters: int) -> list[Staged]:
        """The next rows: at most `rows` of them, and no more once their bodies have `characters`, but at least one."""
        found: list[Staged] = []
        size = 0
        query = "SELECT number, sha256, file, line, body FROM staged WHERE number > ? ORDER BY number LIMIT ?"
        with closing(self.database.execute(query, (number, rows))) as cursor:
            for one in cursor:
                found.append(_staged(one))
                size += len(one[4])
                if size > characters:
                    break
        return found

    def finished(self, path: Path) -> None:
        """Puts the file in its place, whole."""
        self.database.execute("COMMIT")
        self.close()
        self.path.rename(path)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Report:
    """The file of bad lines and warnings: JSON lines, level, file, line, pointer, reason, excerpt."""

    def __init__(self, path: Path, *, more: bool = False) -> None:
        self.handle = path.open("a" if more else "w", encoding="utf-8")

    def fault(self, fault: Fault) -> None:
        self._write("error", fault.file, fault.line, fault.pointer, fault.reason, fault.excerpt)

    def warning(self, file: str, line: int, reason: str) -> None:
        self._write("warning", file, line, "", reason, "")

    def _write(self, level: str, file: str, line: int, pointer: str, reason: str, excerpt: str) -> None:
        entry = {"level": level, "file": file, "line": line, "pointer": pointer, "reason": reason, "excerpt": excerpt}
        self.handle.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.handle.close()


def entries(path: Path) -> Iterator[Json]:
    """The entries of a report, in file order."""
    if path.is_file():
        with path.open(encoding="utf-8") as handle:
            for line in handle:
                yield json.loads(line)


FIELDS = ("level", "file", "line", "pointer", "reason", "excerpt")


def as_csv(report: Iterator[Json]) -> Iterator[str]:
    """The report for a spreadsheet. A cell that one could take for a formula gets a `'` in front."""

    class Line:
        def write(self, text: str) -> str:
            return text

    writer = csv.writer(Line())
    yield writer.writerow(FIELDS)
    for entry in report:
        yield writer.writerow([_plain(entry[field]) for field in FIELDS])


def _plain(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
