"""The mean of each score over those who gave one; "cannot tell" is left out, never counted as zero.

People's scores go before judges', as in the majority. Beside the means the label says how many gave each score
(`counts`) and how far they spread (`spreads`: the standard deviation, in points of the scale).

Confidence is agreement: for each score one minus the mean distance between any two raters, in widths of the scale;
then the mean over all scores. One rater alone agrees with themselves: 1. There are no outcomes to share out: `soft` is
empty.
"""

import typing
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean, pstdev

from django.utils.translation import gettext_lazy

from annotation.consensus import Settled, Vote, heard
from annotation.protocols import Protocol, Value


class Measured(Protocol, typing.Protocol):
    """A protocol whose values are scores."""

    def measures(self, value: Value) -> dict[tuple[str, str], float]:
        """The scores that were given, by (target, aspect), from 0 to 1 of their scale."""

    def averaged(self, means: Mapping[tuple[str, str], float], values: Sequence[Value]) -> Value:
        """The value of mean scores; `means`: from 0 to 1 of the scale."""


class Mean:
    key = "mean"
    title = gettext_lazy("Mean of scores")

    def settle(self, votes: Sequence[Vote], protocol: Protocol) -> Settled | None:
        plug = typing.cast(Measured, protocol)
        cast = heard([vote for vote in votes if plug.measures(vote.value)])
        if not cast:
            return None
        scores: dict[tuple[str, str], list[float]] = defaultdict(list)
        for vote in cast:
            for cell, score in plug.measures(vote.value).items():
                scores[cell].append(score)
        values = [vote.value for vote in cast]
        value = plug.averaged({cell: fmean(given) for cell, given in scores.items()}, values)
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        spreads: dict[str, dict[str, float]] = defaultdict(dict)
        for (target, aspect), given in sorted(scores.items()):
            width = value["scales"][aspect]["max"] - value["scales"][aspect]["min"]
            counts[target][aspect] = len(given)
            spreads[target][aspect] = round(pstdev(given) * width, 6)
        more = {"counts": dict(counts), "spreads": dict(spreads)}
        return Settled(value | more, {}, fmean(map(_agreement, scores.values())), tuple(cast))


def _agreement(given: Sequence[float]) -> float:
    if len(given) < 2:
        return 1.0
    return 1 - fmean(abs(a - b) for a, b in combinations(given, 2))


RULE = Mean()
