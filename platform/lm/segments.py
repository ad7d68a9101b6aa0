"""Sentences and clauses of a text, and the tokens that end them: what a segment's reward stands on."""

import re
from collections.abc import Iterator, Sequence

ENDS = {"sentence": r"[.!?…。！？]+[\"')\]]*(?=\s|$)|\n+", "clause": r"[.!?…,;:。！？，；：]+[\"')\]]*(?=\s|$)|\n+"}
LEAST_WORDS = (
    5  # of a clause, as in Fine-Grained RLHF (Wu et al. 2023, arXiv 2306.01693): shorter ones take in the next
)


def cut(text: str, segments: str) -> list[tuple[int, int]]:
    """The sentences or clauses of a text, end to end: code points, end exclusive."""
    found = list(_cuts(text, segments))
    if segments == "sentence":
        return found
    merged: list[tuple[int, int]] = []
    for start, end in found:
        short = bool(merged) and len(text[slice(*merged[-1])].split()) < LEAST_WORDS
        merged = [*merged[:-1], (merged[-1][0], end)] if short else [*merged, (start, end)]
    return merged


def _cuts(text: str, segments: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [match.end() for match in re.finditer(ENDS[segments], text)] + [len(text)]:
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
