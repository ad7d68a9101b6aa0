"""Sentences and clauses of a text, and the tokens that end them: what a segment's reward stands on."""

import re
from collections.abc import Iterator, Sequence

CLOSING = r"""["')\]”’»」』）]*"""
# Where words stand apart, a mark ends something only before a blank ("3.5"); in Chinese and Japanese it always does.
ENDS = {
    name: re.compile(rf"[{apart}]+{CLOSING}(?=\s|$)|[{close}]+{CLOSING}|\n+")
    for name, apart, close in (("sentence", ".!?…", "。！？"), ("clause", ".!?…,;:", "。！？，；："))
}
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""A character of a script without blanks counts as a word."""
LEAST_WORDS = 5
"""Of a clause, as in Fine-Grained RLHF (Wu et al. 2023, arXiv 2306.01693): shorter ones take in the next."""


def cut(text: str, segments: str) -> list[tuple[int, int]]:
    """The sentences or clauses of a text, end to end: code points, end exclusive."""
    found = list(_cuts(text, segments))
    if segments == "sentence":
        return found
    merged: list[tuple[int, int]] = []
    for start, end in found:
        short = bool(merged) and len(WORD.findall(text, *merged[-1])) < LEAST_WORDS
        merged = [*merged[:-1], (merged[-1][0], end)] if short else [*merged, (start, end)]
    return merged


def _cuts(text: str, segments: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [match.end() for match in ENDS[segments].finditer(text)] + [len(text)]:
        if text[start:end].strip():
            yield start, end
            start = end


def last_tokens(text: str, places: Sequence[tuple[int, int]], segments: str) -> list[int]:
    """The place of the last token of each segment, among the tokens that stand at `places` of the text.

    A segment without a token of its own (cut off, or within a token that began before) has none.
    """
    found: list[int] = []
    for start, end in cut(text, segments):
        own = [place for place, (low, high) in enumerate(places) if low < high and start <= high - 1 < end]
        found += own[-1:]
    return found
