"""Report cards over HTTP, for admins and researchers."""

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters
from common.errors import Conflict
from projects.access import RESEARCH, ProjectAPIView
from training_bridge import selectors
from training_bridge.models import Run
from training_bridge.selectors.cards import one_with_card, runs_with_card, stored
from training_bridge.serializers import ObjectField


class ReportOut(serializers.Serializer[Any]):
    """What a run measured: the cards of a reward model and of a policy, null where it measured none of that kind.

    Every share and mean brings its interval; docs/how-to/read-a-report-card.md says what each figure means.
    """

    run = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the stored card")
    reward = ObjectField(allow_null=True)
    policy = ObjectField(allow_null=True)


def _answer(run: Run | None) -> Response:
    """Raises Conflict where nothing was measured, or the card is not what was stored."""
    if run is None:
        raise Conflict(_("Nothing has measured this model yet: evaluate it."), code="no-card")
    found = stored(run).model_dump(mode="json", include={"reward", "policy"})
    return Response(ReportOut({"run": run.pk, "sha256": run.report_sha256, **found}).data)


class RunReportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="runs_report", responses=ReportOut)
    def get(self, request: Request, slug: str, run_id: int) -> Response:
        """The report card of a run. 409 where it measured nothing."""
        known_parameters(request, set())
        return _answer(selectors.run_of(self.project, run_id))


class ModelReportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="models_report",
        parameters=[OpenApiParameter("run", int, description="By this run, not by the newest that measured it")],
        responses=ReportOut,
    )
    def get(self, request: Request, slug: str, model_id: int) -> Response:
        """The report card of a model version, by the newest run that measured it. 409 where none has."""
        known_parameters(request, {"run"})
        version = selectors.model_of(self.project, model_id)
        asked = request.query_params.get("run")
        if asked is not None:
            return _answer(one_with_card(version, asked))
        return _answer(next(iter(runs_with_card(version)), None))
