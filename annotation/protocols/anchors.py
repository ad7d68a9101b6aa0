"""Where in a text a stretch of it lies. Offsets are Unicode code points over the raw text, from 0, the end exclusive.

Other tools count otherwise: browsers in UTF-16 units, some with the last character included, some not at all. A
recorded stretch is therefore read by one rule after the other until the text there is the text that was quoted.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

JOINT = " … "
"""Stands in a quote between the segments of a discontinuous span."""
QUOTE_LIMIT = 10_000
"""A longer quote is not searched for; its offsets are still checked."""

Segments = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Anchored:
    """`rule`: exact, utf16, inclusive_end, search, loose_search, or offsets where nothing was quoted."""

    segments: Segments
    rule: str


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def quoted(text: str, segments: Sequence[tuple[int, int]]) -> str:
    """What a span over `segments` quotes."""
    return JOINT.join(text[start:end] for start, end in segments)


def fit(text: str, segments: Sequence[tuple[int, int]]) -> bool:
    """Whether `segments` lie in the text, ascending and apart."""
    bounds = [0, *(at for segment in segments for at in segment), len(text)]
    return bool(segments) and all(before <= after for before, after in pairwise(bounds))


def from_utf16(text: str, units: int) -> int | None:
    """The code point at which `units` UTF-16 units of the text end; None inside a character and beyond the text."""
    position = 0
    for index, character in enumerate(text):
        if position >= units:
            return index if position == units else None
        position += 2 if character > "\uffff" else 1
    return len(text) if position == units else None


def anchored(text: str, segments: Segments, quote: str | None) -> Anchored | None:
    """`segments` of a record as offsets of ours, by the first rule under which they select `quote`; None by none."""
    if quote is None:
        return Anchored(segments, "offsets") if fit(text, segments) else None
    readings = {
        "exact": segments,
        "utf16": _in_utf16(text, segments),
        "inclusive_end": tuple((start, end + 1) for start, end in segments),
    }
    for rule, read in readings.items():
        if read is not None and fit(text, read) and quoted(text, read) == quote:
            return Anchored(read, rule)
    return _searched(text, quote)


def _in_utf16(text: str, segments: Segments) -> Segments | None:
    read = tuple((from_utf16(text, start), from_utf16(text, end)) for start, end in segments)
    known = tuple((start, end) for start, end in read if start is not None and end is not None)
    return known if len(known) == len(read) else None


def _searched(text: str, quote: str) -> Anchored | None:
    if not quote.strip() or len(quote) > QUOTE_LIMIT:
        return None
    first = text.find(quote)
    if first >= 0:
        # Found twice, nobody knows which was meant.
        only = text.find(quote, first + 1) < 0
        return Anchored(((first, first + len(quote)),), "search") if only else None
    loose, starts, places = _words(text)
    wanted = " ".join(quote.split())
    first = loose.find(wanted)
    if first < 0 or loose.find(wanted, first + 1) >= 0:
        return None
    start, last = (
        places[word] + at - starts[word]
        for at in (first, first + len(wanted) - 1)
        for word in [bisect_right(starts, at) - 1]
    )
    return Anchored(((start, last + 1),), "loose_search")


@lru_cache(maxsize=4)
def _words(text: str) -> tuple[str, list[int], list[int]]:
    """The words of a text with one blank between them; where each begins there, and where in the text.

    A pattern with room for any white space between its words would take the square of the time where words repeat.
    """
    found = list(re.finditer(r"\S+", text))
    starts = list(accumulate((len(word[0]) + 1 for word in found), initial=0))[: len(found)]
    return " ".join(word[0] for word in found), starts, [word.start() for word in found]


def segments_of(record: Mapping[str, Any]) -> Segments | None:
    """The segments of a recorded span, whatever their order; None where they are none."""
    raw = record.get("segments")
    if raw is None and "start" in record:
        raw = [record]
    if not isinstance(raw, list):
        return None
    pairs = [(one.get("start"), one.get("end")) for one in raw if isinstance(one, dict)]
    whole = [(start, end) for start, end in pairs if type(start) is int and type(end) is int]
    return tuple(sorted(whole)) if len(whole) == len(raw) else None
