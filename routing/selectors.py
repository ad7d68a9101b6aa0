"""Reads about routing: what is in force, where items went and why some wait, what judges did and how well."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum

from annotation.models import Slot
from annotation.services.forms import current_form
from common.charts import fixed
from common.errors import NotFound
from projects.models import Project
from routing.against import beside, judged
from routing.answers import Comparison
from routing.calibration import Proportion
from routing.models import Alarm, Budget, Decision, Judge, JudgeCall, Purchase, RoutingPlan
from routing.policies import Policy, policy
from routing.services import budgets, tallies
from routing.services.plans import current_plan
from routing.services.tallies import Figures
from routing.waiting import Waiting, waiting

MOST_COMPARED = 5000


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
    spent = JudgeCall.objects.filter(judge__project=project).aggregate(spent=Sum("cost"))["spent"] or Decimal(0)
    return BudgetView(
        labels_limit=own.labels_limit,
        labels_allocated=own.labels_allocated,
        labels_used=people["labels"],
        money_limit=own.money_limit,
        money_allocated=own.money_allocated,
        money_used=(people["money"] or Decimal(0)) + spent,
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


def calls_by_state(calls: QuerySet[JudgeCall]) -> dict[str, int]:
    found = Counter(dict(calls.order_by().values_list("state").annotate(count=Count("pk"))))
    return {state.value: found[state.value] for state in JudgeCall.State}


def plans(project: Project) -> QuerySet[RoutingPlan]:
    return project.routing_plans.select_related("judge", "created_by").order_by("-number")


def plan_of(project: Project, number: int) -> RoutingPlan:
    found = plans(project).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def judges(project: Project) -> QuerySet[Judge]:
    return project.judges.select_related("rater").order_by("retired_at", "name")


def judge_of(project: Project, judge_id: int) -> Judge:
    found = judges(project).select_related("project").filter(pk=judge_id).first()
    if found is None:
        raise NotFound
    return found


def decisions(project: Project, *, route: str | None = None, item: str | None = None) -> QuerySet[Decision]:
    """Newest first; `item`: an item's external id."""
    found = Decision.objects.filter(item__project=project).select_related("item", "plan").order_by("-pk")
    found = found.filter(route=route) if route else found
    return found.filter(item__external_id=item) if item else found


def decision_of(project: Project, decision_id: int) -> Decision:
    found = decisions(project).filter(pk=decision_id).select_related("item__prompt", "plan__judge").first()
    if found is None:
        raise NotFound
    return found


def judge_calls(project: Project, *, judge: int | None = None, state: str | None = None) -> QuerySet[JudgeCall]:
    """Newest first."""
    found = JudgeCall.objects.filter(judge__project=project).select_related("judge", "item").order_by("-pk")
    found = found.filter(judge=judge) if judge else found
    return found.filter(state=state) if state else found


@dataclass(frozen=True)
class Agreement:
    """How often people say what a judge says, of all items that it answers: an item counts by one over the probability
    that people were asked of it, so that it does not matter whom the router sent where.

    `pairs`: (item, field, person) compared, of `items`; `interval`: 95 %. Items that people could not be asked of
    are left out.
    """

    pairs: int
    items: int
    share: float
    interval: tuple[float, float]

    @property
    def percent(self) -> str:
        return fixed(100 * self.share, 1)

    @property
    def low_percent(self) -> str:
        return fixed(100 * self.interval[0], 1)

    @property
    def high_percent(self) -> str:
        return fixed(100 * self.interval[1], 1)


def judge_agreement(judge: Judge) -> Agreement:
    """On the judge's last 5,000 answers; people known from an import count as people."""
    compared, found = Comparison(current_form(project=judge.project)), Proportion()
    for one in beside(list(judged(judge.rater_id).order_by("-pk")[:MOST_COMPARED])):
        same = [compared.same(one.judged.values, person.values) for person in one.people]
        found.add([float(hit) for hits in same for hit in hits], 1 / one.asked)
    return Agreement(found.n, found.clusters, found.share or 0.0, found.interval)
