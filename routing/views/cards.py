"""A judge's calibration card and its planted cases: researchers read, admins ask for them."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import DomainError
from common.http import page_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from routing import tasks
from routing.card_charts import attack_rows, field_cards, habit_rows
from routing.judges import judge as judge_plug
from routing.models import Card, Judge, Probe, ProbeRun
from routing.selectors.judges import judge_of
from routing.services import cards, probes


def _shown(request: ProjectRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The page, or while it is watched only its part that changes."""
    return render(request, f"{template}#state" if getattr(request, "htmx", False) else template, context)


@require_safe
@project_view(RESEARCH)
def card(request: ProjectRequest, judge_id: int) -> HttpResponse:
    judge = judge_of(request.project, judge_id)
    latest = judge.cards.first()
    ready = judge.cards.filter(state=Card.State.READY).first()
    busy = latest is not None and latest.state in {Card.State.QUEUED, Card.State.COMPUTING}
    context: dict[str, Any] = {"judge": judge, "latest": latest, "ready": ready, "busy": busy}
    if ready:
        habits = habit_rows(ready.result["habits"])
        context |= {
            "fields": field_cards(ready.result),
            "habits": habits,
            "habit_bars": [row.bar for row in habits],
            "spent": ready.result["habits"],
        }
    return _shown(request, "routing/card.html", context)


@require_POST
@project_view(ADMIN)
def card_new(request: ProjectRequest, judge_id: int) -> HttpResponse:
    """A card anew; a failed one goes on where it stopped."""
    judge = judge_of(request.project, judge_id)
    latest = judge.cards.first()
    try:
        if latest is not None and latest.state == Card.State.FAILED:
            made = cards.retry_card(card=latest)
        else:
            made = cards.request_card(judge=judge, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        tasks.ring_card(made.pk)
    return redirect("routing:card", request.project.slug, judge_id)


@require_safe
@project_view(RESEARCH)
def planted(request: ProjectRequest, judge_id: int) -> HttpResponse:
    judge = judge_of(request.project, judge_id)
    runs = judge.probe_runs.all()
    latest = runs.first()
    shown = runs.filter(state=ProbeRun.State.DONE).first() or latest
    busy = latest is not None and latest.state in {ProbeRun.State.QUEUED, ProbeRun.State.RUNNING}
    context: dict[str, Any] = {
        "judge": judge,
        "latest": latest,
        "shown": shown,
        "busy": busy,
        "persuadable": judge_plug(judge.kind).persuadable,
        "limit": probes.LIMIT,
        "may_lift": probes.passed_since_suspended(judge),
        "runs": runs[:20],
    }
    if latest is not None and busy:
        left = latest.probes.filter(outcome=Probe.Outcome.WAITING).count()
        context |= {"total": latest.probes.count(), "done": latest.probes.count() - left}
    if shown is not None:
        counted = shown.probes.order_by().values_list("attack", "outcome").annotate(count=Count("pk"))
        rows = attack_rows(list(counted))
        found = shown.probes.exclude(outcome=Probe.Outcome.WAITING).select_related("item")
        context |= {
            "rows": rows,
            "bars": [row.bar for row in rows],
            "bound": probes.bound(shown),
            "page": page_of(request, found.order_by("outcome", "pk"), 20),
        }
    return _shown(request, "routing/planted.html", context)


@require_POST
@project_view(ADMIN)
def planted_new(request: ProjectRequest, judge_id: int) -> HttpResponse:
    """Planted cases anew; a failed run goes on where it stopped."""
    judge = judge_of(request.project, judge_id)
    latest = judge.probe_runs.first()
    try:
        if latest is not None and latest.state == ProbeRun.State.FAILED:
            made = probes.retry_probes(run=latest)
        else:
            made = probes.request_probes(judge=judge, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        tasks.ring_probes(made.pk)
    return redirect("routing:planted", request.project.slug, judge_id)


@require_POST
@project_view(ADMIN)
def lift(request: ProjectRequest, judge_id: int) -> HttpResponse:
    judge: Judge = judge_of(request.project, judge_id)
    try:
        probes.lift(judge=judge, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        messages.success(request, _("Items may be routed to “%(name)s” again.") % {"name": judge.name})
    return redirect("routing:planted", request.project.slug, judge_id)
