"""Uploaded files as streams of records: gzip and zip opened by what they are, never by name; every size bounded."""

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from common.words import gettext_noop as _
from corpus.importers.archives import Unreadable, members
from corpus.importers.json_array import elements
from corpus.importers.rows import Fault, excerpt

# A record that decodes into more values than this would not fit into a worker's memory.
MAX_VALUES = 1_000_000
# JSON text packs 3 to 20 times; nothing honest packs beyond this.
MAX_RATIO = 200
SMALL = 10_000_000
CHUNK = 1 << 16

UNWANTED = {
    b"\xff\xfe": _("UTF-16 text; save it as UTF-8"),
    b"\xfe\xff": _("UTF-16 text; save it as UTF-8"),
    b"PAR1": _("a Parquet file; export it as JSON lines"),
    b"\x28\xb5\x2f\xfd": _("compressed with zstd; use gzip"),
    b"BZh": _("compressed with bzip2; use gzip"),
    b"\xfd7zXZ": _("compressed with xz; use gzip"),
    b"Rar!": _("a RAR archive; use zip or gzip"),
    b"7z\xbc\xaf": _("a 7z archive; use zip or gzip"),
    b"%PDF": _("a PDF"),
    b"\x89PNG": _("a picture"),
    b"GIF8": _("a picture"),
    b"\xff\xd8\xff": _("a picture"),
}


@dataclass(frozen=True)
class Limits:
    """Bytes: `total` of one document decompressed, `record` of one line or list element."""

    total: int
    record: int


@dataclass(frozen=True)
class Record:
    line: int
    data: bytes


class _Counted(io.RawIOBase):
    """A stream that tells how much went through it and refuses to give more than `limit` bytes."""

    def __init__(self, inner: IO[bytes], limit: int, told: Callable[[int], None] | None = None) -> None:
        self.inner, self.limit, self.seen, self.told = inner, limit, 0, told

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has the wider Buffer
        try:
            data = self.inner.read(len(buffer))
        except EOFError as fault:
            raise Unreadable(_("the compressed file ends too early: it is incomplete")) from fault
        except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError) as fault:
            raise Unreadable(_("the compressed file is damaged")) from fault
        buffer[: len(data)] = data
        self.seen += len(data)
        if self.told:
            self.told(len(data))
        if self.seen > self.limit:
            raise Unreadable(_("more than %(limit)s bytes when decompressed: refused") % {"limit": f"{self.limit:,}"})
        return len(data)


@dataclass
class Document:
    """One file of an upload, or one member of an uploaded zip. Can be read more than once.

    `read`: bytes of the upload consumed by the last reading (for progress).
    """

    name: str
    path: Path
    limits: Limits
    member: str = ""
    read: int = 0

    def records(self) -> Iterator[Record | Fault]:
        """The lines of a JSONL file, or the elements of a JSON list: whole, undecoded, blank lines left out.

        What is too large is a Fault and reading goes on; what cannot be read at all is a fatal Fault and the end.
        """
        line = 0
        try:
            with self._open() as stream:
                for record in self._split(stream):
                    line = record.line
                    yield record
        except Unreadable as fault:
            yield Fault(self.name, line + 1 if line else 0, str(fault), fatal=True)

    @contextmanager
    def text(self) -> Iterator[io.TextIOWrapper]:
        """The document as UTF-8 text, line ends as they are. Raises Unreadable, and UnicodeDecodeError on the way."""
        with self._open() as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as lines:
            yield lines

    def _split(self, stream: io.BufferedReader) -> Iterator[Record | Fault]:
        head = stream.peek(64)[:64]
        if not head:
            raise Unreadable(_("the file is empty"))
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            pieces = elements(stream, self.limits.record)
        else:
            pieces = _lines(stream, self.limits.record)
        for line, data, whole in pieces:
            if not whole:
                yield Fault(
                    self.name,
                    line,
                    _("longer than %(record)s bytes") % {"record": f"{self.limits.record:,}"},
                    excerpt=excerpt(data),
                )
            elif data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
                yield Fault(
                    self.name,
                    line,
                    _("more than %(max_values)s values in one record") % {"max_values": f"{MAX_VALUES:,}"},
                    excerpt=excerpt(data),
                )
            else:
                yield Record(line, data)

    @contextmanager
    def _open(self) -> Iterator[io.BufferedReader]:
        """The decompressed bytes. At most two layers, zip around gzip; each is bounded on its own."""
        self.read = 0
        with ExitStack() as stack:
            stream: BinaryIO = stack.enter_context(self.path.open("rb"))
            if self.member:
                archive = stack.enter_context(zipfile.ZipFile(stream))
                try:
                    inner = stack.enter_context(archive.open(self.member))
                except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as fault:
                    raise Unreadable(_("the compressed file is damaged")) from fault
                stream = cast(BinaryIO, self._bounded(inner, self._packed_limit()))
            else:
                stream = cast(BinaryIO, self._bounded(stream, self.limits.total, self._consumed))
            if _head(stream)[:2] == b"\x1f\x8b":
                stream = cast(
                    BinaryIO, self._bounded(cast(IO[bytes], gzip.GzipFile(fileobj=stream)), self._packed_limit())
                )
            _refuse_unwanted(_head(stream))
            yield cast(io.BufferedReader, stream)

    def _bounded(self, inner: IO[bytes], limit: int, told: Callable[[int], None] | None = None) -> io.BufferedReader:
        return io.BufferedReader(_Counted(inner, limit, told), CHUNK)

    def _packed_limit(self) -> int:
        return min(self.limits.total, max(SMALL, MAX_RATIO * self.path.stat().st_size))

    def _consumed(self, count: int) -> None:
        self.read += count


def _head(stream: BinaryIO) -> bytes:
    return cast(io.BufferedReader, stream).peek(8)[:8]


def _refuse_unwanted(head: bytes) -> None:
    if head[:2] == b"\x1f\x8b" or head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        raise Unreadable(_("an archive inside an archive: unpack it once"))
    for magic, what in UNWANTED.items():
        if head.startswith(magic):
            raise Unreadable(_("this file is %(what)s") % {"what": what})


def _lines(stream: io.BufferedReader, limit: int) -> Iterator[tuple[int, bytes, bool]]:
    """(line number, bytes without the line end, whether whole). A line beyond `limit` is read past, not kept."""
    number = 0
    while data := stream.readline(limit + 1):
        number += 1
        whole = len(data) <= limit or data.endswith(b"\n")
        if not whole:
            data = data[:CHUNK]
            while (rest := stream.readline(CHUNK)) and not rest.endswith(b"\n"):
                pass
        data = data.rstrip(b"\r\n")
        if data.strip():
            yield number, data, whole


def documents(path: Path, name: str, limits: Limits) -> list[Document]:
    """What one stored upload holds: itself, or the members of a zip. Raises Unreadable."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if head not in {b"PK\x03\x04", b"PK\x05\x06"}:
        return [Document(name, path, limits)]
    return [Document(excerpt(f"{name}/{member}"), path, limits, member) for member in members(path)]
