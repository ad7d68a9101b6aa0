"""The router's words on items, and why."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.http import choice_of, json_lines, page_of
from projects.access import RESEARCH, ProjectRequest, project_view
from routing.explain import decision_view
from routing.export import routed_lines
from routing.models import Decision
from routing.selectors import decisions as selectors


@require_safe
@project_view(RESEARCH)
def decisions(request: ProjectRequest) -> HttpResponse:
    route = choice_of(request, "route", Decision.Route.values)
    found = selectors.decisions(request.project, route=route)
    context = {"page": page_of(request, found), "route": route, "routes": Decision.Route}
    return render(request, "routing/decisions.html", context)


@require_safe
@project_view(RESEARCH)
def decision(request: ProjectRequest, decision_id: int) -> HttpResponse:
    found = selectors.decision_of(request.project, decision_id)
    return render(request, "routing/decision.html", {"view": decision_view(found)})


@require_safe
@project_view(RESEARCH)  # type: ignore[arg-type]  # a streamed response is no HttpResponse by its class
def decisions_export(request: ProjectRequest) -> HttpResponseBase:
    """Every item that the router has seen: its words, what they bought, what was answered, as JSON lines."""
    return json_lines(routed_lines(project=request.project), f"{request.project.slug}-routing.jsonl")
