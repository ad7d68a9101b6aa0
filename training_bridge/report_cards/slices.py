"""Accuracy by what pairs are told apart by. What is in no row is counted: too small, too many, or not known."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from training_bridge.report_cards.pairs import UNKNOWN, Gathered, duel
from training_bridge.report_cards.parts import By
from training_bridge.report_cards.resampling import Flags, Floats, Ints, share
from training_bridge.report_cards.reward import Breakdown, Slice

LEAST, MOST, PARTS, MOST_TAGS = 5, 20, 5, 20
"""Pairs of a row; rows of a breakdown; parts of a range; tags that have a breakdown of their own."""
SURENESS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def breakdowns(pairs: Gathered, confidence: float) -> tuple[Breakdown, ...]:
    """All that the decided pairs can be told apart by; what has one value only is left out."""
    keep = pairs.decided
    cut = Cut(keep, duel(pairs.better, pairs.worse), duel(*pairs.lengths), pairs.groups, confidence)
    found = [
        cut.by_range("lead", np.abs(pairs.lead)),
        cut.by_range("label", np.abs(2 * pairs.soft - 1), SURENESS),
        cut.by_name("strength", *_values(pairs.strength)),
        cut.by_name("source", pairs.source.values, list(pairs.source.codes)),
        cut.by_name("author", *_first_author(pairs)),
        cut.by_name("met", *_met(pairs)),
        cut.by_name("language", pairs.language.values, list(pairs.language.codes)),
        cut.by_name("topic", pairs.topic.values, list(pairs.topic.codes)),
        cut.by_name("cohort", pairs.cohort.values, list(pairs.cohort.codes)),
        *cut.by_tag(pairs.tagged()),
        cut.by_range("prompt_length", pairs.prompt_length),
    ]
    return tuple(one for one in found if one is not None)


class Cut:
    """Rows of breakdowns: which pairs count [P], whether each was right, whether the longer one won."""

    def __init__(self, keep: Flags, right: Floats, longer: Floats, groups: Ints, confidence: float) -> None:
        self.keep, self.right, self.longer, self.groups, self.confidence = keep, right, longer, groups, confidence

    def row(self, which: Flags | Ints, **said: str | float | None) -> Slice:
        """The pairs `which`, [P] or their places."""
        groups = self.groups[which]
        accuracy, longer = (share(hits[which], groups, self.confidence) for hits in (self.right, self.longer))
        return Slice(accuracy=accuracy, longer=longer, **said)  # type: ignore[arg-type]  # name, low and high

    def by_range(self, by: By, values: Floats, edges: tuple[float, ...] = ()) -> Breakdown | None:
        """Rows between `edges` (from each up to the next, the last with its end), else PARTS of equal size."""
        known = values[self.keep]
        if not len(known) or known.min() == known.max():
            return None
        if not edges:
            found = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)))
            edges = tuple(found.tolist())
        slices, left_out = [], 0
        for place, (low, high) in enumerate(pairwise(edges)):
            last = place == len(edges) - 2
            which = self.keep & (values >= low) & ((values <= high) if last else (values < high))
            if which.sum() >= LEAST:
                slices.append(self.row(which, low=low, high=high))
            else:
                left_out += int(which.sum())
        if len(slices) < 2:
            return None
        return Breakdown(by=by, slices=tuple(slices), left_out=left_out, beyond=0, unknown=0)

    def by_name(self, by: By, codes: Ints, names: list[str], tag: str = "") -> Breakdown | None:
        """A row for each name that has enough pairs, the largest first."""
        counts = np.bincount(codes[self.keep & (codes != UNKNOWN)], minlength=len(names))
        large = [code for code in np.argsort(-counts, kind="stable").tolist() if counts[code] >= LEAST]
        if np.count_nonzero(counts) < 2 or not large:
            return None
        return Breakdown(
            by=by,
            tag=tag,
            slices=tuple(self.row(self.keep & (codes == code), name=names[code]) for code in large[:MOST]),
            left_out=int(counts[counts < LEAST].sum()),
            beyond=int(counts[large[MOST:]].sum()),
            unknown=int(self.keep.sum() - counts.sum()),
        )

    def by_tag(self, tagged: Mapping[tuple[str, str], Ints]) -> Iterator[Breakdown | None]:
        """Tags that are only set, together; each tag that has values, by its values."""
        flags = [(name, np.unique(places[self.keep[places]])) for (name, value), places in tagged.items() if not value]
        flags.sort(key=lambda one: (-len(one[1]), one[0]))
        large, small = ([one for one in flags if (len(one[1]) >= LEAST) == enough] for enough in (True, False))
        if large:
            yield Breakdown(
                by="tag",
                slices=tuple(self.row(places, name=name) for name, places in large[:MOST]),
                left_out=_together(small),
                beyond=_together(large[MOST:]),
                unknown=int(self.keep.sum()) - _together(flags),
            )
        for tag in sorted({name for name, value in tagged if value})[:MOST_TAGS]:
            names = sorted(value for name, value in tagged if name == tag and value)
            codes = np.full(len(self.keep), UNKNOWN, dtype=np.int64)
            for code, value in enumerate(names):
                codes[tagged[tag, value]] = code
            yield self.by_name("tag", codes, names, tag)


def _together(rows: Sequence[tuple[str, Ints]]) -> int:
    """How many pairs are in any of the rows, each counted once."""
    return len(np.unique(np.concatenate([places for _name, places in rows]))) if rows else 0


def _values(numbers: Floats) -> tuple[Ints, list[str]]:
    """Few different numbers as names."""
    known, codes = np.unique(numbers, return_inverse=True)
    return np.asarray(codes, dtype=np.int64), [f"{value:g}" for value in known.tolist()]


def _first_author(pairs: Gathered) -> tuple[Ints, list[str]]:
    better, _worse, names = pairs.author_codes
    return better, names


def _met(pairs: Gathered) -> tuple[Ints, list[str]]:
    """The two models of each pair, whichever was preferred."""
    better, worse, names = pairs.author_codes
    both = np.stack([np.minimum(better, worse), np.maximum(better, worse)], 1)
    known, codes = np.unique(both, axis=0, return_inverse=True)
    codes = np.where((both == UNKNOWN).any(1), UNKNOWN, codes.reshape(-1))
    return codes, ["" if a == UNKNOWN else f"{names[a]} – {names[b]}" for a, b in known.tolist()]
