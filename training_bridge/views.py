"""Pages of snapshots, runs and models: for admins and researchers."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.bells import ring
from common.configs import described
from common.errors import DomainError, Invalid, NotFound
from common.http import add_errors, page_of, sent, show_or_send, status_of
from corpus.models import ModelVersion
from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import charts, selectors, services, tasks
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.pairs import REASONS
from training_bridge.derivations.settings import DEFAULT
from training_bridge.forms import ModelForm, RunForm, SnapshotForm
from training_bridge.lineage import lineage_of
from training_bridge.methods import METHODS
from training_bridge.models import ACTIVE, Run, Snapshot
from training_bridge.needs import beside_pairs
from training_bridge.services.runs import load_method

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
    dropped = [(_(REASONS.get(key, key)), n) for key, n in shown.counts.get("dropped", {}).items()]
    context = {
        "snapshot": shown,
        "busy": busy,
        "lessons": beside_pairs(shown),
        "dropped": sorted(dropped, key=lambda pair: -pair[1]),
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
    return attachment(selectors.export(shown, exporter, filename), f"snapshot-{snapshot_number}-{filename}")  # type: ignore[return-value]  # a streaming answer is one as well


def attachment(pieces: Any, filename: str) -> StreamingHttpResponse:
    """A download that no browser shows or guesses about. `filename` is the product's own."""
    response = StreamingHttpResponse(pieces, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@project_view(RESEARCH)
def runs(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.runs_of(request.project), PER_PAGE)
    return render(request, "training_bridge/runs.html", {"page": page})


@require_safe
@project_view(RESEARCH)
def run_choose(request: ProjectRequest) -> HttpResponse:
    return render(request, "training_bridge/run_choose.html", {"kinds": selectors.methods_by_kind()})


@show_or_send
@project_view(RESEARCH)
def run_new(request: ProjectRequest, method: str) -> HttpResponse:
    if method not in METHODS:
        raise NotFound
    plug = load_method(method)
    form = RunForm(sent(request), project=request.project, method=plug, initial=_preset(request, method))
    if form.is_valid():
        try:
            made = services.start_run(project=request.project, method=method, user=request.user, **form.specification())
        except Invalid as fault:
            add_errors(form, fault)
        else:
            ring(tasks.run, made.pk)
            return redirect("training_bridge:run", request.project.slug, made.pk)
    return render(request, "training_bridge/run_new.html", {"form": form, "method": plug}, status=status_of(form))


MAX_ID_DIGITS = 18
"""More are beyond what a column of ids holds."""


def _preset(request: ProjectRequest, method: str) -> dict[str, Any]:
    """What a link to the form has chosen already, e.g. `?base=7`, and the settings that suit that base."""
    keys = ("snapshot", "base", "reference", "reward")
    asked = {key: request.GET.get(key, "") for key in keys}
    chosen = {key: value for key, value in asked.items() if value.isdecimal() and len(value) <= MAX_ID_DIGITS}
    if "base" not in chosen:
        return chosen
    return selectors.suggested(request.project, int(chosen["base"]), method) | chosen


@require_safe
@project_view(RESEARCH)
def run(request: ProjectRequest, run_id: int) -> HttpResponse:
    return render(request, "training_bridge/run.html", _run_context(request, run_id))


@require_safe
@project_view(RESEARCH)
def run_live(request: ProjectRequest, run_id: int) -> HttpResponse:
    return render(request, "training_bridge/run.html#live", _run_context(request, run_id) | {"oob": True})


def _run_context(request: ProjectRequest, run_id: int) -> dict[str, Any]:
    shown = selectors.run_of(request.project, run_id)
    metrics = selectors.metrics_of(shown)
    return {
        "run": shown,
        "active": shown.state in ACTIVE,
        "may_continue": shown.state in {Run.State.FAILED, Run.State.CANCELLED, Run.State.LOST},
        "inputs": charts.labels(selectors.labels_of(shown)) + charts.inputs(shown.inputs),
        "progress": selectors.progress_of(shown),
        "curves": charts.curves(metrics),
        "columns": charts.columns(metrics),
        "rows": charts.rows(metrics, MOST_ROWS),
        "log": selectors.log_tail(shown),
        "measures": charts.measures(shown.result),
        "facts": charts.facts(shown.result),
        "settings": described(load_method(shown.method).Config, shown.config) if shown.method in METHODS else [],
    }


@require_POST
@project_view(RESEARCH)
def run_cancel(request: ProjectRequest, run_id: int) -> HttpResponse:
    services.cancel_run(run=selectors.run_of(request.project, run_id), user=request.user)
    return redirect("training_bridge:run", request.project.slug, run_id)


@require_POST
@project_view(RESEARCH)
def run_retry(request: ProjectRequest, run_id: int) -> HttpResponse:
    services.retry_run(run=selectors.run_of(request.project, run_id), user=request.user)
    ring(tasks.run, run_id)
    return redirect("training_bridge:run", request.project.slug, run_id)


@require_safe
@project_view(RESEARCH)
def models(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.models_of(request.project), PER_PAGE)
    return render(request, "training_bridge/models.html", {"page": page})


@show_or_send
@project_view(RESEARCH)
def model_new(request: ProjectRequest) -> HttpResponse:
    form = ModelForm(sent(request))
    if form.is_valid():
        try:
            made = services.register_model(project=request.project, user=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            ring(tasks.hash_weights, made.pk)
            messages.success(request, _("%(name)s is registered.") % {"name": made.name})
            return redirect("training_bridge:model", request.project.slug, made.pk)
    return render(request, "training_bridge/model_new.html", {"form": form}, status=status_of(form))


@require_safe
@project_view(RESEARCH)
def model(request: ProjectRequest, model_id: int) -> HttpResponse:
    shown = selectors.model_of(request.project, model_id)
    context = {
        "version": shown,
        "is_reward": shown.kind == ModelVersion.Kind.REWARD,
        "lineage": lineage_of(shown),
        "measured": [(done, charts.measures(done.result)) for done in selectors.measured_by(shown)],
        "made_by": getattr(shown, "made_by", None),
        "used_by": selectors.runs_using(shown)[:20],
    }
    return render(request, "training_bridge/model.html", context)
