"""Runs side by side: for admins and researchers."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from projects.access import RESEARCH, ProjectRequest, project_view
from training_bridge import comparison_charts
from training_bridge.selectors import comparisons
from training_bridge.selectors.comparisons import Row


@require_safe
@project_view(RESEARCH)
def runs_compare(request: ProjectRequest) -> HttpResponse:
    """`?run=3&run=5`: up to six; `steps=all` draws every step. While one of them works, the page asks again."""
    asked = list(dict.fromkeys(request.GET.getlist("run")))
    runs = comparisons.named(request.project, asked[: comparisons.MOST_RUNS])
    found = comparisons.compared(runs)
    smooth = request.GET.get("steps") != "all"
    context = {
        "found": found,
        "too_many": len(asked) > comparisons.MOST_RUNS,
        "most": comparisons.MOST_RUNS,
        "heads": comparison_charts.heads(found),
        "overlays": comparison_charts.overlays(found, smooth=smooth),
        "smooth": smooth,
        "can_be_smoothed": comparison_charts.can_be_smoothed(found),
        "outcomes": comparison_charts.outcomes(found),
        "parts": [(_("Made from"), *_apart(found.made_from)), (_("Configuration"), *_apart(found.settings))],
        "others": comparisons.others(request.project, runs) if len(runs) < comparisons.MOST_RUNS else [],
    }
    template, live = "training_bridge/runs_compare.html", bool(getattr(request, "htmx", False))
    return render(request, f"{template}#state" if live else template, context | {"oob": live})


def _apart(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows that differ, and those that are equal."""
    return [row for row in rows if row.differs], [row for row in rows if not row.differs]
