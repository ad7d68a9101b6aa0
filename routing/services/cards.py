"""A judge's calibration card: asked for, computed by one worker at a time, batch by batch, and kept with its date."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.protocols import full_config, protocol
from annotation.services.forms import current_form
from common.claims import Hold, Work
from common.errors import Conflict
from common.words import gettext_noop
from routing.against import judged
from routing.calibration import Sums
from routing.models import Card, Judge
from routing.models.cards import MAX_ATTEMPTS
from routing.services.card_sums import Field, add_answers, add_calls, finished_calls

BATCH = 500
WORK = Work(
    Card,
    working=Card.State.COMPUTING,
    silence=timedelta(seconds=90),
    attempts=MAX_ATTEMPTS,
    lost=gettext_noop("Its worker died three times while computing it."),
)


def request_card(*, judge: Judge, by: User | None = None) -> Card:
    """A new card, queued. Raises Conflict where one is being computed already."""
    try:
        with transaction.atomic():
            return Card.objects.create(judge=judge, created_by=by)
    except IntegrityError as fault:
        raise Conflict(_("A card of this judge is being computed already."), code="card-under-way") from fault


def retry_card(*, card: Card) -> Card:
    """Queues a failed card again, with fresh attempts; it goes on where it stopped. Raises Conflict for any other."""
    try:
        with transaction.atomic():
            moved = WORK.retry(card.pk)
    except IntegrityError as fault:
        raise Conflict(_("A card of this judge is being computed already."), code="card-under-way") from fault
    if not moved:
        raise Conflict(_("Only a failed card can be tried again."), code="card-not-failed")
    card.refresh_from_db()
    return card


def compute_card(*, card_id: int) -> bool:
    """Computes one queued card to its end, ready or failed. False where there was nothing to claim."""
    hold = WORK.claim(card_id)
    if hold is None:
        return False
    with WORK.carried_out(hold):
        _compute(Card.objects.select_related("judge__project").get(pk=card_id), hold)
    return True


def requeue_silent_cards() -> int:
    """Cards whose worker fell silent are queued again; after three attempts they fail with that reason."""
    return WORK.requeue_silent()


def _compute(card: Card, hold: Hold[Card]) -> None:
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
            hold.write(**_so_far(card, sums))
    ready = {"state": Card.State.READY, "finished_at": timezone.now(), "result": _result(sums, fields)}
    hold.end(**_so_far(card, sums), **ready)


def _so_far(card: Card, sums: Sums) -> dict[str, Any]:
    return {"cursor": card.cursor, "done": card.done, "total": card.total, "sums": sums.stored()}


def _result(sums: Sums, fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "habits": sums.habits.read(),
        "fields": [
            {"name": name, "protocol": fields[name].plug.key} | tally.read() for name, tally in sums.fields.items()
        ],
    }
