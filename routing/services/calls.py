"""Asking judges. The call's row is the truth: a worker owns it by a token, and every write carries that token.

A judge is asked outside any transaction; what it says goes through the same door as a person's answer.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotation.services import leases, submissions
from common.configs import checked
from common.errors import Conflict, DomainError, Invalid
from common.words import gettext_noop as _
from projects.models import Project
from routing.judges import PATIENCE, Answer
from routing.judges import judge as judge_plug
from routing.models import Decision, Judge, JudgeCall
from routing.policies import policy
from routing.questions import questions
from routing.services import budgets

MAX_ATTEMPTS = 3
STALE_SECONDS = PATIENCE + 60
# Seconds to wait after the first attempt; four times as long after each further one.
FIRST_PAUSE = 30
KEYS = uuid.UUID("5f0c3a51-6d0e-4d6c-8d0b-6d1b8a4f2c11")


def waiting(judge: Judge) -> QuerySet[JudgeCall]:
    """Calls that may be made now."""
    soon = Q(not_before=None) | Q(not_before__lte=timezone.now())
    return JudgeCall.objects.filter(soon, judge=judge, state=JudgeCall.State.QUEUED)


def claim(*, judge: Judge, limit: int) -> tuple[uuid.UUID, list[JudgeCall]]:
    """Takes up to `limit` waiting calls by compare-and-set; returns the owner's token and the calls."""
    owner = uuid.uuid4()
    if judge.project.state != Project.State.ACTIVE:
        return owner, []
    ids = list(waiting(judge).order_by("pk").values_list("pk", flat=True)[:limit])
    JudgeCall.objects.filter(pk__in=ids, state=JudgeCall.State.QUEUED).update(
        state=JudgeCall.State.RUNNING, owner=owner, heartbeat_at=timezone.now(), attempt=F("attempt") + 1
    )
    return owner, list(_owned(owner).select_related("judge", "slot", "decision__plan").order_by("pk"))


def _owned(owner: uuid.UUID) -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(owner=owner, state=JudgeCall.State.RUNNING)


def run_batch(*, judge: Judge) -> int:
    """Claims one batch, asks the judge, and hands in each answer as it comes; returns how many calls were claimed."""
    plug = judge_plug(judge.kind)
    owner, calls = claim(judge=judge, limit=plug.batch)
    if not calls:
        return 0
    if not calls[0].judge.usable:
        for call in calls:
            turn_away(call=call, owner=owner)
        return len(calls)
    left = {call.pk: call for call in calls}
    asked: dict[int, int] = defaultdict(int)
    said: dict[int, list[Answer]] = defaultdict(list)
    fault = _("The judge said nothing.")
    try:
        put = questions(judge, {call.pk: call.item_id for call in calls}, reads_recorded=plug.reads_recorded)
        for question in put:
            asked[question.call_id] += 1
        for answer in plug.ask(put, checked(plug.Config, judge.config), judge.project_id):
            said[answer.call_id].append(answer)
            if len(said[answer.call_id]) == asked[answer.call_id]:
                finish(call=left.pop(answer.call_id), owner=owner, answers=said[answer.call_id])
                _owned(owner).update(heartbeat_at=timezone.now())
    except Exception as raised:  # whatever a plug does, its calls must end in a named state
        fault = raised.detail if isinstance(raised, DomainError) else f"{type(raised).__name__}: {raised}"
    for call in left.values():
        again(call=call, owner=owner, error=fault[:500])
    return len(calls)


def finish(*, call: JudgeCall, owner: uuid.UUID, answers: Sequence[Answer]) -> bool:
    """Ends a call with what the judge said, one answer a field; False, and nothing changed, for a fenced-off worker."""
    faults = [answer for answer in answers if answer.value is None]
    spent = _spent(call.judge, answers)
    if any(answer.passing for answer in faults):
        return again(call=call, owner=owner, error=faults[0].error, spent=spent, orders=_orders(answers))
    values = {answer.field: answer.value for answer in answers}
    known = [answer.confidence for answer in answers]
    confidence = None if None in known or not known else min(value for value in known if value is not None)
    with transaction.atomic():
        locked = _lock(call, owner)
        if locked is None:
            return False
        error = faults[0].error if faults else _hand_in(locked, values)
        state = JudgeCall.State.REFUSED if error else JudgeCall.State.ANSWERED
        if error is not None and locked.slot is None:
            state = JudgeCall.State.FAILED
        _end(locked, state, error=error or "", confidence=confidence, spent=spent, orders=_orders(answers))
    return True


def _hand_in(call: JudgeCall, values: dict[str, Any]) -> str | None:
    """Submits through the common door; None, or why the answer cannot stand."""
    if call.slot is None:
        return _("The item's slot is gone.")
    try:
        lease = leases.claim_slot(slot=call.slot, rater=call.judge.rater)
        # One key a call and slot: handing in twice is once.
        key = uuid.uuid5(KEYS, f"{call.pk}/{call.slot_id}")
        submissions.submit(rater=call.judge.rater, token=lease.token, values=values, idempotency_key=key)
    except (Invalid, Conflict) as fault:
        return fault.detail
    return None


def turn_away(*, call: JudgeCall, owner: uuid.UUID) -> None:
    """Ends a call of a judge that may not be asked any more, at no cost: people are asked. It can be made again."""
    with transaction.atomic():
        locked = _lock(call, owner)
        if locked is not None:
            error = _("The judge is suspended.") if locked.judge.suspended_at else _("The judge is retired.")
            nothing = (0, Decimal(0))
            _end(locked, JudgeCall.State.FAILED, error=error, confidence=None, spent=nothing, orders=())


def again(
    *,
    call: JudgeCall,
    owner: uuid.UUID,
    error: str,
    spent: tuple[int, Decimal] = (0, Decimal(0)),
    orders: Sequence[dict[str, Any]] = (),
) -> bool:
    """Puts a call back for another attempt after a pause, or ends it as failed after the last."""
    with transaction.atomic():
        locked = _lock(call, owner)
        if locked is None:
            return False
        if locked.attempt >= MAX_ATTEMPTS:
            _end(locked, JudgeCall.State.FAILED, error=error, confidence=None, spent=spent, orders=orders)
            return True
        pause = timedelta(seconds=FIRST_PAUSE * 4 ** (locked.attempt - 1))
        locked.state, locked.owner, locked.error = JudgeCall.State.QUEUED, None, error
        locked.not_before = timezone.now() + pause
        locked.tokens, locked.cost = locked.tokens + spent[0], locked.cost + spent[1]
        locked.save(update_fields=["state", "owner", "error", "not_before", "tokens", "cost"])
    return True


def _lock(call: JudgeCall, owner: uuid.UUID) -> JudgeCall | None:
    """The call, locked, if `owner` still has it."""
    mine = _owned(owner).filter(pk=call.pk).select_for_update(of=("self",))
    return mine.select_related("judge__rater", "judge__project", "slot", "decision__plan").first()


def _end(
    call: JudgeCall,
    state: JudgeCall.State,
    *,
    error: str,
    confidence: float | None,
    spent: tuple[int, Decimal],
    orders: Sequence[dict[str, Any]],
) -> None:
    now = timezone.now()
    asked_at = call.heartbeat_at or now
    call.state, call.error, call.owner, call.finished_at = state, error, None, now
    call.confidence = confidence if state == JudgeCall.State.ANSWERED else None
    call.answer = {"orders": list(orders)}
    call.tokens, call.cost = call.tokens + spent[0], call.cost + spent[1]
    call.milliseconds = int((now - asked_at).total_seconds() * 1000)
    call.follow_up_due = state != JudgeCall.State.ANSWERED or _judge_first(call)
    call.save()
    budgets.settle(
        project_id=call.judge.project_id,
        reserved=call.judge.price_per_call,
        spent=call.cost,
        taken_at=call.created_at,
    )


def _judge_first(call: JudgeCall) -> bool:
    plan = call.decision.plan
    if plan is None or call.decision.route != Decision.Route.JUDGE:  # with people already
        return False
    plug = policy(plan.policy)
    return plug.judge_first(checked(plug.Config, plan.config))


def _spent(judge: Judge, answers: Sequence[Answer]) -> tuple[int, Decimal]:
    """Tokens and money of one attempt: by tokens where the judge reckons so, else its price a call, if it answered."""
    cost = Decimal(str(round(sum(answer.cost for answer in answers), 6)))
    if cost == 0 and not all(answer.passing for answer in answers):
        cost = judge.price_per_call
    return sum(answer.tokens for answer in answers), cost


def _orders(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [{"field": answer.field} | order for answer in answers for order in answer.orders]


def requeue_stale(*, limit: int = 500) -> int:
    """Calls whose worker has died are put back, or failed after the last attempt; returns how many."""
    before = timezone.now() - timedelta(seconds=STALE_SECONDS)
    stale = JudgeCall.objects.filter(state=JudgeCall.State.RUNNING, heartbeat_at__lt=before)
    found = list(stale.select_related("judge", "decision__plan")[:limit])
    return sum(
        again(call=call, owner=call.owner, error=_("The worker was lost while it asked."))
        for call in found
        if call.owner
    )
