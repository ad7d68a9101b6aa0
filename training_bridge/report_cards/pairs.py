"""Held-out pairs as arrays, gathered item by item: some hundred bytes a pair, however long the texts."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from training_bridge.report_cards.resampling import Flags, Floats, Ints

UNKNOWN = -1


@dataclass(frozen=True)
class Response:
    """One response of an item: its `reward`, `length` in characters, `author` (a model's name, "" where unknown), and
    what each member of an ensemble says."""

    reward: float
    length: int
    author: str = ""
    members: Sequence[float] = ()


@dataclass(frozen=True)
class Facts:
    """What is known of a pair beside its texts. `votes`: people's for the response called better, for the other, for
    neither; None where the snapshot does not say. `tags`: (name, value), value "" where it is only set."""

    source: str = ""
    language: str = ""
    topic: str = ""
    cohort: str = ""
    tags: Sequence[tuple[str, str]] = ()
    votes: tuple[int, int, int] | None = None


@dataclass
class Names:
    """Names as codes, in the order in which they came."""

    codes: dict[str, int] = field(default_factory=dict)
    column: "array[int]" = field(default_factory=lambda: array("l"))

    def add(self, name: str) -> None:
        """ "" is unknown."""
        self.column.append(self.codes.setdefault(name, len(self.codes)) if name else UNKNOWN)

    @property
    def values(self) -> Ints:
        return np.array(self.column, dtype=np.int64)


@dataclass
class Gathered:
    """All held-out pairs. In every pair the first response is the one that its soft label favours."""

    _numbers: "array[float]" = field(default_factory=lambda: array("d"))
    _members: "array[float]" = field(default_factory=lambda: array("d"))
    _votes: "array[int]" = field(default_factory=lambda: array("l"))
    _responses: "array[float]" = field(default_factory=lambda: array("d"))
    _groups: dict[str, int] = field(default_factory=dict)
    _items: int = 0
    member_count: int = 0
    source: Names = field(default_factory=Names)
    language: Names = field(default_factory=Names)
    topic: Names = field(default_factory=Names)
    cohort: Names = field(default_factory=Names)
    authors: tuple[Names, Names] = field(default_factory=lambda: (Names(), Names()))
    tags: dict[tuple[str, str], "array[int]"] = field(default_factory=dict)

    def item(self, group: str, responses: Sequence[Response]) -> None:
        """The responses of the item whose pairs come next; `group`: its prompt group."""
        self._items += 1
        code = self._groups.setdefault(group, len(self._groups))
        for one in responses:
            self._responses.extend((code, self._items, one.reward, one.length))

    def pair(
        self, better: Response, worse: Response, *, soft: float, strength: float, prompt_length: int, facts: Facts
    ) -> None:
        """A pair of the last item: soft = P(better is better)."""
        group = int(self._responses[-4])
        votes = facts.votes
        if soft < 0.5:
            better, worse, soft = worse, better, 1 - soft
            votes = (votes[1], votes[0], votes[2]) if votes else None
        place = len(self)
        self._numbers.extend(
            (group, better.reward, worse.reward, soft, strength, better.length, worse.length, prompt_length)
        )
        self.member_count = len(better.members)
        self._members.extend(a - b for a, b in zip(better.members, worse.members, strict=True))
        self._votes.extend(votes or (UNKNOWN,) * 3)
        for name in ("source", "language", "topic", "cohort"):
            getattr(self, name).add(getattr(facts, name))
        for names, one in zip(self.authors, (better, worse), strict=True):
            names.add(one.author)
        for tag in facts.tags:
            self.tags.setdefault(tag, array("l")).append(place)

    def __len__(self) -> int:
        return len(self._numbers) // 8

    @cached_property
    def _table(self) -> Floats:
        return np.array(self._numbers).reshape(-1, 8)

    @property
    def groups(self) -> Ints:
        """[P]"""
        return self._table[:, 0].astype(np.int64)

    @property
    def better(self) -> Floats:
        """[P]: rewards."""
        return self._table[:, 1]

    @property
    def worse(self) -> Floats:
        return self._table[:, 2]

    @property
    def soft(self) -> Floats:
        """[P], from ½ to 1."""
        return self._table[:, 3]

    @property
    def strength(self) -> Floats:
        return self._table[:, 4]

    @property
    def lengths(self) -> tuple[Floats, Floats]:
        """Of the better and of the worse response, [P] each, in characters."""
        return self._table[:, 5], self._table[:, 6]

    @property
    def prompt_length(self) -> Floats:
        return self._table[:, 7]

    @property
    def lead(self) -> Floats:
        return self.better - self.worse

    @property
    def decided(self) -> Flags:
        found: Flags = self.soft > 0.5
        return found

    @cached_property
    def members(self) -> Floats:
        """[P, M]: each member's lead."""
        return np.array(self._members).reshape(len(self), self.member_count)

    @cached_property
    def votes(self) -> Ints:
        """[P, 3], UNKNOWN where the snapshot does not say."""
        return np.array(self._votes, dtype=np.int64).reshape(-1, 3)

    @cached_property
    def responses(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Prompt group, item, reward and length of every response, [N] each."""
        table = np.array(self._responses).reshape(-1, 4)
        return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2], table[:, 3]

    @property
    def author_codes(self) -> tuple[Ints, Ints, list[str]]:
        """Models that wrote the better and the worse response, [P] each, in one list of names."""
        names = sorted({*self.authors[0].codes, *self.authors[1].codes})
        places = {name: place for place, name in enumerate(names)}
        found = []
        for one in self.authors:
            table = np.array([places[name] for name in one.codes] + [UNKNOWN], dtype=np.int64)
            found.append(table[one.values])
        return found[0], found[1], names

    def tagged(self) -> Mapping[tuple[str, str], Ints]:
        """Places of the pairs that bear each tag."""
        return {tag: np.array(places, dtype=np.int64) for tag, places in self.tags.items()}


def duel(first: Floats, second: Floats) -> Floats:
    """1 where the first is larger, ½ where both are equal, else 0."""
    found: Floats = (first > second) + 0.5 * (first == second)
    return found
