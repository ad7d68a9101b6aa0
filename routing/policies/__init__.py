"""Routing policies: one file each. A policy is pure: views of items in, verdicts out, no database.

To add one: docs/how-to/add-a-routing-policy.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel

from common.plugs import load
from routing.sampling import Sampling

POLICIES: dict[str, str] = {
    "all_human": "routing.policies.all_human:POLICY",
    "all_ai": "routing.policies.all_ai:POLICY",
    "random": "routing.policies.random:POLICY",
    "metadata": "routing.policies.metadata:POLICY",
    "confidence": "routing.policies.confidence:POLICY",
    "learned": "routing.policies.learned:POLICY",
    "certified": "routing.policies.certified:POLICY",
    "gain": "routing.policies.gain:POLICY",
}

HUMAN, JUDGE, BOTH = "human", "judge", "both"


@dataclass(frozen=True)
class Foreseen:
    """What the risk model in force says of an item; nothing without one.

    `risk`: P(the judge disagrees with people); `people_risk`: P(two people disagree), None where too few items have two
    people. `why`: (feature, what it adds to the logit of the risk), the weightiest first. `like`: (past items that both
    judged with about this risk, how many of them the judge agreed on).
    """

    risk: float | None = None
    people_risk: float | None = None
    why: tuple[tuple[str, float], ...] = ()
    like: tuple[int, int] | None = None


@dataclass(frozen=True)
class ItemView:
    """What a policy may know of one item. `draw`: in [0, 1), fixed for item and plan, so that routing can be repeated.

    `confidence`: the judge's own, in [0, 1]; None before the judge was asked, or where it gives none. `foreseen`: by
    the risk model in force. `tags`: the item's own and its prompt's, "" for a tag without a value.
    """

    item_id: int
    draw: float
    features: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    foreseen: Foreseen = Foreseen()
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def risk(self) -> float | None:
        return self.foreseen.risk


@dataclass(frozen=True)
class Knowledge:
    """What a policy may know besides the items.

    `quota`: items that the budget can still send to people; None: no limit. `price`: the risk that a person's label is
    worth at the moment, where a stream is paced; None: the policy's own threshold. `certified`: tag ("key=value"; "":
    all) → the confidence (1 - risk) from which the judge may keep an item, None where nothing could be promised; a tag
    that is missing has no certificate in force.
    """

    quota: int | None = None
    price: float | None = None
    certified: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """A policy's word on one item. `propensity`: the probability, over the draws, of the route taken; in (0, 1].

    `reasons`: whole sentences an admin can read. `risk`: P(the judge disagrees with people), where the policy knows.
    """

    route: str
    propensity: float
    reasons: tuple[str, ...]
    risk: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.propensity <= 1:
            raise ValueError(f"a route that was taken cannot have had the probability {self.propensity}")


class Policy(Protocol):
    """The interface of every routing policy. `Config` forbids unknown fields."""

    key: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    sampling: ClassVar[Sampling]
    """What a plan of it draws at random unless an admin says otherwise."""
    needs_certificate: ClassVar[bool]
    """Whether what the judge has answered waits while the sample for a certificate is being collected."""

    def needs_judge(self, config: Any) -> bool:
        """Whether a plan with `config` makes no sense without a judge."""
        ...

    def judge_first(self, config: Any) -> bool:
        """Whether every item is put to the judge before `decide` is asked."""
        ...

    def batch(self, config: Any) -> int:
        """With `judge_first`: how many verdicts to compare with each other; 1: each item by itself."""
        ...

    def decide(self, items: Sequence[ItemView], config: Any, known: Knowledge) -> list[Verdict]:
        """One verdict an item, in order."""
        ...


def policy(key: str) -> Policy:
    """The policy called `key`. Raises Invalid where there is none."""
    return cast(Policy, load(POLICIES, key, "routing policy"))


def per_cent(share: float) -> str:
    return f"{100 * share:.3g} %"
