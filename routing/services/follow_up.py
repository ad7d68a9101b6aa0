"""The router reads finished calls: what a judge could not answer goes to people; what it was unsure of, by policy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from annotation.models import with_responses
from annotation.services.items import lock_items, void_slots
from common.configs import checked
from common.words import gettext_noop as _
from projects.models import Project
from routing.models import Decision, JudgeCall, RoutingPlan
from routing.policies import HUMAN, policy
from routing.services import budgets, drawing, stream, walks
from routing.services.certificates import calibrating
from routing.services.decisions import Case, carry_out, later_words, seat
from routing.words import ESCALATION, Chances, Word, forced, settled, without_people

BATCH = 500
# Items compared with each other in one go, at most.
LARGEST_BATCH = 5000
LONGEST_WAIT = timedelta(hours=1)
UNANSWERED = [JudgeCall.State.REFUSED, JudgeCall.State.FAILED]


def follow_up(*, project: Project, limit: int = 100_000) -> int:
    """Reads finished calls that are due; returns how many items got another word.

    What should go to people while the budget has no room stays due, and is tried again.
    """
    if project.state != Project.State.ACTIVE:
        return 0
    spoken = walks.over(walks.Walk(project, "unanswered"), partial(_escalate, project), limit)
    answered = _due(project).filter(state=JudgeCall.State.ANSWERED)
    for plan in RoutingPlan.objects.filter(pk__in=answered.values("decision__plan")).select_related("judge"):
        wanted = _compared(plan)
        if _promised_soon(project, plan):
            continue
        if wanted > 1:
            while done := _second_words(project, plan, wanted, timezone.now()):
                spoken += done
        else:
            walk = walks.Walk(project, f"answered/{plan.pk}")
            spoken += walks.over(walk, partial(_stream, project, plan), limit)
    return spoken


def _promised_soon(project: Project, plan: RoutingPlan) -> bool:
    """Whether what the judge has answered waits for a certificate, as long as people can be paid to make its sample."""
    return policy(plan.policy).needs_certificate and calibrating(plan) and budgets.quota(project) != 0


def _due(project: Project) -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(judge__project=project, follow_up_due=True)


def _compared(plan: RoutingPlan) -> int:
    plug = policy(plan.policy)
    return plug.batch(checked(plug.Config, plan.config))


def _locked(calls: QuerySet[JudgeCall], limit: int) -> list[JudgeCall]:
    if connection.features.has_select_for_update_skip_locked:
        calls = calls.select_for_update(of=("self",), skip_locked=True)
    went = Decision.objects.filter(item=OuterRef("item"), route__in=[Decision.Route.HUMAN, Decision.Route.BOTH])
    found = calls.annotate(with_people=Exists(went)).select_related("item__prompt", "slot", "judge", "decision__plan")
    return list(found.prefetch_related(with_responses("item__item_responses")).order_by("pk")[:limit])


def _read(calls: Sequence[JudgeCall], waiting: set[int]) -> int:
    """Marks as read the calls of all items but those waiting; returns how many."""
    read = [call.pk for call in calls if call.item_id not in waiting]
    JudgeCall.objects.filter(pk__in=read).update(follow_up_due=False)
    return len(read)


def _cases(project: Project, plan: RoutingPlan, calls: Sequence[JudgeCall]) -> list[Case]:
    """Of the calls whose items nobody else has: locked, not withdrawn, and not with people already."""
    asked = [call for call in calls if not call.with_people]  # type: ignore[attr-defined]  # annotated
    live = lock_items([call.item_id for call in asked])
    left = [call for call in asked if call.item_id in live]
    return later_words(project, plan, [call.item for call in left], [signals(call) for call in left])


@transaction.atomic
def _escalate(project: Project, after: int, limit: int) -> walks.Step:
    """Calls without an answer, beyond the id `after`: people are asked instead."""
    calls = _locked(_due(project).filter(state__in=UNANSWERED, pk__gt=after), min(BATCH, limit))
    if not calls:
        return walks.Step(after)
    said = {call.item_id: call.error.rstrip(".") or _("no reason known") for call in calls}
    words, plans = [], {call.decision.plan for call in calls}
    for plan in plans:
        assert plan is not None  # a call comes of a plan's word
        cases = _cases(project, plan, [call for call in calls if call.decision.plan == plan])
        words += [(case, _unanswered(said[case.item.pk])) for case in cases]
    done = carry_out(project, words, judged=True)
    waiting = {case.item.pk for case, _word in words} - set(done)
    void_slots(slots=[call.slot for call in calls if call.slot is not None and call.item_id not in waiting])
    _read(calls, waiting)
    return walks.Step(calls[-1].pk, len(calls), len(done), len(waiting))


def _unanswered(said: str) -> Word:
    why = _("It gave no usable answer: %(said)s.") % {"said": said}
    return forced(HUMAN, _("People are asked instead of the judge."), why, purpose=ESCALATION)


def signals(call: JudgeCall) -> dict[str, Any]:
    """What a finished call tells a policy."""
    verdicts = [order.get("choice") or order.get("recorded") for order in call.answer.get("orders", [])]
    return {
        "judge": call.judge.name,
        "state": call.state,
        "confidence": call.confidence,
        "verdicts": verdicts,
    }


@transaction.atomic
def _second_words(project: Project, plan: RoutingPlan, wanted: int, now: datetime) -> int:
    """One batch of answered calls that are compared with each other; 0: nothing (more) to do yet."""
    calls = _locked(_answered(project, plan), LARGEST_BATCH)
    if not calls or not _ready(plan, calls, wanted, now):
        return 0
    cases = _cases(project, plan, calls)
    at = seat(plan, cases)
    verdicts = at.decide(quota=budgets.quota(project))
    chances = drawing.with_policy(Chances(), plan, plan.judge, verdicts, waiting=len(cases))
    spoken = [settled(one, case.draws, chances, judged=True) for case, one in zip(cases, verdicts, strict=True)]
    done = carry_out(
        project, zip(cases, spoken, strict=True), judged=True, model=at.model, instead=_judges_answer_stands
    )
    return _read(calls, {case.item.pk for case in cases} - set(done))


@transaction.atomic
def _stream(project: Project, plan: RoutingPlan, after: int, limit: int) -> walks.Step:
    """Answered calls beyond the id `after`, each by itself, at the price of the moment where a stream is paced."""
    due = _answered(project, plan)
    calls = _locked(due.filter(pk__gt=after), min(BATCH, limit))
    if not calls:
        return walks.Step(after)
    cases = _cases(project, plan, calls)
    here = due.count() if len(calls) == BATCH else len(cases)
    at = seat(plan, cases)
    pacer = stream.pacer(project, plan)
    done: dict[int, Decision] = {}
    for part in pacer.parts(len(cases)):
        verdicts = at.decide(quota=None, price=pacer.price, part=part)
        chances = drawing.with_policy(Chances(), plan, plan.judge, verdicts, waiting=here)
        spoken = [
            settled(one, case.draws, chances, judged=True) for case, one in zip(cases[part], verdicts, strict=True)
        ]
        words = zip(cases[part], spoken, strict=True)
        now = carry_out(project, words, judged=True, model=at.model, instead=_judges_answer_stands)
        pacer.passed(verdicts, [now.get(case.item.pk) for case in cases[part]])
        done |= now
    pacer.keep()
    waiting = {case.item.pk for case in cases} - set(done)
    return walks.Step(calls[-1].pk, len(calls), _read(calls, waiting), len(waiting))


def _answered(project: Project, plan: RoutingPlan) -> QuerySet[JudgeCall]:
    return _due(project).filter(state=JudgeCall.State.ANSWERED, decision__plan=plan)


def _ready(plan: RoutingPlan, calls: Sequence[JudgeCall], wanted: int, now: datetime) -> bool:
    """Whether a batch is complete: nothing of the plan is still being asked and it is large enough, or it is old."""
    oldest = min(call.finished_at or now for call in calls)
    if now - oldest > LONGEST_WAIT or len(calls) == LARGEST_BATCH:
        return True
    asking = JudgeCall.objects.filter(decision__plan=plan, state__in=["queued", "running"])
    return len(calls) >= wanted and not asking.exists()


def _judges_answer_stands(case: Case, word: Word) -> Word:
    return without_people(word, _("The budget for people is spent. The judge's answer stands."))
