"""Reads about routing: what is in force, where items went and why some wait, what judges did and how well."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from annotation.models import Item, Slot
from annotation.services.forms import current_form
from annotation.watch import most_overlap
from common.charts import fixed
from common.configs import checked
from common.errors import NotFound
from projects.models import Project
from routing.against import beside, judged
from routing.answers import Comparison
from routing.calibration import Proportion
from routing.models import Alarm, Budget, Decision, Judge, JudgeCall, RoutingPlan
from routing.policies import Policy, policy
from routing.services.certificates import calibrating
from routing.services.plans import current_plan

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

    @property
    def labels_left(self) -> int | None:
        return None if self.labels_limit is None else self.labels_limit - self.labels_allocated

    @property
    def money_left(self) -> Decimal | None:
        return None if self.money_limit is None else self.money_limit - self.money_allocated


@dataclass(frozen=True)
class Waiting:
    """So many items do not move, and why, in a sentence."""

    count: int
    why: str


@dataclass(frozen=True)
class DeskView:
    plan: RoutingPlan | None
    policy: Policy | None
    budget: BudgetView
    routes: Mapping[str, int]
    waiting: list[Waiting]
    calls: Mapping[str, int]
    alarms: Sequence[Alarm]


def desk(project: Project) -> DeskView:
    """What the routing desk shows."""
    plan = current_plan(project=project)
    budget = budget_view(project)
    routes = Counter(dict(_latest(project).values_list("route").annotate(count=Count("pk"))))
    return DeskView(
        plan=plan,
        policy=policy(plan.policy) if plan else None,
        budget=budget,
        routes={route.value: routes[route.value] for route in Decision.Route},
        waiting=waiting(project, plan),
        calls=calls_by_state(JudgeCall.objects.filter(judge__project=project)),
        alarms=list(Alarm.objects.filter(project=project, closed_at=None).order_by("-pk")),
    )


def _latest(project: Project) -> QuerySet[Decision]:
    """The last word on each item."""
    last = Decision.objects.filter(item=OuterRef("item")).order_by("-ordinal")
    return Decision.objects.filter(item__project=project, pk=Subquery(last.values("pk")[:1])).order_by()


def budget_view(project: Project) -> BudgetView:
    budget = Budget.objects.filter(project=project).first() or Budget(project=project)
    done = Slot.objects.filter(project=project, audience=Slot.Audience.HUMAN, state=Slot.State.DONE)
    used = done.filter(purpose=Slot.Purpose.LABEL).count()
    spent = JudgeCall.objects.filter(judge__project=project).aggregate(spent=Sum("cost"))["spent"]
    return BudgetView(
        labels_limit=budget.labels_limit,
        labels_allocated=budget.labels_allocated,
        labels_used=used,
        money_limit=budget.money_limit,
        money_allocated=budget.money_allocated,
        money_used=used * project.price_per_label + (spent or Decimal(0)),
        judges_spent=spent or Decimal(0),
    )


def waiting(project: Project, plan: RoutingPlan | None) -> list[Waiting]:
    """Items that do not move: new ones without a word, and ones that a judge gave up and no budget is left for."""
    found = []
    new = Item.objects.filter(project=project, state=Item.State.NEW).count()
    due = JudgeCall.objects.filter(judge__project=project, follow_up_due=True)
    given_up = due.filter(state__in=["refused", "failed"]).count()
    compared = due.filter(state="answered").count()
    if new:
        found.append(Waiting(new, _why_new(project, plan)))
    if given_up:
        found.append(
            Waiting(given_up, _("The judge gave no usable answer, and people are asked as soon as the budget allows."))
        )
    if compared:
        found.append(Waiting(compared, _why_answered(plan)))
    return found


def _why_answered(plan: RoutingPlan | None) -> str:
    plug = policy(plan.policy) if plan else None
    if plan and plug and plug.needs_certificate and calibrating(plan):
        return _("The judge has answered; they wait until the calibration sample has shown what may be promised.")
    if plan and plug and plug.batch(checked(plug.Config, plan.config)) > 1:
        return _("The judge has answered; the policy compares a batch before it sends any to people.")
    return _("The judge has answered; the policy is about to decide, or waits for the budget of the next period.")


def _why_new(project: Project, plan: RoutingPlan | None) -> str:
    if plan is None:
        return _("There is no routing plan yet. Choose one.")
    if project.state != Project.State.ACTIVE:
        return _("The project rests: nothing is routed until it is active again.")
    view = budget_view(project)
    people = most_overlap(project)
    no_labels = view.labels_left is not None and view.labels_left < people
    no_money = view.money_left is not None and view.money_left < people * project.price_per_label
    if no_labels or no_money:
        return _("Waiting for budget: raise the limit, or choose a plan with a judge.")
    return _("They are about to be routed.")


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
