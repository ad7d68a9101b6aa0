"""Pages of snapshots: frozen labels, how reliable the raters are, the files."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from common.bells import ring
from common.errors import DomainError
from common.http import add_errors, download, page_of, sent, show_or_send, status_of
from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import charts, selectors, services, tasks
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.settings import DEFAULT
from training_bridge.forms import SnapshotForm
from training_bridge.models import Snapshot
from training_bridge.needs import beside_pairs

PER_PAGE = 25
MOST_ROWS = 200


@require_safe
@project_view(RESEARCH)
def snapshots(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.snapshots_of(request.project), PER_PAGE)
    return render(request, "training_bridge/snapshots.html", {"page": page})


@show_or_send
@project_view(RESEARCH)
def snapshot_new(request: ProjectRequest) -> HttpResponse:
    given = sent(request) or request.GET
    asked = given.get("soft_labels", DEFAULT)
    form = SnapshotForm(
        sent(request),
        project=request.project,
        soft_labels=asked if asked in DERIVATIONS else DEFAULT,
        initial={name: value for name, value in request.GET.items() if name != "soft_labels"},
    )
    if form.is_valid():
        try:
            made = services.request_snapshot(
                project=request.project,
                derivation=form.derivation(),
                name=form.cleaned_data["name"],
                user=request.user,
            )
        except DomainError as fault:
            add_errors(form, fault)
        else:
            ring(tasks.build_snapshot, made.pk)
            return redirect("training_bridge:snapshot", request.project.slug, made.number)
    return render(request, "training_bridge/snapshot_new.html", {"form": form}, status=status_of(form))


@require_safe
@project_view(RESEARCH)
def snapshot(request: ProjectRequest, snapshot_number: int) -> HttpResponse:
    shown = selectors.snapshot_of(request.project, snapshot_number)
    busy = shown.state in {Snapshot.State.QUEUED, Snapshot.State.BUILDING}
    context = {
        "snapshot": shown,
        "busy": busy,
        "lessons": beside_pairs(shown),
        "labels_used": charts.labels_used(shown),
        "dropped": charts.left_out(shown, "dropped"),
        "dropped_pairs": charts.left_out(shown, "dropped_pairs"),
        "bars": charts.snapshot_bars(shown),
        "derivation": charts.derivation(shown.derivation),
        **_reliability(shown),
        "exporters": selectors.exporters(),
        "runs": selectors.runs_of(request.project).filter(snapshot=shown)[:20],
    }
    template = "training_bridge/snapshot.html"
    return render(request, f"{template}#state" if getattr(request, "htmx", False) else template, context)


def _reliability(shown: Snapshot) -> dict[str, Any]:
    """What the page draws of the raters (and models); why not, where the files are not what they were."""
    if shown.state != Snapshot.State.READY:
        return {}
    try:
        found = selectors.reliability_of(shown)
    except DomainError as fault:
        return {"unreadable": fault.detail}
    return {
        "raters": found.raters[:MOST_ROWS],
        "rater_count": len(found.raters),
        "rater_bars": charts.rater_bars(found.raters),
        "strengths": found.strengths[:MOST_ROWS],
        "strength_bars": charts.strength_bars(found.strengths),
        "computed": [one for one in found.facts.values() if "steps" in one],
        "empty": found.empty,
    }


@require_POST
@project_view(RESEARCH)
def snapshot_retry(request: ProjectRequest, snapshot_number: int) -> HttpResponse:
    shown = selectors.snapshot_of(request.project, snapshot_number)
    services.retry_snapshot(snapshot=shown, user=request.user)
    ring(tasks.build_snapshot, shown.pk)
    return redirect("training_bridge:snapshot", request.project.slug, snapshot_number)


@require_safe
@project_view(RESEARCH)
def snapshot_file(request: ProjectRequest, snapshot_number: int, exporter: str, filename: str) -> HttpResponse:
    shown = selectors.snapshot_of(request.project, snapshot_number)
    return download(selectors.export(shown, exporter, filename), f"snapshot-{snapshot_number}-{filename}")  # type: ignore[return-value]  # a streaming answer is one as well
