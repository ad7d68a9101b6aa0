"""Qualification: gold items to be passed before real work. One row a rater; a person may waive it or allow more."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Annotation, GoldResult, Qualification, Rater, Slot
from annotation.services import scoring
from annotation.watch import Watch, watch_of
from common.errors import Conflict


def begin(*, rater: Rater, watch: Watch) -> Qualification:
    """The rater's row, made at their first item."""
    found, _made = Qualification.objects.get_or_create(rater=rater, defaults={"attempts": watch.qualification_attempts})
    return found


def finish(*, rater: Rater) -> Qualification:
    """Scores an attempt whose items are all answered, or cannot be answered any more, and settles it."""
    watch = watch_of(rater.project)
    scoring.score_due(grace=timedelta(0), rater=rater)
    with transaction.atomic():
        begin(rater=rater, watch=watch)
        found = Qualification.objects.select_for_update().get(rater=rater)
        if found.state != Qualification.State.PENDING:
            return found
        passed, asked = result_of(rater=rater, attempt=found.attempt)
        good = asked > 0 and passed / asked >= watch.qualification_bar - 1e-9
        found.state = Qualification.State.PASSED if good else Qualification.State.FAILED
        found.decided_at, found.decided_by = timezone.now(), None
        found.save(update_fields=["state", "decided_at", "decided_by"])
    return found


def result_of(*, rater: Rater, attempt: int) -> tuple[int, int]:
    """(passed, answered) of one attempt."""
    results = GoldResult.objects.filter(rater=rater, purpose="qualification", attempt=attempt)
    passed = list(results.values_list("passed", flat=True))
    return sum(passed), len(passed)


def result_now(*, annotation: Annotation) -> GoldResult | None:
    """The result of an answer in a qualification, scored at once where it is not yet; None for any other answer."""
    slot = annotation.slot
    if slot is None or slot.purpose != Slot.Purpose.QUALIFICATION:
        return None
    scoring.score_due(grace=timedelta(0), rater=annotation.rater)
    related = ("gold__annotation__form_version", "annotation")
    return GoldResult.objects.filter(slot=slot).select_related(*related).first()


@transaction.atomic
def try_again(*, rater: Rater) -> Qualification:
    """The rater's next attempt. Raises Conflict where none is left, or none is needed."""
    found = Qualification.objects.select_for_update().filter(rater=rater).first()
    if found is None or found.state != Qualification.State.FAILED or found.attempt >= found.attempts:
        raise Conflict(_("There is no attempt left for you to begin."), code="no-attempt-left")
    return _reopen(found)


def _reopen(found: Qualification) -> Qualification:
    found.state, found.attempt = Qualification.State.PENDING, found.attempt + 1
    found.decided_at = found.decided_by = None
    found.save(update_fields=["state", "attempt", "attempts", "decided_at", "decided_by"])
    return found


@transaction.atomic
def waive(*, rater: Rater, by: User) -> Qualification:
    """A person lets a rater in without it, or although they failed. Raises Conflict where they have passed."""
    begin(rater=rater, watch=watch_of(rater.project))
    found = Qualification.objects.select_for_update().get(rater=rater)
    if found.state in (Qualification.State.PASSED, Qualification.State.WAIVED):
        raise Conflict(_("This rater is qualified already."), code="qualified")
    found.state, found.decided_at, found.decided_by = Qualification.State.WAIVED, timezone.now(), by
    found.save(update_fields=["state", "decided_at", "decided_by"])
    _audit(by, rater, "waived")
    return found


@transaction.atomic
def allow_again(*, rater: Rater, by: User) -> Qualification:
    """One more attempt for a rater who failed their last. Raises Conflict where none has failed."""
    found = Qualification.objects.select_for_update().filter(rater=rater).first()
    if found is None or found.state != Qualification.State.FAILED:
        raise Conflict(_("This rater has no failed attempt."), code="not-failed")
    found.attempts = max(found.attempts, found.attempt + 1)
    _audit(by, rater, "allowed again")
    return _reopen(found)


def _audit(by: User, rater: Rater, what: str) -> None:
    subject = f"project:{rater.project.slug}"
    audit(actor=by, kind="rater-qualification", subject=subject, rater=rater.pseudonym, what=what)
