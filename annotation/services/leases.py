"""The queue: who gets which item, until when. Correctness rests on the constraints of Slot, not on these locks."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from annotation.models import Annotation, Draft, EndedLease, FormVersion, Item, ItemResponse, Rater, Skip, Slot
from annotation.services import holds
from annotation.services.raters import Desk, desk
from common.errors import Conflict, Invalid
from corpus.models import Response
from projects.models import Project

FIRST_LEASE_SECONDS = 900
"""Where no judgment has been timed yet."""
MEDIANS = 3
ATTEMPTS = 20
NOTE_LIMIT = 2000

SKIP_REASONS = {
    "unclear": "I do not understand it",
    "expertise": "It needs knowledge I lack",
    "language": "It is not in a language I know",
    "upsetting": "I would rather not read this",
    "technical": "It does not show properly",
    "other": "Another reason",
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


def claim(*, project: Project, rater: Rater | None = None, at: Desk | None = None) -> Lease | None:
    """The item in the rater's hands, else the next one they may have; None where there is none, or one of them rests.

    A project that drains, or whose deadline has passed, gives out nothing new; what is in hand may be finished.

    Give either the rater or their desk, already read. One short transaction, repeated where somebody was faster.
    """
    if not project.lets_finish:
        return None
    for _ in range(ATTEMPTS):
        at = at or desk(project=project, rater=rater)
        rater = at.rater
        if at.paused:
            return None
        try:
            with transaction.atomic():
                return _claim(project, at)
        except (IntegrityError, _Raced):
            at = None
    raise Conflict("Too many are asking at once. Try again.", code="busy")


def _claim(project: Project, at: Desk) -> Lease | None:
    now = timezone.now()
    if at.live_slot_id is not None:
        mine = Slot.objects.filter(pk=at.live_slot_id, rater=at.rater, state=Slot.State.LEASED)
        slot = _described(mine, at.rater).select_for_update(of=("self",), no_key=True).first()
        return _again(project, slot, at, now) if slot else _raise_raced()
    if not project.gives_out(now):
        return None
    slot = _next(_described(_claimable(project, at.rater, now), at.rater))
    return _grant(project, slot, at, now) if slot else None


def _raise_raced() -> Lease | None:
    raise _Raced


def _claimable(project: Project, rater: Rater, now: datetime) -> QuerySet[Slot]:
    """Free slots on items that this rater has had nothing to do with, in the stored order of the index `slot_claim`."""
    return unseen(free_slots(now).filter(project=project), rater=rater).order_by("-priority", "random_key")


def free_slots(now: datetime) -> QuerySet[Slot]:
    """Slots for people that are nobody's, or whose lease ran out. States are spelled out: the partial index serves."""
    people = Slot.objects.filter(audience=Slot.Audience.HUMAN, purpose="label", state__in=["open", "leased"])
    return people.filter(Q(state="open") | Q(leased_until__lt=now))


def unseen(slots: QuerySet[Slot], **who: Any) -> QuerySet[Slot]:
    """Those on items that a rater has had nothing to do with. `who`: `rater=…`, or `rater__user=…` over projects."""
    seen = {"item": OuterRef("item")} | who
    return (
        slots.exclude(Exists(Slot.objects.filter(**seen)))
        .exclude(Exists(Skip.objects.filter(**seen)))
        .exclude(Exists(Annotation.objects.filter(**seen, retracted_at=None)))
    )


def _described(slots: QuerySet[Slot], rater: Rater) -> QuerySet[Slot]:
    """Slots with all that a page needs, read along: the item, this rater's draft, the order they saw it in before."""
    former = EndedLease.objects.filter(item=OuterRef("item"), rater=rater)
    draft = Draft.objects.filter(item=OuterRef("item"), rater=rater)
    return slots.select_related("item__prompt", "form_version").annotate(
        guideline_number=F("guideline__number"),
        former_order=Subquery(former.values("display_order")[:1]),
        draft_values=Subquery(draft.values("values")[:1]),
        draft_version=Subquery(draft.values("version")[:1]),
    )


def _next(slots: QuerySet[Slot]) -> Slot | None:
    # SQLite has no row locks: its transactions are IMMEDIATE (config/settings.py), so claimers come one at a time.
    if connection.features.has_select_for_update_skip_locked:
        slots = slots.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return slots.first()


def _again(project: Project, slot: Slot, at: Desk, now: datetime) -> Lease:
    """The lease in hand, prolonged. One that had run out gets a new token, and keeps what it froze."""
    assert slot.leased_until is not None and slot.token is not None
    if slot.leased_until < now:
        holds.remember(slot, EndedLease.Why.RENEWED)
        slot.token = uuid.uuid4()
        slot.leased_at = now
        _freeze(slot, at)
    return _lease(project, slot, at, now, _responses(slot))


def _grant(project: Project, slot: Slot, at: Desk, now: datetime) -> Lease:
    if slot.state == Slot.State.LEASED:
        holds.remember(slot, EndedLease.Why.TAKEN)
    responses = _responses(slot)
    order: list[int] | None = getattr(slot, "former_order", None)
    if order is None:
        order = list(responses)
        random.SystemRandom().shuffle(order)
    slot.state, slot.rater, slot.token, slot.leased_at = Slot.State.LEASED, at.rater, uuid.uuid4(), now
    slot.display_order = order
    _freeze(slot, at)
    return _lease(project, slot, at, now, responses)


def _freeze(slot: Slot, at: Desk) -> None:
    """What is in force now is what this lease shows."""
    slot.form_version, slot.guideline_id = at.form, at.guideline_id
    vars(slot)["guideline_number"] = at.guideline_number


def _responses(slot: Slot) -> dict[int, Response]:
    rows = ItemResponse.objects.filter(item=slot.item_id).select_related("response").order_by("ordinal")
    return {row.response_id: row.response for row in rows}


def _lease(project: Project, slot: Slot, at: Desk, now: datetime, responses: dict[int, Response]) -> Lease:
    """Writes the slot as it stands and describes it. The deadline is counted from now."""
    slot.leased_until = now + timedelta(seconds=lease_seconds(project, at.median_active_ms))
    slot.save(
        update_fields=[
            *("state", "rater", "token", "leased_at", "leased_until", "display_order", "form_version", "guideline")
        ]
    )
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
    slot = holds.locked(_described(Slot.objects.filter(pk=slot_id, project=project), at.rater)).get()
    if slot.rater_id == at.rater.pk and slot.state == Slot.State.LEASED:
        return _again(project, slot, at, now)
    runs_out = slot.state == Slot.State.LEASED and slot.leased_until is not None and slot.leased_until < now
    if not (slot.state == Slot.State.OPEN or runs_out) or slot.item.state == Item.State.VOID:
        raise Conflict("This slot is not free.", code="slot-taken")
    try:
        with transaction.atomic():
            return _grant(project, slot, at, now)
    except IntegrityError as fault:
        raise Conflict("This rater has another slot of the item.", code="slot-taken") from fault


def claim_slot(*, slot: Slot, rater: Rater) -> Lease:
    """Leases a slot that was opened for judges to a judge. Raises Conflict where it is not free."""
    if (slot.audience == Slot.Audience.JUDGE) != (
        rater.kind == Rater.Kind.JUDGE
    ) or rater.project_id != slot.project_id:
        raise Conflict("This slot is not for this rater.", code="slot-taken")
    return lease_slot(project=slot.project, slot_id=slot.pk, at=desk(project=slot.project, rater=rater))


@transaction.atomic
def renew(*, rater: Rater, token: uuid.UUID) -> datetime:
    """The heartbeat of a visible page: moves the deadline and returns it, also where it had passed but nobody came.

    Raises NotFound, or Conflict ("lease-lost", "item-void", "already-answered").
    """
    slot = holds.require_held(holds.resolve(rater=rater, token=token))
    project = Project.objects.select_related("pace").get(pk=slot.project_id)
    pace = getattr(project, "pace", None)
    deadline = timezone.now() + timedelta(seconds=lease_seconds(project, pace and pace.median_active_ms))
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


def check_reason(reason: str, note: str, allowed: dict[str, str]) -> None:
    """Raises Invalid for a reason that is not offered or a note that is too long."""
    if reason not in allowed:
        raise Invalid("Choose a reason.", fields={"reason": [f"Must be one of {', '.join(allowed)}."]})
    if len(note) > NOTE_LIMIT:
        raise Invalid("The note is too long.", fields={"note": [f"At most {NOTE_LIMIT} characters."]})


@transaction.atomic
def skip(*, rater: Rater, token: uuid.UUID, reason: str, note: str = "") -> None:
    """The rater passes: the item goes back to the others and is not shown to them again.

    Raises NotFound, Invalid (reason, note), or Conflict where the item is no longer in their hands.
    """
    check_reason(reason, note, SKIP_REASONS)
    slot = holds.require_held(holds.resolve(rater=rater, token=token))
    holds.let_go(slot, EndedLease.Why.SKIPPED)
    Skip.objects.update_or_create(item=slot.item, rater=rater, defaults={"reason": reason, "note": note})
