"""The router's words on items over HTTP."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import chosen, known_parameters, paged
from common.http import NDJSON, json_lines
from projects.access import RESEARCH, ProjectAPIView
from routing import serializers as forms
from routing.export import routed_lines
from routing.models import Decision
from routing.selectors import decisions as selectors


class DecisionsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="decisions_list",
        parameters=[
            OpenApiParameter("route", str, enum=Decision.Route.values),
            OpenApiParameter("item", str, description="An item's external id"),
        ],
        responses=forms.DecisionOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Every word of the router, newest first."""
        known_parameters(request, {"route", "item"})
        route = chosen(request, "route", Decision.Route.values)
        item = request.query_params.get("item", "").replace("\x00", "\ufffd")
        return paged(self, selectors.decisions(self.project, route=route, item=item), forms.DecisionOut)


class DecisionsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="decisions_export", responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Every item that the router has seen as JSON lines: its words with their probabilities, what they bought, what
        judges and people answered (raters by pseudonym), and its labels."""
        known_parameters(request, set())
        return json_lines(routed_lines(project=self.project), f"{slug}-routing.jsonl")


class DecisionView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="decisions_retrieve", responses=forms.DecisionOut)
    def get(self, request: Request, slug: str, decision_id: int) -> Response:
        """One word of the router, and why."""
        known_parameters(request, set())
        return Response(forms.DecisionOut(selectors.decision_of(self.project, decision_id)).data)
