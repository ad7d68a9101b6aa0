"""Keeping what a project is promised up to date: certificates, audits, the gate, drift, figures. A worker does it.

The row of the work is the queue: whoever wants it done makes it due, one worker takes it by compare-and-set.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from accounts.services import audit
from annotation.models import Annotation
from common.claims import Fenced, take
from common.errors import Conflict, Invalid
from common.words import gettext_noop as _
from projects.models import Project
from routing.models import PromiseCheck, RoutingPlan, Terms
from routing.services import audits, certificates, certifying, drift, figures, gate
from routing.services.certificates import ground_of, terms_of
from routing.services.plans import current_plan

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3
STALE = timedelta(hours=1)
EVERY = timedelta(minutes=1)
"""What was read is not read again sooner, and not before REST times what it took."""
REST = 50
DAILY = timedelta(days=1)
"""Even where no answer has come: what came in may have changed, and certificates grow old."""
State = PromiseCheck.State


def ask(*, project: Project, certify: bool = False, by: User | None = None) -> PromiseCheck:
    """Makes the work due; `certify`: certificates as well, of what the calibration sample has by now.

    Raises Conflict where the plan in force has no judge of which anything could be promised, and for certificates of
    no sample: each making spends a part of delta.
    """
    plan = current_plan(project=project)
    if plan is None or plan.judge is None:
        raise Conflict(gettext("The plan in force has no judge, so there is nothing to promise."), code="judge-missing")
    if certify and not certifying.sample(plan, ground_of(plan.judge)).rows:
        said = gettext("No calibration item has been answered by people and the judge, so there is nothing to test.")
        raise Conflict(said, code="sample-empty")
    row, _made = PromiseCheck.objects.get_or_create(project=project)
    waiting = PromiseCheck.objects.filter(pk=row.pk).exclude(state=State.RUNNING)
    waiting.update(state=State.DUE, attempt=0, error="")
    if certify:
        PromiseCheck.objects.filter(pk=row.pk).update(certify=True)
        audit(actor=by, kind="certificate.asked", subject=f"project:{project.slug}", judge=plan.judge.name)
    row.refresh_from_db()
    return row


def due() -> list[int]:
    """Projects whose promises are to be looked at: asked for, or answers have come, or a day has passed."""
    now = timezone.now()
    found = set(PromiseCheck.objects.filter(state=State.DUE).values_list("project", flat=True))
    judged = RoutingPlan.objects.filter(project=OuterRef("pk"), judge__isnull=False)
    active = Project.objects.filter(Exists(judged), state=Project.State.ACTIVE)
    found |= set(active.filter(promise_check=None).values_list("pk", flat=True))
    rows = PromiseCheck.objects.filter(project__in=active, state__in=[State.IDLE, State.FAILED])
    fresh = Annotation.objects.filter(item__project=OuterRef("project"), pk__gt=OuterRef("seen"))
    for row in rows.annotate(fresh=Exists(fresh)):
        old = row.finished_at is None or now - row.finished_at >= DAILY
        if old or (row.fresh and row.state == State.IDLE and _rested(row.finished_at, row.took_ms)):
            found.add(row.pk)
    return sorted(found)


def fail_lost() -> int:
    """Work whose worker has died is due again; after the last attempt it has failed, for a person to see."""
    lost = PromiseCheck.objects.filter(state=State.RUNNING, heartbeat_at__lt=timezone.now() - STALE)
    said = _("The worker was lost while it computed.")
    failed = lost.filter(attempt__gte=MAX_ATTEMPTS)
    return failed.update(state=State.FAILED, owner=None, error=said, finished_at=timezone.now()) + lost.update(
        state=State.DUE, owner=None
    )


def check(*, project_id: int) -> bool:
    """Brings a project's promises up to date; False where another worker has them, or there is nothing to promise."""
    plan = RoutingPlan.objects.filter(project=project_id).select_related("judge", "project").order_by("-number").first()
    if plan is None or plan.judge is None:
        return False
    PromiseCheck.objects.get_or_create(project_id=project_id)
    began, free = time.monotonic(), PromiseCheck.objects.exclude(state=State.RUNNING)
    was = free.filter(project=project_id).first()
    hold = take(free, project_id, state=State.RUNNING, certify=False)
    if was is None or hold is None:
        return False
    mine = hold.rows()
    seen = Annotation.objects.aggregate(last=Max("pk"))["last"] or 0
    try:
        for step in _steps(plan, was.certify):
            step()
            hold.write()
        took = _took(began)
        if was.state != State.IDLE or _rested(was.figures_at, was.figures_ms):
            figures.read_figures(plan=plan, ground=ground_of(plan.judge))
            mine.update(figures_at=timezone.now(), figures_ms=_took(began) - took)
    except Fenced:
        return False  # it took so long that another worker was sent
    except Exception as raised:  # whatever goes wrong must end in a named state
        last = mine.filter(attempt__gte=MAX_ATTEMPTS).exists()
        mine.update(
            state=State.FAILED if last else State.DUE,
            owner=None,
            certify=was.certify,
            error=f"{type(raised).__name__}: {raised}"[:500],
            finished_at=timezone.now(),
        )
        logger.exception("the promises of project %s could not be computed", project_id)
        return False
    done = {"owner": None, "attempt": 0, "error": "", "seen": seen, "took_ms": took, "finished_at": timezone.now()}
    # Certificates may have been asked for meanwhile.
    mine.filter(certify=True).update(state=State.DUE, **done)
    mine.filter(certify=False).update(state=State.IDLE, **done)
    return True


def _steps(plan: RoutingPlan, asked: bool) -> Iterator[Callable[[], object]]:
    """What is to be done, in order: audits first, as they may end what is then made anew."""
    assert plan.judge is not None
    ground, terms = ground_of(plan.judge), terms_of(plan.project)
    yield lambda: certificates.end_stale(project=plan.project)
    yield lambda: audits.read_audits(plan=plan, ground=ground, terms=terms)
    yield lambda: certifying.certify(plan=plan) if asked or certifying.wanted(plan, ground, terms) else None
    yield lambda: gate.read_gate(plan=plan, ground=ground, terms=terms)
    yield lambda: drift.read_drift(plan=plan, ground=ground, terms=terms)


def _took(began: float) -> int:
    """Milliseconds."""
    return int((time.monotonic() - began) * 1000)


def _rested(since: datetime | None, took_ms: int) -> bool:
    return since is None or timezone.now() - since > max(EVERY, timedelta(milliseconds=REST * took_ms))


@transaction.atomic
def set_terms(*, project: Project, by: User | None = None, **wanted: Any) -> Terms:
    """What the project wants to be promised from now on; what is left out stays. Certificates of less end to count.

    Raises Invalid.
    """
    terms = terms_of(project)
    for name, value in wanted.items():
        setattr(terms, name, value)
    faults = {
        name: [fault]
        for name, wrong, fault in (
            ("alpha", not 0 < terms.alpha < 1, gettext("Must lie between 0 and 1.")),
            ("delta", not 0 < terms.delta <= 0.5, gettext("Must lie above 0, and be 0.5 at most.")),
            ("epsilon", not 0 <= terms.epsilon <= 0.5, gettext("Must lie between 0 and 0.5.")),
        )
        if wrong
    }
    if faults:
        raise Invalid(gettext("These terms make no sense."), fields=faults)
    terms.save()
    audit(actor=by, kind="terms.set", subject=f"project:{project.slug}", **wanted)
    return terms
