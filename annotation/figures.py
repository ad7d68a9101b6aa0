"""Shares with their intervals, and habits of raters: pure functions, no tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.intervals import wilson


@dataclass(frozen=True)
class Share:
    """`hits` of `of`, with Wilson's 95 % interval."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.of)

    @property
    def low(self) -> float:
        return self.interval[0]

    @property
    def high(self) -> float:
        return self.interval[1]

    def off(self, expected: float) -> bool:
        """Whether `expected` lies outside the interval: chance alone would rarely do that."""
        return bool(self.of) and not self.low <= expected <= self.high

    @classmethod
    def count(cls, found: Iterable[bool]) -> "Share":
        seen = list(found)
        return cls(sum(seen), len(seen))


def first_shown(pairs: Iterable[tuple[int, int]], shown: Sequence[int]) -> list[bool]:
    """For each (chosen, rejected): whether the chosen one stood before the other. `shown`: ids as displayed."""
    place = {pk: number for number, pk in enumerate(shown)}
    return [place[a] < place[b] for a, b in pairs if a in place and b in place]


def longer_chosen(pairs: Iterable[tuple[int, int]], lengths: dict[int, int]) -> list[bool]:
    """For each (chosen, rejected) of different lengths: whether the chosen one is the longer."""
    known = [(lengths.get(a, 0), lengths.get(b, 0)) for a, b in pairs]
    return [a > b for a, b in known if a != b]


def mean_distance(distances: Sequence[float]) -> float:
    return sum(distances) / len(distances) if distances else 0.0
