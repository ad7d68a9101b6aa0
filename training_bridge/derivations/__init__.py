"""Derivations: how the votes on items become soft labels, and how reliable each rater is. One file and one line each.

Pure: numpy arrays in, numpy arrays out. A snapshot pins which one by key, version and settings; whoever changes what
one computes raises its version. `common.plugs.load(DERIVATIONS, key, "derivation")` gives a `Derivation`.
"""

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from training_bridge.derivations.votes import Floats, Votes

DERIVATIONS: dict[str, str] = {
    "dawid_skene": "training_bridge.derivations.dawid_skene:DERIVATION",
    "one_coin": "training_bridge.derivations.one_coin:DERIVATION",
    "weighted_vote": "training_bridge.derivations.weighted_vote:DERIVATION",
    "vote_share": "training_bridge.derivations.vote_share:DERIVATION",
    "bradley_terry": "training_bridge.derivations.bradley_terry:DERIVATION",
}

Say = Callable[[int], None]
"""Called before each step of a computation that takes several, with its number from 1."""


class Config(BaseModel):
    """Base of every derivation's settings: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Strength:
    """How strong a model is, as P(better than the average one), a tie counting half, with its 95 % interval.

    `logit`: its Bradley–Terry strength r, which sums to 0 over all; `comparisons`: the evidence it was part of.
    """

    name: str
    share: float
    low: float
    high: float
    logit: float
    comparisons: float


@dataclass(frozen=True)
class Estimate:
    """What the votes on one question say.

    `soft`: [U, K], rows sum to 1; `hits` of `of`: [R], how much of a rater's votes is right, 0 of 0 where that cannot
    be told; `errors`: [R, K said, K true]; `facts`: how the computation went.
    """

    soft: Floats
    hits: Floats
    of: Floats
    facts: Mapping[str, float | bool] = field(default_factory=dict)
    errors: Floats | None = None
    strengths: tuple[Strength, ...] = ()


class Derivation(typing.Protocol):
    key: str
    version: int
    title: str
    description: str
    Config: type[Config]
    compares: bool
    """Whether it only takes comparisons of two responses."""

    def estimate(self, votes: Votes, config: typing.Any, say: Say) -> Estimate:
        """Soft labels of all units. People's votes go before judges': a unit that people judged rests on them alone."""
