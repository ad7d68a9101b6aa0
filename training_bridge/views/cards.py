"""Report cards of runs and of models: for admins and researchers."""

from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.errors import DomainError
from corpus.models import ModelVersion
from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import selectors
from training_bridge.card_pages import Panel, policy_panels, reward_panels
from training_bridge.models import Run
from training_bridge.selectors.cards import (
    OFFERED,
    aspect_names,
    one_of,
    one_with_card,
    runs_with_card,
    samples_of,
    stored,
    stored_file,
    with_cards,
)


@require_safe
@project_view(RESEARCH)
def run_report(request: ProjectRequest, run_id: int) -> HttpResponse:
    """What a run measured; `?beside=7` holds the card of another run beside it."""
    shown = selectors.run_of(request.project, run_id)
    return _page(request, {"run": shown, "measured": shown if shown.report_sha256 else None})


@require_safe
@project_view(RESEARCH)
def model_report(request: ProjectRequest, model_id: int) -> HttpResponse:
    """The card of a model by the newest run that measured it, or by `?run=7`."""
    version = selectors.model_of(request.project, model_id)
    runs = runs_with_card(version)
    asked = request.GET.get("run")
    measured = one_with_card(version, asked) if asked else next(iter(runs), None)
    return _page(request, {"version": version, "runs": runs, "measured": measured})


@require_safe
@project_view(RESEARCH)
def run_report_file(request: ProjectRequest, run_id: int) -> HttpResponse:
    """The card as JSON, byte for byte as it was stored: its SHA-256 is the one that the API tells."""
    shown = selectors.run_of(request.project, run_id)
    card = stored_file(shown)
    headers = {"Content-Disposition": f'attachment; filename="report-{run_id}.json"'}
    return HttpResponse(card.read_bytes(), content_type="application/json", headers=headers)


def _page(request: ProjectRequest, about: dict[str, Any]) -> HttpResponse:
    """One card, or two of them panel beside panel."""
    measured, version = about["measured"], about.get("version")
    runs = with_cards(request.project)
    offered = list(runs[: OFFERED + 1])
    asked = request.GET.get("beside")
    beside = one_of(runs, asked) if asked else None
    if beside is not None and beside not in offered:
        offered.insert(0, beside)  # what is shown can be chosen, however old
    context = about | {
        "offered": [run for run in offered if measured is None or run.pk != measured.pk][:OFFERED],
        "beside": beside,
        "again": _again(request, measured, version),
    }
    try:
        context["parts"] = _parts(measured, beside, version) if measured else []
        context["samples"] = samples_of(measured) if measured and not beside else []
    except DomainError as fault:
        context["unreadable"] = fault.detail
    return render(request, "training_bridge/report_card.html", context)


def _parts(
    measured: Run, beside: Run | None, version: ModelVersion | None
) -> list[tuple[str, list[tuple[Run, str]], list[tuple[Panel | None, Panel | None]]]]:
    """(what the card is of; each run and what it measured there; its panels, each with the other card's of the same
    title, if there is one).

    Without a `version`, whatever the run measured.
    """
    first, second = _cards(measured), _cards(beside) if beside else {}
    if version is not None:
        first = {kind: panels for kind, panels in first.items() if kind == selectors.subject_of(version)}
    titles = {"reward": _("Reward model: %(name)s"), "policy": _("Policy: %(name)s")}
    parts = []
    for kind, panels in first.items():
        name = _subject(measured, kind)
        heads = [(measured, name)]
        if beside:
            heads.append((beside, _subject(beside, kind) if kind in second else ""))
        parts.append((titles[kind] % {"name": name}, heads, _aligned(panels, second.get(kind, []))))
    return parts


def _subject(run: Run, kind: str) -> str:
    """The model that the card of `kind` is of: an evaluation has one of its reward model and one of its policy."""
    subject = (run.reward if kind == "reward" else run.base) or run.produced
    return subject.name if subject else "–"


def _cards(run: Run) -> dict[str, list[Panel]]:
    report = stored(run)
    names = aspect_names(run.project) if report.reward and report.reward.aspects else {}
    found = {"reward": reward_panels(report.reward, names)} if report.reward else {}
    found |= {"policy": policy_panels(report.policy)} if report.policy else {}
    # What was not measured comes last, so that pictures stand together.
    return {kind: sorted(panels, key=lambda panel: bool(panel.missing)) for kind, panels in found.items()}


def _aligned(panels: list[Panel], others: list[Panel]) -> list[tuple[Panel | None, Panel | None]]:
    by_title = {panel.title: panel for panel in others}
    pairs: list[tuple[Panel | None, Panel | None]] = [(panel, by_title.pop(panel.title, None)) for panel in panels]
    return pairs + list(zip_longest([], by_title.values()))


def _again(request: ProjectRequest, measured: Run | None, version: ModelVersion | None) -> str:
    """The form of an evaluation, filled in as far as is known."""
    chosen: dict[str, Any] = {}
    if measured is not None and measured.method == "evaluate":
        chosen = {"base": measured.base_id, "reference": measured.reference_id, "reward": measured.reward_id}
    elif subject := version or (measured.produced if measured else None):
        if selectors.subject_of(subject) == "reward":
            chosen = {"reward": subject.pk}
        else:
            chosen = {"base": subject.pk, "reference": subject.parent_id}
    query = urlencode({role: key for role, key in chosen.items() if key})
    return f"{reverse('training_bridge:run_new', args=[request.project.slug, 'evaluate'])}?{query}"
