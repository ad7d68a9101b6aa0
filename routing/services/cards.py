"""A judge's calibration card: asked for, computed by one worker at a time, batch by batch, and kept with its date."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.protocols import full_config, protocol
from annotation.services.forms import current_form
from common.errors import Conflict, DomainError
from common.words import gettext_noop
from routing.against import judged
from routing.calibration import Sums
from routing.models import Card, Judge
from routing.models.cards import MAX_ATTEMPTS
from routing.services.card_sums import Field, add_answers, add_calls, finished_calls

BATCH = 500
SILENCE = timedelta(seconds=90)


class CardTaken(Exception):
    """Another worker computes this card now: stop and write nothing."""


def request_card(*, judge: Judge, by: User | None = None) -> Card:
    """A new card, queued. Raises Conflict where one is being computed already."""
    try:
        with transaction.atomic():
            return Card.objects.create(judge=judge, created_by=by)
    except IntegrityError as fault:
        raise Conflict(_("A card of this judge is being computed already."), code="card-under-way") from fault


def retry_card(*, card: Card) -> Card:
    """Queues a failed card again, with fresh attempts; it goes on where it stopped. Raises Conflict for any other."""
    failed = Card.objects.filter(pk=card.pk, state=Card.State.FAILED)
    try:
        with transaction.atomic():
            moved = failed.update(state=Card.State.QUEUED, attempt=0, error="")
    except IntegrityError as fault:
        raise Conflict(_("A card of this judge is being computed already."), code="card-under-way") from fault
    if not moved:
        raise Conflict(_("Only a failed card can be tried again."), code="card-not-failed")
    card.refresh_from_db()
    return card


def compute_card(*, card_id: int) -> bool:
    """Computes one queued card to its end, ready or failed. False where there was nothing to claim."""
    owner = uuid.uuid4()
    claimed = Card.objects.filter(pk=card_id, state=Card.State.QUEUED, attempt__lt=MAX_ATTEMPTS).update(
        state=Card.State.COMPUTING, owner=owner, heartbeat_at=timezone.now(), attempt=F("attempt") + 1, error=""
    )
    if not claimed:
        return False
    card = Card.objects.select_related("judge__project").get(pk=card_id)
    try:
        _compute(card, owner)
    except CardTaken:
        pass
    except DomainError as fault:
        _fail(card, owner, fault.detail)
    except Exception as fault:
        _fail(card, owner, f"{type(fault).__name__}: {fault}")
        raise
    return True


def requeue_silent_cards() -> int:
    """Cards whose worker fell silent are queued again; after three attempts they fail with that reason."""
    silent = Card.objects.filter(state=Card.State.COMPUTING, heartbeat_at__lt=timezone.now() - SILENCE)
    with transaction.atomic():
        silent.filter(attempt__gte=MAX_ATTEMPTS).update(
            state=Card.State.FAILED, owner=None, error=gettext_noop("Its worker died three times while computing it.")
        )
        return silent.update(state=Card.State.QUEUED, owner=None)


def _mine(card: Card, owner: uuid.UUID) -> Any:
    return Card.objects.filter(pk=card.pk, owner=owner, state=Card.State.COMPUTING)


def _fail(card: Card, owner: uuid.UUID, reason: str) -> None:
    _mine(card, owner).update(state=Card.State.FAILED, owner=None, error=reason[:4000])


def _compute(card: Card, owner: uuid.UUID) -> None:
    judge = card.judge
    fields = {
        field["name"]: Field(field["name"], protocol(field["protocol"]), full_config(field))
        for field in current_form(project=judge.project).fields
    }
    passes: dict[str, tuple[QuerySet[Any], Callable[..., None]]] = {
        "calls": (finished_calls(judge), add_calls),
        "answers": (judged(judge.rater_id), add_answers),
    }
    if not card.cursor:
        bounds = {name: rows.aggregate(until=Max("pk"))["until"] or 0 for name, (rows, _add) in passes.items()}
        card.cursor = {name: {"at": 0, "until": until} for name, until in bounds.items()}
        card.total = sum(rows.filter(pk__lte=bounds[name]).count() for name, (rows, _add) in passes.items())
    sums = Sums.restored(card.sums)
    for name, (rows, add) in passes.items():
        place = card.cursor[name]
        while batch := list(rows.filter(pk__gt=place["at"], pk__lte=place["until"]).order_by("pk")[:BATCH]):
            add(sums, fields, batch)
            place["at"], card.done = batch[-1].pk, min(card.total, card.done + len(batch))
            _keep(card, owner, sums)
    ready = {"state": Card.State.READY, "owner": None, "finished_at": timezone.now(), "result": _result(sums, fields)}
    _keep(card, owner, sums, ready)


def _keep(card: Card, owner: uuid.UUID, sums: Sums, end: Mapping[str, Any] | None = None) -> None:
    """Writes how far it has come. Raises CardTaken for a worker that was replaced."""
    kept = {"cursor": card.cursor, "done": card.done, "total": card.total, "sums": sums.stored()}
    if not _mine(card, owner).update(heartbeat_at=timezone.now(), **(kept | dict(end or {}))):
        raise CardTaken


def _result(sums: Sums, fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "habits": sums.habits.read(),
        "fields": [
            {"name": name, "protocol": fields[name].plug.key} | tally.read() for name, tally in sums.fields.items()
        ],
    }
