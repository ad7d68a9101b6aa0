"""Pages of runs: what can be started, one that works, what it measured."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.bells import ring
from common.errors import Invalid, NotFound
from common.http import add_errors, page_of, sent, show_or_send, status_of
from common.text import natural
from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import charts, selectors, services, tasks
from training_bridge.forms import RunForm
from training_bridge.methods import METHODS
from training_bridge.models import ACTIVE, Run
from training_bridge.selectors.curves import curves_of, last_metrics
from training_bridge.services.ownership import SILENCE
from training_bridge.services.runs import load_method

PER_PAGE = 25
MOST_ROWS = 200


@require_safe
@project_view(RESEARCH)
def runs(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.runs_of(request.project), PER_PAGE)
    return render(request, "training_bridge/runs.html", {"page": page})


@require_safe
@project_view(RESEARCH)
def run_choose(request: ProjectRequest) -> HttpResponse:
    return render(request, "training_bridge/run_choose.html", {"kinds": selectors.methods_by_kind(request.project)})


@show_or_send
@project_view(RESEARCH)
def run_new(request: ProjectRequest, method: str) -> HttpResponse:
    if method not in METHODS:
        raise NotFound
    plug = load_method(method)
    form = RunForm(sent(request), project=request.project, method=plug, initial=_preset(request, method))
    if form.is_valid():
        asked_at = timezone.now()
        try:
            made = services.start_run(project=request.project, method=method, user=request.user, **form.specification())
        except Invalid as fault:
            add_errors(form, fault)
        else:
            ring(tasks.run, made.pk)
            if made.created_at < asked_at:
                messages.info(request, _("This very run is under way already: nothing was started twice."))
            return redirect("training_bridge:run", request.project.slug, made.pk)
    return render(request, "training_bridge/run_new.html", {"form": form, "method": plug}, status=status_of(form))


def _preset(request: ProjectRequest, method: str) -> dict[str, Any]:
    """What a link to the form has chosen already, e.g. `?base=7`, and the settings that suit that base."""
    keys = ("snapshot", "base", "reference", "reward")
    chosen = {key: value for key in keys if natural(value := request.GET.get(key, "")) is not None}
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
    metrics = last_metrics(shown, MOST_ROWS)
    return {
        "run": shown,
        "active": shown.state in ACTIVE,
        "silent": selectors.silence_of(shown),
        "silence": SILENCE.seconds,
        "may_continue": shown.state in {Run.State.FAILED, Run.State.CANCELLED, Run.State.LOST},
        "inputs": charts.labels(selectors.labels_of(shown)) + charts.inputs(shown.inputs),
        "progress": selectors.progress_of(shown),
        "curves": charts.curves(curves_of(shown)),
        "counted_by": charts.counted_by(shown.method),
        "columns": charts.columns(metrics),
        "rows": charts.rows(metrics),
        "log": selectors.log_tail(shown),
        "measures": charts.measures(shown.result),
        "facts": charts.facts(shown.result),
        "settings": selectors.settings_of(shown),
        "items_made": shown.result.get("items", 0) if shown.method == "respond" else 0,
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
