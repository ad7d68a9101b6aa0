"""Carrying out a router's word: allocate, open the slots, write the decision. All within the caller's transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Max

from annotation.models import Item, Slot
from annotation.services.items import open_slots
from annotation.watch import overlap_of
from common.configs import checked
from projects.models import Project
from routing.features import described
from routing.judges.pairwise import plain_text
from routing.models import Decision, Judge, JudgeCall, Purchase, RoutingPlan
from routing.policies import HUMAN, JUDGE, ItemView, Knowledge, Verdict, policy
from routing.services import budgets

SET_ASIDE = (Decision.Purpose.PILOT, Decision.Purpose.CALIBRATION)
"""Drawn before any rule has a say: such an item stands for itself, and the others are figured without it."""


@dataclass(frozen=True)
class Case:
    """One item before the router, under one plan: `ordinal` is the number of the word to be spoken."""

    project: Project
    plan: RoutingPlan
    item: Item
    ordinal: int = 1
    signals: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draw(self) -> float:
        """Uniform on [0, 1), the same whenever this word on this item under this plan is sought again."""
        about = f"{self.project.slug}/{self.plan.number}/{self.ordinal}/{self.item.external_id}"
        return int.from_bytes(hashlib.sha256(about.encode()).digest()[:8], "big") // 2**11 / 2**53

    @property
    def features(self) -> dict[str, Any]:
        texts = [plain_text(row.response.messages) for row in self.item.item_responses.all()]
        return described(plain_text(self.item.prompt.messages), texts) | dict(self.signals)

    def view(self) -> ItemView:
        return ItemView(self.item.pk, self.draw, self.features, self.signals.get("confidence"))


def decide(cases: Sequence[Case], quota: int | None = None) -> list[Verdict]:
    """What the plan's policy says to `cases`, all of one plan."""
    if not cases:
        return []
    plan = cases[0].plan
    plug = policy(plan.policy)
    return plug.decide([case.view() for case in cases], checked(plug.Config, plan.config), Knowledge(quota))


def price(project: Project, people: int) -> Decimal:
    """What it costs to ask so many people."""
    return people * project.price_per_label


def to_people(case: Case, verdict: Verdict) -> Decision | None:
    """Opens slots for people and records the decision; None, and nothing changed, where the budget has no room."""
    labels = overlap_of(case.project, case.item)
    cost = price(case.project, labels)
    if not budgets.allocate(project_id=case.project.pk, labels=labels, money=cost):
        return None
    slots = open_slots(item=case.item, humans=labels, judges=0)
    decision = record(case, verdict, human_labels=labels, cost=cost)
    buy(decision, slots)
    return decision


def buy(decision: Decision, slots: Sequence[Slot]) -> None:
    """Writes down what was allocated for these slots of people, at the price of today."""
    price = decision.item.project.price_per_label
    Purchase.objects.bulk_create(Purchase(slot=slot, decision=decision, price=price) for slot in slots)


def to_judge(case: Case, verdict: Verdict, judge: Judge) -> Decision | None:
    """Opens a slot for the judge with its waiting call; None, and nothing changed, where the budget has no room."""
    if not budgets.allocate(project_id=case.project.pk, labels=0, money=judge.price_per_call):
        return None
    (slot,) = open_slots(item=case.item, humans=0, judges=1)
    decision = record(case, verdict, cost=judge.price_per_call)
    JudgeCall.objects.create(judge=judge, item=case.item, slot=slot, decision=decision)
    return decision


def record(case: Case, verdict: Verdict, *, human_labels: int = 0, cost: Decimal = Decimal(0)) -> Decision:
    return Decision.objects.create(
        item=case.item,
        plan=case.plan,
        ordinal=case.ordinal,
        route=verdict.route,
        propensity=verdict.propensity,
        asked=counts_with(case.item, verdict, Decision.Purpose.PLAN),
        draw=case.draw,
        risk=verdict.risk,
        threshold=verdict.threshold,
        features=case.features,
        reasons=list(verdict.reasons),
        human_labels=human_labels,
        cost=cost,
    )


def counts_with(item: Item, verdict: Verdict, purpose: str) -> float:
    """`Decision.asked`: the probability that this word asks people, where no word before it might have."""
    if item.decisions.filter(asked__gt=0).exists():
        return 0.0
    if purpose in SET_ASIDE:
        return 1.0
    return 1 - verdict.propensity if verdict.route == JUDGE else verdict.propensity


def forced(route: str, *reasons: str) -> Verdict:
    """A word that no draw could have changed: its propensity is 1."""
    return Verdict(route, 1.0, reasons)


def next_ordinal(item: Item) -> int:
    last: int | None = item.decisions.aggregate(last=Max("ordinal"))["last"]
    return (last or 0) + 1


def spent_verdict(verdict: Verdict, then: str) -> Verdict:
    """`verdict` wanted people, and there is no budget left for them: the judge takes the item."""
    return forced(JUDGE, *verdict.reasons, then)


def wants_people(verdict: Verdict) -> bool:
    return verdict.route == HUMAN
