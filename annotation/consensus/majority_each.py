"""The majority for each part of an answer: each question of a list, each step, each thumb, each pair of a ranking.

People's votes go before judges', as in the majority of whole answers. A part whose votes stand against each other has
no winner; the protocol says what the label then holds. `soft` has the share of every outcome of every part, as
"part=outcome", and sums to 1 within each part; confidence is the mean, over the parts, of the share that won.
"""

import typing
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean

from django.utils.translation import gettext_lazy

from annotation.consensus import Settled, Vote, heard
from annotation.protocols import Protocol, Value


class Parted(Protocol, typing.Protocol):
    """A protocol whose answers are voted on part by part."""

    def ballots(self, value: Value) -> dict[str, str]:
        """{part: what the value says about it}; empty where it votes for nothing."""

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        """The value made of what each part has won; None where the votes stand against each other."""


class MajorityEach:
    key = "majority_each"
    title = gettext_lazy("Majority for each part")

    def settle(self, votes: Sequence[Vote], protocol: Protocol) -> Settled | None:
        plug = typing.cast(Parted, protocol)
        cast = heard([vote for vote in votes if plug.ballots(vote.value)])
        if not cast:
            return None
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for vote in cast:
            for part, outcome in plug.ballots(vote.value).items():
                counts[part][outcome] += 1
        won = {part: _winner(found) for part, found in counts.items()}
        soft = {
            f"{part}={outcome}": count / found.total()
            for part, found in counts.items()
            for outcome, count in sorted(found.items())
        }
        confidence = fmean(max(found.values()) / found.total() for found in counts.values())
        return Settled(plug.elected(won, [vote.value for vote in cast]), soft, confidence, tuple(cast))


def _winner(found: Counter[str]) -> str | None:
    (first, most), *others = found.most_common(2)
    return None if others and others[0][1] == most else first


RULE = MajorityEach()
