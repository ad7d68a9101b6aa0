"""Reads of the routing desk: what is in force, what it may cost and has cost, and why items wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum

from annotation.models import Slot
from common.errors import NotFound
from projects.models import Project
from routing.ledger import exact
from routing.models import Alarm, Budget, JudgeCall, Probe, Purchase, RoutingPlan
from routing.policies import Policy, policy
from routing.services import budgets, tallies
from routing.services.plans import current_plan
from routing.services.tallies import Figures
from routing.waiting import Waiting, waiting


@dataclass(frozen=True)
class BudgetView:
    """Human labels and money: what may be asked for, what is, what has come in. A limit of None: there is none."""

    labels_limit: int | None
    labels_allocated: int
    labels_used: int
    money_limit: Decimal | None
    money_allocated: Decimal
    money_used: Decimal
    judges_spent: Decimal
    period: str
    period_start: date | None
    period_ends: date | None
    """The first day of the next one."""
    period_labels_limit: int | None
    period_labels_allocated: int
    period_money_limit: Decimal | None
    period_money_allocated: Decimal
    expected_items: int | None

    @property
    def period_name(self) -> str:
        return str(Budget.Period(self.period).label)

    @property
    def labels_left(self) -> int | None:
        return None if self.labels_limit is None else self.labels_limit - self.labels_allocated

    @property
    def period_labels_left(self) -> int | None:
        return None if self.period_labels_limit is None else self.period_labels_limit - self.period_labels_allocated

    @property
    def period_money_left(self) -> Decimal | None:
        return None if self.period_money_limit is None else self.period_money_limit - self.period_money_allocated

    @property
    def money_left(self) -> Decimal | None:
        return None if self.money_limit is None else self.money_limit - self.money_allocated


@dataclass(frozen=True)
class DeskView:
    """`figures`: None where a large project has not been counted yet."""

    plan: RoutingPlan | None
    policy: Policy | None
    budget: BudgetView
    figures: Figures | None
    waiting: list[Waiting]
    alarms: Sequence[Alarm]


def desk(project: Project) -> DeskView:
    """What the routing desk shows."""
    plan = current_plan(project=project)
    return DeskView(
        plan=plan,
        policy=policy(plan.policy) if plan else None,
        budget=budget_view(project),
        figures=tallies.figures(project),
        waiting=waiting(project, plan),
        alarms=list(Alarm.objects.filter(project=project, closed_at=None).order_by("-pk")),
    )


def budget_view(project: Project) -> BudgetView:
    own = budgets.budget_of(project=project)
    bought = Purchase.objects.filter(slot__project=project, slot__state=Slot.State.DONE)
    people = bought.aggregate(labels=Count("pk"), money=Sum("price"))
    calls = JudgeCall.objects.filter(judge__project=project).aggregate(spent=Sum("cost"))
    planted = Probe.objects.filter(run__judge__project=project).aggregate(spent=Sum("cost"))
    spent = exact(calls["spent"]) + exact(planted["spent"])
    return BudgetView(
        labels_limit=own.labels_limit,
        labels_allocated=own.labels_allocated,
        labels_used=people["labels"],
        money_limit=own.money_limit,
        money_allocated=own.money_allocated,
        money_used=exact(people["money"]) + spent,
        judges_spent=spent,
        period=own.period,
        period_start=own.period_start,
        period_ends=own.period_start and budgets.following(own.period, own.period_start),
        period_labels_limit=own.period_labels_limit,
        period_labels_allocated=own.period_labels_allocated,
        period_money_limit=own.period_money_limit,
        period_money_allocated=own.period_money_allocated,
        expected_items=own.expected_items,
    )


def plans(project: Project) -> QuerySet[RoutingPlan]:
    return project.routing_plans.select_related("judge", "created_by").order_by("-number")


def plan_of(project: Project, number: int) -> RoutingPlan:
    found = plans(project).filter(number=number).first()
    if found is None:
        raise NotFound
    return found
