"""Which items do not move, and why, in a sentence. Reads only."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from annotation.models import Item
from annotation.watch import most_overlap
from common.configs import checked
from projects.models import Project
from routing.models import Decision, JudgeCall, RoutingPlan
from routing.policies import policy
from routing.services import budgets
from routing.services.budgets import Room
from routing.services.certificates import calibrating
from routing.services.judges import usable


@dataclass(frozen=True)
class Waiting:
    """So many items do not move, and why. `routed`: how many the router has spoken on, where it is at work on these."""

    count: int
    why: str
    routed: int | None = None

    @property
    def total(self) -> int:
        return self.count + (self.routed or 0)


def waiting(project: Project, plan: RoutingPlan | None) -> list[Waiting]:
    """New items without a word, ones that a judge gave up, and ones that it has answered and nobody has decided on."""
    found = []
    new = Item.objects.filter(project=project, state=Item.State.NEW).count()
    due = JudgeCall.objects.filter(judge__project=project, follow_up_due=True)
    given_up = due.filter(state__in=["refused", "failed"]).count()
    answered = due.filter(state="answered").count()
    if new:
        found.append(_new(project, plan, new))
    if given_up:
        found.append(
            Waiting(given_up, _("The judge gave no usable answer, and people are asked as soon as the budget allows."))
        )
    if answered:
        found.append(Waiting(answered, _why_answered(project, plan)))
    return found


def _new(project: Project, plan: RoutingPlan | None, count: int) -> Waiting:
    if plan is None:
        return Waiting(count, _("There is no routing plan yet. Choose one."))
    if project.state != Project.State.ACTIVE:
        return Waiting(count, _("The project rests: nothing is routed until it is active again."))
    if plan.judge is not None and not usable(plan.judge):
        return Waiting(count, _why_without(plan))
    room, until = room_for_people(project)
    if plan.judge is not None and (room is Room.NONE or _judge_first(plan)):
        room, until = _room(project, 0, plan.judge.price_per_call)
    if room is Room.LATER:
        return Waiting(count, _next_period(until))
    if room is Room.NONE:
        return Waiting(count, _("Waiting for budget: raise the limit, or choose a plan with a judge."))
    routed = Decision.objects.filter(item__project=project, ordinal=1).count()
    return Waiting(count, _("They are about to be routed."), routed)


def _why_without(plan: RoutingPlan) -> str:
    assert plan.judge is not None
    words = _("“%(judge)s” is retired and gets nothing new: choose a plan with another judge.")
    if plan.judge.suspended_at is not None:
        words = _("“%(judge)s” is suspended and gets nothing new: look at it, or choose a plan with another judge.")
    return words % {"judge": plan.judge.name}


def _why_answered(project: Project, plan: RoutingPlan | None) -> str:
    plug = policy(plan.policy) if plan else None
    if plan and plug and plug.needs_certificate and calibrating(plan):
        return _("The judge has answered; they wait until the calibration sample has shown what may be promised.")
    if plan and plug and plug.batch(checked(plug.Config, plan.config)) > 1:
        return _("The judge has answered; the policy compares a batch before it sends any to people.")
    room, until = room_for_people(project)
    if room is Room.LATER:
        return _next_period(until)
    return _("The judge has answered; the policy is about to decide.")


def _next_period(until: date | None) -> str:
    said = {"day": date_format(until, "SHORT_DATE_FORMAT") if until else ""}
    return _("The budget of this period is spent: people are asked again from %(day)s.") % said


def _judge_first(plan: RoutingPlan) -> bool:
    plug = policy(plan.policy)
    return plug.judge_first(checked(plug.Config, plan.config))


def room_for_people(project: Project) -> tuple[Room, date | None]:
    """Whether the budget has room for one item's people; and when its next period begins, where that is what helps."""
    people = most_overlap(project)
    return _room(project, people, people * project.price_per_label)


def _room(project: Project, labels: int, money: Decimal) -> tuple[Room, date | None]:
    own = budgets.budget_of(project=project)
    room = budgets.Purse(own).room(labels, money)
    if room is Room.LATER and own.period_start is not None:
        return room, budgets.following(own.period, own.period_start)
    return room, None
