"""A JSON list read as a stream: where each element begins and ends, without decoding or holding the whole.

A scanner of brackets and quotes is enough to find the ends, takes linear time, is blind to depth, and finds its way to
the next element after a bad one; each element is then decoded strictly by `common.text.loads`.
"""

import re
from collections.abc import Iterator
from io import BufferedReader

from common.words import gettext_noop as _
from corpus.importers.archives import Unreadable

CHUNK = 1 << 16
# All signs that matter are ASCII, and no byte of a longer UTF-8 character looks like ASCII.
_OUTSIDE = re.compile(rb'[\[\]{},"]')
_INSIDE = re.compile(rb'["\\]')


class _Scanner:
    """Fed chunks, gives the elements that end in them. `line`: of the first byte of the element at hand."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.depth = 0  # 0: before or after the list, 1: between its elements
        self.in_string = self.escaped = False
        self.done = False
        self.parts: list[bytes] = []
        self.size = 0
        self.line = self.newlines = 1
        self.commas = 0

    def keep(self, piece: bytes) -> None:
        if not self.size:
            lead = piece[: len(piece) - len(piece.lstrip())]
            self.newlines += lead.count(b"\n")
            piece = piece[len(lead) :]
            self.line = self.newlines
        self.newlines += piece.count(b"\n")
        if self.size <= self.limit:
            self.parts.append(piece[: self.limit + 1 - self.size])
        self.size += len(piece)

    def taken(self) -> tuple[int, bytes, bool]:
        data = b"".join(self.parts).rstrip()
        found = self.line, data, self.size <= self.limit
        self.parts, self.size = [], 0
        return found

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes, bool]]:
        start = at = 0
        while at < len(chunk):
            if self.escaped:
                self.escaped = False
                at += 1
                continue
            match = (_INSIDE if self.in_string else _OUTSIDE).search(chunk, at)
            if match is None:
                break
            sign, at = match[0], match.end()
            if self.in_string:
                self.in_string, self.escaped = sign != b'"', sign == b"\\"
            elif self.boundary(sign):
                self.keep(chunk[start : at - 1])
                start = at
                if sign == b"]" and not self.size and not self.commas:
                    self.parts = []  # an empty list
                elif sign != b"[":
                    self.commas += 1
                    yield self.taken()
        self.keep(chunk[start:])

    def boundary(self, sign: bytes) -> bool:
        """Whether `sign`, met outside a string, opens the list, parts two elements, or closes the list."""
        if self.done:
            raise Unreadable(_("there is more text after the end of the list"))
        if sign == b'"':
            self.in_string = True
            return False
        if sign == b",":
            return self.depth == 1
        self.depth += 1 if sign in b"[{" else -1
        self.done = self.depth == 0
        if self.done and sign != b"]":
            raise Unreadable(_("the list is closed by a brace"))
        return self.done or (self.depth == 1 and sign == b"[")


def elements(stream: BufferedReader, limit: int) -> Iterator[tuple[int, bytes, bool]]:
    """(line number, bytes of one element, whether whole) for each element of the JSON list in `stream`.

    Of an element beyond `limit` bytes only the beginning is given. Raises Unreadable for what is not one whole list.
    """
    scanner = _Scanner(limit)
    chunk = stream.read(CHUNK).removeprefix(b"\xef\xbb\xbf")
    while chunk:
        yield from scanner.feed(chunk)
        if scanner.done and b"".join(scanner.parts).strip():
            raise Unreadable(_("there is more text after the end of the list"))
        chunk = stream.read(CHUNK)
    if not scanner.done:
        raise Unreadable(_("the file ends in the middle of the list"))
