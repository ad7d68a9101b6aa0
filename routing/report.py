"""How good labels are when a share of the items goes to people: measured on pairs with several people's verdicts.

A judge's label is free, a person's costs 1. The label of an item is the judge's or, where it was bought, one person's;
the reference is what the other people say: each person is left out in turn, and only items where all the others agree
count. Agreement is exact: a tie is an answer like left and right. Pure: no database.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean
from typing import Any

CHOICES = {"left", "right", "tie", "both_bad"}


@dataclass(frozen=True)
class Pair:
    """One item: each person's and each judge's verdict ("left", "right", "tie", "both_bad"; of a judge also others)."""

    id: str
    people: Mapping[str, str]
    judges: Mapping[str, str | None] = field(default_factory=dict)

    def said(self, judge: str) -> str:
        """The judge's label; a verdict that is missing or cannot be read counts as a tie."""
        verdict = self.judges.get(judge)
        return verdict if verdict in CHOICES else "tie"


def agreement(pairs: Sequence[Pair], judge: str, bought: set[int]) -> float | None:
    """Share of labels that match the reference, over all (item, person left out); `bought`: positions of people's."""
    matches = total = 0
    for position, pair in enumerate(pairs):
        for person, own in pair.people.items():
            others = {verdict for name, verdict in pair.people.items() if name != person}
            if len(others) != 1:
                continue
            total += 1
            matches += (own if position in bought else pair.said(judge)) in others
    return matches / total if total else None


def people_agreement(pairs: Sequence[Pair]) -> dict[tuple[str, str], float]:
    """(person, person) → the share of the items that both judged on which they say the same."""
    names = sorted({name for pair in pairs for name in pair.people})
    found = {}
    for one, other in combinations(names, 2):
        both = [pair.people for pair in pairs if one in pair.people and other in pair.people]
        if both:
            found[one, other] = fmean(people[one] == people[other] for people in both)
    return found


def random_order(pairs: Sequence[Pair], seed: int) -> list[int]:
    return random.Random(seed).sample(range(len(pairs)), len(pairs))  # noqa: S311  a simulation


def doubted_first(pairs: Sequence[Pair], seed: int, judge: str, second: str) -> list[int]:
    """Items on which the second judge says something else come first; within both groups by chance."""
    chance = {position: rank for rank, position in enumerate(random_order(pairs, seed))}
    return sorted(chance, key=lambda i: (pairs[i].said(judge) == pairs[i].said(second), chance[i]))


def curve(
    pairs: Sequence[Pair], judge: str, shares: Sequence[float], seeds: int, order: Callable[[int], list[int]]
) -> dict[float, float]:
    """Share of people in [0, 1] → agreement, the mean over `seeds` orders in which items are bought."""
    found: dict[float, list[float]] = {share: [] for share in shares}
    for seed in range(seeds):
        buying = order(seed)
        for share in shares:
            reached = agreement(pairs, judge, set(buying[: round(share * len(pairs))]))
            if reached is not None:
                found[share].append(reached)
    return {share: fmean(values) for share, values in found.items() if values}


def report(
    pairs: Sequence[Pair], judge: str, *, second: str = "", shares: Sequence[float], seeds: int
) -> dict[str, Any]:
    """{"items", "judge", "unreadable", "people": {"a × b": share}, "policies": {policy: {share: agreement}}}."""
    policies = {"random": curve(pairs, judge, shares, seeds, lambda seed: random_order(pairs, seed))}
    if second:
        policies["confidence"] = curve(
            pairs, judge, shares, seeds, lambda seed: doubted_first(pairs, seed, judge, second)
        )
    return {
        "items": len(pairs),
        "judge": judge,
        "second": second or None,
        "unreadable": sum(pair.judges.get(judge) not in CHOICES for pair in pairs),
        "people": {f"{one} × {other}": round(value, 4) for (one, other), value in people_agreement(pairs).items()},
        "policies": {
            name: {f"{100 * share:g}": round(100 * value, 2) for share, value in row.items()}
            for name, row in policies.items()
        },
    }
