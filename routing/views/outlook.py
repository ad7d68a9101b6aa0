"""One slider on the desk: what share of the items people judge, and what agreement to expect of it."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.charts import Series, percent
from common.errors import DomainError
from common.text import natural
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from projects.models import Project
from routing import tasks
from routing.forecast import LEAST
from routing.services.forecasts import Outlook, outlook
from routing.services.plans import set_share

LEAST_SHARE, STEP = 5, 5
"""Of the slider, in per cent."""
USUAL = 0.25


def shown(project: Project, asked: str | None) -> dict[str, Any]:
    """What the desk's part draws. `asked`: the share in per cent that somebody looks at; None: the plan's."""
    found = outlook(project)
    if found is None or found.curve is None:
        return {"outlook": found, "least": LEAST}
    share = _read(asked or "") or found.share or USUAL
    point = found.curve.at(share)
    labels = round(found.labels * share)
    money = found.money * Decimal(labels) / found.labels if found.labels else Decimal(0)
    return {
        "outlook": found,
        "series": _series(found),
        "share": round(100 * share),
        "least_share": LEAST_SHARE,
        "step": STEP,
        "point": point,
        "figures": [percent(value) for value in (point.agreement, point.low, point.high, point.at_random)],
        "labels": labels,
        "cost": money + found.calls,
        "rows": [
            [percent(one.share), *(percent(v, 1) for v in (one.agreement, one.low, one.high, one.at_random))]
            for one in found.curve.points
        ],
        "ceiling": None if found.curve.ceiling is None else percent(found.curve.ceiling),
    }


def _read(asked: str) -> float | None:
    """A share in per cent, as the slider sends it."""
    share = natural(asked, 3)
    return None if share is None else min(100, max(LEAST_SHARE, share)) / 100


def _series(found: Outlook) -> list[Series]:
    assert found.curve is not None
    points = found.curve.points
    ranked = [(100 * one.share, 100 * one.agreement) for one in points]
    band = [(100 * one.share, 100 * one.low, 100 * one.high) for one in points]
    chance = [(100 * one.share, 100 * one.at_random) for one in points]
    return [Series(_("the riskiest to people"), ranked, band), Series(_("people at random"), chance)]


@require_safe
@project_view(RESEARCH)
def look(request: ProjectRequest) -> HttpResponse:
    """The part of the desk that moves with the slider; a browser without scripts gets the desk."""
    asked = request.GET.get("share")
    if not getattr(request, "htmx", False):
        desk = reverse("routing:desk", args=[request.project.slug])
        return redirect(f"{desk}?{urlencode({'share': asked})}#outlook" if asked else desk)
    return render(request, "routing/outlook_figures.html", shown(request.project, asked))


@require_POST
@project_view(ADMIN)
def choose(request: ProjectRequest) -> HttpResponse:
    """Puts a plan in force that sends this share of the items to people, the riskiest first."""
    share = request.POST.get("share", "")
    try:
        made = set_share(project=request.project, share=_read(share) or 0, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        tasks.ring_project(request.project.pk)
        messages.success(request, _("Plan %(number)s is in force.") % {"number": made.number})
    return redirect("routing:desk", request.project.slug)
