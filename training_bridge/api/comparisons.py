"""Runs side by side over HTTP, for admins and researchers."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters
from projects.access import RESEARCH, ProjectAPIView
from training_bridge.selectors import comparisons
from training_bridge.selectors.comparisons import Comparison, Row
from training_bridge.serializers import RunOut


class RowOut(serializers.Serializer[Row]):
    """One line of a table with a cell for each run, null where a run has no such thing."""

    name = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField(allow_null=True), source="cells")
    differs = serializers.BooleanField()


class FigureOut(serializers.Serializer[Any]):
    """A final figure: [value, low, high] for each run, ends null where it has no interval; null for a run without."""

    key = serializers.CharField()
    name = serializers.CharField()
    values = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True), allow_null=True)
    )


class ComparisonOut(serializers.Serializer[Comparison]):
    """`runs` in the order asked for; all other lists are by run in that order.

    `curves`: by measure, each run's [step, value] points; of more than 1,000 measured steps the lowest and the highest
    of 199 stretches.
    """

    runs = RunOut(many=True)
    seconds = serializers.SerializerMethodField(help_text="How long each has worked since its last start")
    made_from = RowOut(many=True)
    settings = RowOut(many=True)
    figures = FigureOut(many=True)
    curves = serializers.DictField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
        )
    )

    def get_seconds(self, comparison: Comparison) -> list[float | None]:
        return [comparisons.seconds_of(run) for run in comparison.runs]


class RunsCompareView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}
    pagination_class: ClassVar = None

    @extend_schema(
        operation_id="runs_compare",
        parameters=[OpenApiParameter("run", int, many=True, description="Id of a run; up to six")],
        responses=ComparisonOut,
    )
    def get(self, request: Request, slug: str) -> Response:
        """Up to six runs side by side: what they were made from, their settings, curves and final figures."""
        known_parameters(request, {"run"})
        runs = comparisons.named(self.project, request.query_params.getlist("run"))
        return Response(ComparisonOut(comparisons.compared(runs)).data)
