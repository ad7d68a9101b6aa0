"""CSV and TSV with a header: one item a row, its prompt and responses in columns.

Delimiter and quoting are told from the beginning of the file: tables come quoted as RFC 4180 has it, and unquoted with
literal quotes. Which column is what is guessed by its name, unless the person says so. An empty cell is nothing.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from common.words import gettext_noop as _
from corpus.importers.archives import Unreadable
from corpus.importers.documents import Document
from corpus.importers.rows import Answer, Bad, Fault, Json, Options, Row, excerpt

DELIMITERS = ",\t;|"
SAMPLE_LINES = 50
MAX_COLUMNS = 500
SEVERAL = ("responses", "context")
ROLES = ("prompt", "system", "responses", "context", "external_id", "language", "group", "licence")
NAMES = {
    "prompt": re.compile(r"prompt|question|instruction|query|input|source"),
    "system": re.compile(r"system(_prompt|_message)?"),
    "responses": re.compile(
        r"(response|answer|completion|output|candidate|translation|summary)([_ ]?([a-z]|\d{1,2}))?"
    ),
    "context": re.compile(r"(context|passage|document|article|reference)([_ ]?\d{1,2})?"),
    "external_id": re.compile(r"id|external_id|item_id|uid|key"),
    "language": re.compile(r"lang|language|locale"),
    "group": re.compile(r"group|group_id|topic"),
    "licence": re.compile(r"licen[cs]e"),
}
# What spreadsheets put before a cell that would be a formula; undone only where the person says that it was done.
GUARDED = re.compile(r"'(?=[=+\-@\t\r])")

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Shape:
    """How a file is written."""

    delimiter: str
    quoted: bool

    @property
    def reader(self) -> Json:
        quoting = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return {"delimiter": self.delimiter, "quoting": quoting, "strict": True}


def _counts(sample: Sequence[str], shape: Shape) -> list[int]:
    """Cells of each row of the sample, which may end within one; none where it cannot be read so."""
    counts: list[int] = []
    reader = csv.reader(sample, **shape.reader)
    try:
        counts.extend(len(row) for row in reader if row)
    except csv.Error:
        return counts if reader.line_num == len(sample) else []
    return counts


def shape_of(sample: Sequence[str]) -> Shape:
    """Of all ways to read the sample the first that gives every row the same number of cells, more than one."""
    best, most = Shape(",", quoted=True), 0.0
    for shape in (Shape(delimiter, quoted) for quoted in (True, False) for delimiter in DELIMITERS):
        counts = _counts(sample, shape)
        alike = sum(count == counts[0] for count in counts) / len(counts) if counts and counts[0] > 1 else 0.0
        if alike > most:
            best, most = shape, alike
    return best


def guessed(header: Sequence[str]) -> dict[str, list[str]]:
    """Role → columns, by their names."""
    found: dict[str, list[str]] = {role: [] for role in ROLES}
    for name in header:
        plain = name.strip().lower().replace("-", "_")
        role = next((role for role in ROLES if NAMES[role].fullmatch(plain)), None)
        if role and (role in SEVERAL or not found[role]):
            found[role].append(name)
    return found


def _chosen(header: Sequence[str], options: Options) -> dict[str, list[str]]:
    """What the person said, or a guess. Raises Bad for a column that is not there."""
    columns = {role: list(options.columns.get(role, [])) for role in ROLES} if options.columns else guessed(header)
    for role, names in columns.items():
        for name in names:
            if name not in header:
                raise Bad("", _("there is no column %(name)s for %(role)s") % {"name": name, "role": role})
    if not columns["prompt"]:
        raise Bad("", _("say which column is the prompt; there are: %(names)s") % {"names": ", ".join(header)[:300]})
    return columns


def _row(cells: Mapping[str, str], columns: Columns, file: str, line: int) -> Row:
    def texts(role: str) -> list[str]:
        return [cells[name] for name in columns[role] if cells.get(name)]

    def one(role: str) -> str:
        return next(iter(texts(role)), "")

    if not one("prompt"):
        raise Bad("/" + columns["prompt"][0], _("an empty prompt"))
    system = [{"role": "system", "content": text} for text in texts("system")]
    used = {name for names in columns.values() for name in names}
    answers = [name for name in columns["responses"] if cells.get(name)]
    if len(one("external_id")) > 200:
        raise Bad("/" + columns["external_id"][0], _("longer than %(limit)s characters") % {"limit": 200})
    return Row(
        file,
        line,
        [*system, {"role": "user", "content": one("prompt")}],
        [Answer([{"role": "assistant", "content": cells[name]}]) for name in answers],
        names=answers,
        external_id=one("external_id"),
        context=[
            {"kind": "passage", "title": name, "text": cells[name]} for name in columns["context"] if cells.get(name)
        ],
        group=one("group"),
        language=one("language")[:35],
        licence=one("licence")[:200],
        raw={name: text for name, text in cells.items() if name not in used and text},
    )


class CSVTable:
    key = "csv"
    title = _("CSV table")
    description = _(
        "A header and one item a row: a column with the prompt, one for each response, and, if there are any, "
        "columns with an id, context passages or a language. Which column is what can be changed in the preview."
    )
    example = (
        "id,prompt,response_a,response_b\n"
        'flat-1,How do I fix a flat?,"Find the hole, then patch it.",Walk.\n'
        "used-1,Is a used bicycle worth it?,Often: look at the frame first.,No idea.\n"
    )
    use_recorded: bool | None = None

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        for document in documents:
            try:
                yield from self._rows(document, options)
            except Unreadable as fault:
                yield Fault(document.name, 0, str(fault), fatal=True)
            except UnicodeDecodeError as fault:
                reason = _("not UTF-8 text (byte %(start)s)") % {"start": fault.start}
                yield Fault(document.name, 0, reason, fatal=True)

    def recognised(self, documents: Sequence[Document], options: Options) -> Json:
        """The header of the first file, how it is written, and which column is taken for what."""
        with documents[0].text() as lines:
            sample = list(islice(lines, SAMPLE_LINES))
        shape = shape_of(sample)
        header = next(csv.reader(sample, **shape.reader), [])[:MAX_COLUMNS]
        try:
            used = _chosen(header, options)
        except Bad:
            used = guessed(header)
        return {"header": header, "used": used, "delimiter": shape.delimiter, "quoted": shape.quoted}

    def _rows(self, document: Document, options: Options) -> Iterator[Row | Fault]:
        csv.field_size_limit(document.limits.record)
        with document.text() as lines:
            shape = shape_of(list(islice(lines, SAMPLE_LINES)))
        with document.text() as lines:
            reader = csv.reader(lines, **shape.reader)
            header = next(reader, [])
            try:
                if len(set(header)) < len(header) or not header:
                    raise Bad("", _("two columns have the same name, or there is no header"))
                columns = _chosen(header, options)
            except Bad as bad:
                yield Fault(document.name, 1, bad.reason, excerpt=excerpt(",".join(header)))
                return
            yield from self._body(reader, header, columns, document.name, options)

    def _body(
        self, reader: Iterator[list[str]], header: Sequence[str], columns: Columns, name: str, options: Options
    ) -> Iterator[Row | Fault]:
        while True:
            line = getattr(reader, "line_num", 0) + 1
            try:
                cells = next(reader, None)
            except csv.Error as fault:
                yield Fault(name, line, _("not a row of a table: %(fault)s") % {"fault": str(fault)}, fatal=True)
                return
            if cells is None:
                return
            if not any(cells):
                continue
            if options.spreadsheet:
                cells = [GUARDED.sub("", cell, count=1) if cell[:1] == "'" else cell for cell in cells]
            try:
                if len(cells) > len(header):
                    counts = {"cells": len(cells), "columns": len(header)}
                    raise Bad("", _("%(cells)s cells, but only %(columns)s columns") % counts)
                yield _row(dict(zip(header, cells, strict=False)), columns, name, line)
            except Bad as bad:
                yield Fault(name, line, bad.reason, bad.pointer, excerpt(",".join(cells)))


IMPORTER = CSVTable()
