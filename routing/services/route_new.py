"""New items get the router's first word. Safe for any number of routers at once."""

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.models import Item
from common.configs import checked
from common.words import gettext_noop
from projects.models import Project
from routing.models import RoutingPlan
from routing.policies import JUDGE, Verdict, policy
from routing.services import budgets
from routing.services.decisions import Case, decide, forced, spent_verdict, to_judge, to_people, wants_people
from routing.services.plans import current_plan

BATCH = 200


def route_new(*, project: Project, limit: int = 10_000) -> int:
    """Routes up to `limit` new items by the plan in force, in short transactions; returns how many.

    An item that the budget has no room for, neither for people nor for the plan's judge, stays new and waits.
    """
    plan = current_plan(project=project)
    if plan is None or project.state != Project.State.ACTIVE:
        return 0
    routed, reconciled = 0, False
    while routed < limit:
        found, done = _batch(project, plan, min(BATCH, limit - routed))
        routed += done
        if found == done and found == 0:
            break
        if done < found:  # the budget has no room: perhaps annotation has voided slots since
            if reconciled or not budgets.reconcile(project=project):
                break
            reconciled = True
    return routed


def _new(project: Project, limit: int) -> QuerySet[Item]:
    items = Item.objects.filter(project=project, state=Item.State.NEW).order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        items = items.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return items.select_related("prompt").prefetch_related("item_responses__response")[:limit]


@transaction.atomic
def _batch(project: Project, plan: RoutingPlan, limit: int) -> tuple[int, int]:
    """Routes one batch; returns (items found, items routed). Stops at the first that the budget has no room for."""
    cases = [Case(project, plan, item) for item in _new(project, limit)]
    for done, (case, verdict) in enumerate(zip(cases, first_words(plan, cases), strict=True)):
        if not _carry_out(case, verdict, plan):
            return len(cases), done
    return len(cases), len(cases)


def first_words(plan: RoutingPlan, cases: list[Case]) -> list[Verdict]:
    """The policy's verdicts, or, where it wants to hear the judge first, the judge's turn for all."""
    plug = policy(plan.policy)
    if plug.judge_first(checked(plug.Config, plan.config)):
        return [
            forced(JUDGE, gettext_noop("The judge is asked first; people follow where it is unsure.")) for _ in cases
        ]
    return decide(cases)


def _carry_out(case: Case, verdict: Verdict, plan: RoutingPlan) -> bool:
    if wants_people(verdict):
        if to_people(case, verdict) is not None:
            return True
        verdict = spent_verdict(verdict, gettext_noop("The budget for people is spent. The judge was asked instead."))
    return plan.judge is not None and to_judge(case, verdict, plan.judge) is not None
