"""The queue: who gets which item, until when. Correctness rests on the constraints of Slot, not on these locks."""

import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from annotation.models import EndedLease, FormVersion, Item, Rater, Skip, Slot
from annotation.services import holds, qualification
from annotation.services.described import described, in_hand, item_for, next_free, responses_of, some_left
from annotation.services.raters import Desk, desk
from annotation.services.turns import CLOSE, LIMITS, Turn, overrun
from annotation.watch import watch_of
from common.compiled import first, saved
from common.errors import Conflict, Invalid
from common.text import check_text
from corpus.models import Response
from projects.models import Project

FIRST_LEASE_SECONDS = 900
"""Where no judgment has been timed yet."""
MEDIANS = 3
AHEAD_SECONDS = 120
"""An item is held ready for so long, and for so long again each time that its page asks."""
ATTEMPTS = 20
LEASED = ("state", "rater", "token", "leased_at", "leased_until", "display_order", "form_version", "guideline", "ahead")
DRAFT = ("draft_values", "draft_version")
NOTE_LIMIT = 2000

SKIP_REASONS = {
    "unclear": gettext_lazy("I do not understand it"),
    "expertise": gettext_lazy("It needs knowledge I lack"),
    "language": gettext_lazy("It is not in a language I know"),
    "upsetting": gettext_lazy("I would rather not read this"),
    "technical": gettext_lazy("It does not show properly"),
    "other": gettext_lazy("Another reason"),
}


@dataclass(frozen=True)
class Lease:
    """An item in one rater's hands. `display_order`: response ids as shown; one order for a rater and item, forever."""

    token: uuid.UUID
    slot_id: int
    item: Item
    rater: Rater
    leased_until: datetime
    display_order: tuple[int, ...]
    responses: tuple[Response, ...]
    """In the order shown."""
    form: FormVersion
    guideline_id: int | None
    guideline_number: int | None
    draft_values: dict[str, Any] | None
    draft_version: int


class _Raced(Exception):
    """Somebody was faster; look again."""


def lease_seconds(project: Project, median_active_ms: int | None) -> int:
    """Three times the median time of a judgment, within the project's bounds."""
    wanted = FIRST_LEASE_SECONDS if median_active_ms is None else round(MEDIANS * median_active_ms / 1000)
    return max(project.lease_seconds_min, min(project.lease_seconds_max, wanted))


def claim(
    *, project: Project, rater: Rater | None = None, at: Desk | None = None, after: uuid.UUID | None = None
) -> Lease | None:
    """The item in the rater's hands, else the next one they may have; None where there is none, or one of them rests.

    `after`: the token of the one in hand, to hold ready the one that the next claim will give. None where that token is
    not in hand any more, and in a qualification, where each answer decides what follows.

    A project that drains, or whose deadline has passed, gives out nothing new; what is in hand may be finished.

    Give either the rater or their desk, already read. One short transaction, repeated where somebody was faster.
    """
    if not project.lets_finish:
        return None
    for _ in range(ATTEMPTS):
        at = at or desk(project=project, rater=rater)
        rater = at.rater
        if at.paused or at.welcome_due:
            return None
        if after is not None:
            if at.standing.qualifying or not _is_in_hand(at, after):
                return None
            at = replace(at, ahead=True)
        if at.standing.over and at.live_slot_id is None:
            qualification.finish(rater=rater)
            at = desk(project=project, rater=rater, membership=at.membership)
        try:
            with transaction.atomic():
                return _within_limits(project, at, _claim(project, at))
        except (IntegrityError, _Raced):
            at = None
    raise Conflict(gettext("Too many are asking at once. Try again."), code="busy")


def _is_in_hand(at: Desk, token: uuid.UUID) -> bool:
    return at.live_slot_id is not None and Slot.objects.filter(pk=at.live_slot_id, token=token).exists()


def _within_limits(project: Project, at: Desk, lease: Lease | None) -> Lease | None:
    close = at.standing.room is not None and at.standing.room <= CLOSE
    if lease is not None and close and overrun(watch_of(project), at.rater, timezone.now()):
        raise _Raced
    return lease


def _claim(project: Project, at: Desk) -> Lease | None:
    now = timezone.now()
    if at.live_slot_id is not None and not at.ahead:
        return _again(project, _own(at.live_slot_id, at), at, now)
    # What is held ready was within the limits when it was given, and is counted among them since.
    within = at.ahead_slot_id is not None and at.standing.barred in LIMITS
    if (at.standing.barred and not within) or not project.gives_out(now):
        return None
    if at.ahead_slot_id is not None:
        return _held_ready(project, _own(at.ahead_slot_id, at), at, now)
    if at.standing.turn is not None:
        return _test(project, at, at.standing.turn, now)
    if at.standing.qualifying:
        return None
    seeking: Any = {"project": project.pk, "rater": at.rater.pk, "now": now, "lanes": at.standing.lanes}
    slot = first(next_free(**seeking))
    if slot is None and at.standing.lanes is not None and some_left(**seeking):
        raise _Raced  # what came first in the best lane is being taken; there may be more in another
    return _grant(project, slot, at, now) if slot else None


def _own(slot_id: int, at: Desk) -> Slot:
    """A slot of the rater at the desk, locked. Raises _Raced where it is theirs no more, or was frozen anew meanwhile:
    what was joined to the row as it had been is then missing from the row as it was locked."""
    slot = first(in_hand(slot=slot_id, rater=at.rater.pk))
    if slot is None or slot.form_version is None:
        raise _Raced
    return slot


def _test(project: Project, at: Desk, turn: Turn, now: datetime) -> Lease:
    """The lease of a test: a slot made for this rater, or the one they laid down. It looks like any other lease."""
    if turn.slot_id is not None:
        laid_down = Slot.objects.filter(pk=turn.slot_id, state=Slot.State.OPEN).select_for_update(
            of=("self",), no_key=True
        )
        slot = described(laid_down, at.rater.pk).first()
        if slot is None:
            raise _Raced
        return _grant(project, slot, at, now)
    if turn.purpose == Slot.Purpose.QUALIFICATION:
        qualification.begin(rater=at.rater, watch=watch_of(project))
    item: Any = item_for(item=turn.item_id, rater=at.rater.pk)[0]
    slot = Slot(
        item=item, project=project, purpose=turn.purpose, ordinal=turn.attempt, priority=item.priority, lane=item.lane
    )
    vars(slot).update({name: getattr(item, name) for name in ("former_order", "repeated_order", *DRAFT)})
    if turn.purpose == Slot.Purpose.REPEAT and item.repeated_order is None:
        vars(slot)["repeated_order"] = list(reversed(item.first_order))
    return _grant(project, slot, at, now)


def _again(project: Project, slot: Slot, at: Desk, now: datetime) -> Lease:
    """The lease in hand, prolonged. One that had run out gets a new token, and keeps what it froze."""
    assert slot.leased_until is not None and slot.token is not None
    if slot.leased_until < now:
        holds.remember(slot, EndedLease.Why.RENEWED)
        slot.token = uuid.uuid4()
        slot.leased_at = now
        _freeze(slot, at)
    return _lease(project, slot, at, now, _responses(slot))


def _held_ready(project: Project, slot: Slot, at: Desk, now: datetime) -> Lease:
    """The item held ready: for longer, or now in hand. Its token changes where form or guideline have changed since."""
    if (slot.form_version_id, slot.guideline_id) != (at.form.pk, at.guideline_id):
        holds.remember(slot, EndedLease.Why.RENEWED)
        slot.token = uuid.uuid4()
        _freeze(slot, at)
    slot.ahead, slot.leased_at = at.ahead, now
    return _lease(project, slot, at, now, _responses(slot))


def _grant(project: Project, slot: Slot, at: Desk, now: datetime) -> Lease:
    if slot.state == Slot.State.LEASED:
        holds.remember(slot, EndedLease.Why.TAKEN)
    responses = _responses(slot)
    repeat = slot.purpose == Slot.Purpose.REPEAT
    order: list[int] | None = getattr(slot, "repeated_order" if repeat else "former_order", None)
    if order is None:
        order = list(responses)
        random.SystemRandom().shuffle(order)
    slot.state, slot.rater, slot.token, slot.leased_at = Slot.State.LEASED, at.rater, uuid.uuid4(), now
    slot.display_order, slot.ahead = order, at.ahead
    _freeze(slot, at)
    return _lease(project, slot, at, now, responses)


def _freeze(slot: Slot, at: Desk) -> None:
    """What is in force now is what this lease shows."""
    slot.form_version, slot.guideline_id = at.form, at.guideline_id
    vars(slot)["guideline_number"] = at.guideline_number


def _responses(slot: Slot) -> dict[int, Response]:
    return {row.response_id: row.response for row in responses_of(item=slot.item_id)}


def _lease(project: Project, slot: Slot, at: Desk, now: datetime, responses: dict[int, Response]) -> Lease:
    """Writes the slot as it stands and describes it. The deadline is counted from now."""
    seconds = AHEAD_SECONDS if slot.ahead else lease_seconds(project, at.median_active_ms)
    slot.leased_until = now + timedelta(seconds=seconds)
    if slot.pk is None:
        slot.save()
    else:
        saved(slot, LEASED)
    assert slot.token is not None and slot.form_version is not None and slot.display_order is not None
    return Lease(
        token=slot.token,
        slot_id=slot.pk,
        item=slot.item,
        rater=at.rater,
        leased_until=slot.leased_until,
        display_order=tuple(slot.display_order),
        responses=tuple(responses[pk] for pk in slot.display_order),
        form=slot.form_version,
        guideline_id=slot.guideline_id,
        guideline_number=getattr(slot, "guideline_number", None),
        draft_values=getattr(slot, "draft_values", None),
        draft_version=getattr(slot, "draft_version", None) or 0,
    )


@transaction.atomic
def lease_slot(*, project: Project, slot_id: int, at: Desk) -> Lease:
    """Leases one given slot, locked by the caller or open to all, to the rater at the desk.

    Raises Conflict where another holds it, where it is answered or void, or where the rater has another of its item.
    """
    now = timezone.now()
    slot = holds.locked(described(Slot.objects.filter(pk=slot_id, project=project), at.rater.pk)).get()
    if slot.rater_id == at.rater.pk and slot.state == Slot.State.LEASED:
        return _again(project, slot, at, now)
    runs_out = slot.state == Slot.State.LEASED and slot.leased_until is not None and slot.leased_until < now
    if not (slot.state == Slot.State.OPEN or runs_out) or slot.item.state == Item.State.VOID:
        raise Conflict(gettext("This slot is not free."), code="slot-taken")
    try:
        with transaction.atomic():
            return _grant(project, slot, at, now)
    except IntegrityError as fault:
        raise Conflict(gettext("This rater has another slot of the item."), code="slot-taken") from fault


def claim_slot(*, slot: Slot, rater: Rater) -> Lease:
    """Leases a slot that was opened for judges to a judge. Raises Conflict where it is not free."""
    if (slot.audience == Slot.Audience.JUDGE) != (
        rater.kind == Rater.Kind.JUDGE
    ) or rater.project_id != slot.project_id:
        raise Conflict(gettext("This slot is not for this rater."), code="slot-taken")
    return lease_slot(project=slot.project, slot_id=slot.pk, at=desk(project=slot.project, rater=rater))


@transaction.atomic
def renew(*, rater: Rater, token: uuid.UUID) -> datetime:
    """The heartbeat of a visible page: moves the deadline and returns it, also where it had passed but nobody came.

    Raises NotFound, or Conflict ("lease-lost", "item-void", "already-answered").
    """
    slot = holds.require_held(holds.resolve(rater=rater, token=token))
    project = Project.objects.select_related("pace").get(pk=slot.project_id)
    pace = getattr(project, "pace", None)
    # What is held ready keeps its short promise, also where a program asks in the page's stead.
    seconds = AHEAD_SECONDS if slot.ahead else lease_seconds(project, pace and pace.median_active_ms)
    deadline = timezone.now() + timedelta(seconds=seconds)
    Slot.objects.filter(pk=slot.pk).update(leased_until=deadline)
    return deadline


@transaction.atomic
def release(*, rater: Rater, token: uuid.UUID) -> None:
    """The rater has left the page: others may have the item from now on; the rater gets it back if nobody came.

    A token that is no longer the slot's own changes nothing: it is an old tab that closes.
    """
    hold = holds.resolve(rater=rater, token=token)
    if hold.standing is holds.Standing.HELD and hold.slot.token == token:
        Slot.objects.filter(pk=hold.slot.pk).update(leased_until=timezone.now())


def check_reason(reason: str, note: str, allowed: Mapping[str, Any]) -> None:
    """Raises Invalid for a reason that is not offered or a note that is too long."""
    if reason not in allowed:
        raise Invalid(
            gettext("Choose a reason."),
            fields={"reason": [gettext("Must be one of %(allowed)s.") % {"allowed": ", ".join(allowed)}]},
        )
    if len(note) > NOTE_LIMIT:
        raise Invalid(
            gettext("The note is too long."),
            fields={"note": [gettext("At most %(note_limit)s characters.") % {"note_limit": NOTE_LIMIT}]},
        )
    try:
        check_text(note)
    except ValueError as fault:
        raise Invalid(str(fault), fields={"note": [str(fault)]}) from fault


@transaction.atomic
def skip(*, rater: Rater, token: uuid.UUID, reason: str, note: str = "") -> None:
    """The rater passes: the item goes back to the others and is not shown to them again.

    Raises NotFound, Invalid (reason, note), or Conflict where the item is no longer in their hands.
    """
    check_reason(reason, note, SKIP_REASONS)
    slot = holds.require_held(holds.resolve(rater=rater, token=token))
    holds.let_go(slot, EndedLease.Why.SKIPPED)
    Skip.objects.update_or_create(item=slot.item, rater=rater, defaults={"reason": reason, "note": note})
