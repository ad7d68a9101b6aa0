"""Rules that make one label of several judgments: one file and one line each. Pure: no tables, no request."""

import typing
from collections.abc import Sequence
from dataclasses import dataclass, field

from annotation.protocols import Protocol, Value, Words
from common.plugs import load

RULES: dict[str, str] = {
    "majority": "annotation.consensus.majority:RULE",
    "majority_each": "annotation.consensus.majority_each:RULE",
    "mean": "annotation.consensus.mean:RULE",
    "each": "annotation.consensus.each:RULE",
}


@dataclass(frozen=True)
class Vote:
    """One judgment of one field: the value in its protocol's normal form, and whose it is."""

    annotation_id: int
    value: Value
    human: bool


@dataclass(frozen=True)
class Settled:
    """A label: `soft` is a share per outcome and sums to 1 (its rule says where not); `confidence` lies in [0, 1]."""

    value: Value
    soft: dict[str, float]
    confidence: float
    votes: Sequence[Vote] = field(default_factory=tuple)


class Rule(typing.Protocol):
    key: str
    title: Words

    def settle(self, votes: Sequence[Vote], protocol: Protocol) -> Settled | None:
        """The label that the votes make; None where none of them is usable."""


def heard(votes: Sequence[Vote]) -> list[Vote]:
    """The votes that count: people's where there are any, else those of judges."""
    return [vote for vote in votes if vote.human] or list(votes)


def rule(key: str) -> Rule:
    """The consensus rule called `key`. Raises Invalid where there is none."""
    plug: Rule = load(RULES, key, "consensus rule")
    return plug
