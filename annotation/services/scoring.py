"""Tests are scored: how far an answer is from the known one, and who is under the bar and therefore paused."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Annotation, Gold, GoldResult, Pause, PauseDecision, Rater, Slot
from annotation.protocols import protocol
from annotation.services import forms
from annotation.watch import Watch, watch_of
from common.errors import Conflict, Invalid

GRACE = timedelta(seconds=15)
"""An answer is scored once it can no longer be taken back."""
BATCH = 200
NOTE_LIMIT = 2000


def protocols_of(annotation: Annotation) -> dict[str, str]:
    """field → protocol, of the form that an annotation answered."""
    form = annotation.form_version
    return {field["name"]: field["protocol"] for field in (form.fields if form else forms.default_fields())}


def distance(known: Annotation, given: Annotation) -> float:
    """How far an answer is from another on the worst of the fields that `known` has, 0 to 1.

    A field that was not answered, or that another form asked in another way, is as far as can be.
    """
    asked, answered = protocols_of(known), protocols_of(given)
    found = [
        protocol(asked[name]).distance(value, given.values[name])
        if name in given.values and answered.get(name) == asked[name]
        else 1.0
        for name, value in known.values.items()
        if name in asked
    ]
    return min(1.0, max(0.0, max(found, default=1.0)))


def score_due(*, limit: int = 1000, grace: timedelta = GRACE, rater: Rater | None = None) -> int:
    """Scores answers to tests that stand for longer than `grace`; returns how many. Two at work at once share it."""
    scored = 0
    while scored < limit and (found := _batch(min(BATCH, limit - scored), grace, rater)):
        scored += found
    return scored


@transaction.atomic
def _batch(size: int, grace: timedelta, rater: Rater | None) -> int:
    standing = {"annotations__revises": None, "annotations__retracted_at": None, "annotations__standing": "test"}
    due = Slot.objects.filter(result_due=True, annotations__submitted_at__lte=timezone.now() - grace, **standing)
    due = due.filter(rater=rater) if rater else due
    skips = connection.features.has_select_for_update_skip_locked
    rows = due.order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=skips)
    slots = list(rows.select_related("rater", "project", "item__gold__annotation__form_version")[:size])
    answers = Annotation.objects.filter(slot__in=slots, revises=None, retracted_at=None).select_related("form_version")
    given = {annotation.slot_id: annotation for annotation in answers}
    made = [_result(slot, given[slot.pk]) for slot in slots if slot.pk in given]
    GoldResult.objects.bulk_create([one for one in made if one], ignore_conflicts=True)
    Slot.objects.filter(pk__in=[slot.pk for slot in slots]).update(result_due=False)
    _watch({slot.rater_id: slot for slot in slots}.values())
    return len(slots)


def _result(slot: Slot, given: Annotation) -> GoldResult | None:
    gold: Gold | None = getattr(slot.item, "gold", None)
    if gold is None:
        return None
    far = distance(gold.annotation, given)
    tolerance = watch_of(slot.project).tolerance if gold.tolerance is None else gold.tolerance
    return GoldResult(
        slot=slot,
        gold=gold,
        rater_id=given.rater_id,
        annotation=given,
        purpose=slot.purpose,
        attempt=slot.ordinal if slot.purpose == Slot.Purpose.QUALIFICATION else 0,
        distance=far,
        passed=far <= tolerance + 1e-9,
    )


def _watch(slots: Iterable[Slot]) -> None:
    """Pauses the raters of these slots who are under a bar."""
    for slot in slots:
        assert slot.rater is not None
        watch_rater(rater=slot.rater, watch=watch_of(slot.project))


def watch_rater(*, rater: Rater, watch: Watch) -> Pause | None:
    """Pauses a rater whose last tests, since they were last let go on, passed less often than the bar asks."""
    if Pause.objects.filter(rater=rater, ended_at=None).exists():
        return None
    since = Pause.objects.filter(rater=rater).aggregate(last=Max("ended_at"))["last"]
    for why, bar, window in (
        (Pause.Why.GOLD, watch.gold_bar, watch.gold_window),
        (Pause.Why.CHECK, watch.check_bar, watch.check_window),
    ):
        results = GoldResult.objects.filter(rater=rater, purpose=why.value)
        results = results.filter(annotation__submitted_at__gt=since) if since else results
        last = list(results.order_by("-pk").values_list("passed", flat=True)[:window])
        if len(last) == window and sum(last) / window < bar:
            return _pause(rater, why, sum(last), window, bar)
    return None


def _pause(rater: Rater, why: Pause.Why, passed: int, asked: int, bar: float) -> Pause | None:
    try:
        with transaction.atomic():
            made = Pause.objects.create(rater=rater, why=why, passed=passed, asked=asked, bar=bar)
    except IntegrityError:
        return None  # another worker was faster
    about: dict[str, Any] = {"rater": rater.pseudonym, "why": why.value, "passed": passed, "asked": asked, "bar": bar}
    audit(actor=None, kind="rater-paused", subject=f"project:{rater.project.slug}", **about)
    return made


@transaction.atomic
def decide_pause(*, rater: Rater, by: User, decision: str, note: str = "") -> PauseDecision:
    """A person's word on a rater's pause: `resume` ends it, `keep` does not; every word is kept.

    Raises Invalid, or Conflict where the rater is not paused (any more).
    """
    if decision not in PauseDecision.Decision.values:
        raise Invalid(_("Choose a decision."), fields={"decision": [_("Must be resume or keep.")]})
    if len(note) > NOTE_LIMIT:
        raise Invalid(_("The note is too long."), fields={"note": [_("At most %d characters.") % NOTE_LIMIT]})
    pause = Pause.objects.select_for_update().filter(rater=rater, ended_at=None).first()
    if pause is None:
        raise Conflict(_("This rater is not paused."), code="not-paused")
    made = PauseDecision.objects.create(pause=pause, decision=decision, note=note, by=by)
    if decision == PauseDecision.Decision.RESUME:
        pause.ended_at = timezone.now()
        pause.save(update_fields=["ended_at"])
    subject = f"project:{rater.project.slug}"
    audit(actor=by, kind="rater-pause-decided", subject=subject, rater=rater.pseudonym, decision=decision)
    return made
