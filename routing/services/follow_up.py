"""The router reads finished calls: what a judge could not answer goes to people; what it was unsure of, by policy."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from annotation.models import Item
from annotation.services.items import void_slots
from annotation.watch import most_overlap
from common.configs import checked
from common.errors import Conflict
from common.words import gettext_noop as _
from projects.models import Project
from routing.models import Budget, Decision, JudgeCall, RoutingPlan
from routing.policies import HUMAN, Verdict, policy
from routing.services import budgets
from routing.services.decisions import (
    Case,
    decide,
    forced,
    next_ordinal,
    price,
    record,
    spent_verdict,
    to_people,
    wants_people,
)

BATCH = 200
# Items compared with each other in one go, at most.
LARGEST_BATCH = 5000
LONGEST_WAIT = timedelta(hours=1)
UNANSWERED = [JudgeCall.State.REFUSED, JudgeCall.State.FAILED]


def follow_up(*, project: Project) -> int:
    """Reads every finished call that is due; returns how many items got another word.

    What should go to people while the budget has no room stays due, and is tried again.
    """
    if project.state != Project.State.ACTIVE:
        return 0
    spoken, after = 0, 0
    while (result := _escalate(project, after)) is not None:
        after, done = result
        spoken += done
    plans = RoutingPlan.objects.filter(pk__in=_due(project).filter(state="answered").values("decision__plan"))
    for plan in plans.select_related("judge"):
        while done := _second_words(project, plan, timezone.now()):
            spoken += done
    return spoken


def _due(project: Project) -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(judge__project=project, follow_up_due=True)


def _locked(calls: QuerySet[JudgeCall], limit: int) -> list[JudgeCall]:
    if connection.features.has_select_for_update_skip_locked:
        calls = calls.select_for_update(of=("self",), skip_locked=True)
    went = Decision.objects.filter(item=OuterRef("item"), route__in=[Decision.Route.HUMAN, Decision.Route.BOTH])
    found = calls.annotate(with_people=Exists(went)).select_related("item__prompt", "slot", "judge", "decision__plan")
    return list(found.prefetch_related("item__item_responses__response").order_by("pk")[:limit])


@transaction.atomic
def _escalate(project: Project, after: int) -> tuple[int, int] | None:
    """One batch of calls without an answer, beyond the id `after`: (last id, items sent to people); None: no more."""
    calls = _locked(_due(project).filter(state__in=UNANSWERED, pk__gt=after), BATCH)
    if not calls:
        return None
    read, sent = [], 0
    for call in calls:
        settled = call.item.state == Item.State.VOID or call.with_people  # type: ignore[attr-defined]  # annotated
        try:
            with transaction.atomic():
                decision = None if settled else _ask_people(project, call)
        except Conflict:  # withdrawn in this moment
            settled, decision = True, None
        if settled or decision:
            sent += decision is not None
            read.append(call)
    void_slots(slots=[call.slot for call in read if call.slot is not None])
    JudgeCall.objects.filter(pk__in=[call.pk for call in read]).update(follow_up_due=False)
    return calls[-1].pk, sent


def _ask_people(project: Project, call: JudgeCall) -> Decision | None:
    assert call.decision.plan is not None
    case = Case(project, call.decision.plan, call.item, next_ordinal(call.item), signals(call))
    said = call.error.rstrip(".") or _("no reason known")
    return to_people(
        case,
        forced(
            HUMAN,
            _("People are asked instead of the judge."),
            _("It gave no usable answer: %(said)s.") % {"said": said},
        ),
    )


def signals(call: JudgeCall) -> dict[str, object]:
    """What a finished call tells a policy."""
    verdicts = [order.get("choice") or order.get("recorded") for order in call.answer.get("orders", [])]
    return {
        "judge": call.judge.name,
        "state": call.state,
        "confidence": call.confidence,
        "verdicts": verdicts,
    }


@transaction.atomic
def _second_words(project: Project, plan: RoutingPlan, now: datetime) -> int:
    """One batch of answered calls of a plan that hears the judge first; 0: nothing (more) to do yet."""
    plug = policy(plan.policy)
    wanted = plug.batch(checked(plug.Config, plan.config))
    due = _due(project).filter(state="answered", decision__plan=plan)
    calls = _locked(due, LARGEST_BATCH if wanted > 1 else BATCH)
    if not calls or (wanted > 1 and not _ready(plan, calls, wanted, now)):
        return 0
    # A call that was made again after people had been asked needs no second word.
    open_calls = [call for call in calls if not call.with_people]  # type: ignore[attr-defined]  # annotated
    cases = [Case(project, plan, call.item, next_ordinal(call.item), signals(call)) for call in open_calls]
    for case, verdict in zip(cases, decide(cases, quota(project)), strict=True):
        _carry_out(case, verdict)
    JudgeCall.objects.filter(pk__in=[call.pk for call in calls]).update(follow_up_due=False)
    return len(calls)


def _ready(plan: RoutingPlan, calls: Sequence[JudgeCall], wanted: int, now: datetime) -> bool:
    """Whether a batch is complete: nothing of the plan is still being asked and it is large enough, or it is old."""
    oldest = min(call.finished_at or now for call in calls)
    if now - oldest > LONGEST_WAIT or len(calls) == LARGEST_BATCH:
        return True
    asking = JudgeCall.objects.filter(decision__plan=plan, state__in=["queued", "running"])
    return len(calls) >= wanted and not asking.exists()


def _carry_out(case: Case, verdict: Verdict) -> None:
    try:
        with transaction.atomic():
            if wants_people(verdict) and to_people(case, verdict) is not None:
                return
    except Conflict:  # withdrawn in this moment: there is nothing to decide
        return
    record(
        case,
        spent_verdict(verdict, _("The budget for people is spent. The judge's answer stands."))
        if wants_people(verdict)
        else verdict,
    )


def quota(project: Project) -> int | None:
    """How many items the budget can still send to people, at the most that is asked of any; None: no limit."""
    people = most_overlap(project)
    budget: Budget = budgets.budget_of(project=project)
    rooms = []
    if budget.labels_limit is not None:
        rooms.append((budget.labels_limit - budget.labels_allocated) // people)
    if budget.money_limit is not None and (cost := price(project, people)) > 0:
        rooms.append(int((budget.money_limit - budget.money_allocated) / cost))
    return max(0, min(rooms)) if rooms else None
