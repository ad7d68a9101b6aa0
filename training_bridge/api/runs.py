"""Methods and runs over HTTP, for admins and researchers."""

from typing import ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import chosen, known_parameters, paged, validated
from common.bells import ring
from common.errors import Invalid, NotFound
from corpus.models import ModelVersion
from projects.access import RESEARCH, ProjectAPIView
from training_bridge import selectors, services, tasks
from training_bridge import serializers as forms
from training_bridge.models import Run, Snapshot


class MethodsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="methods_list", responses=forms.MethodOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What can be run, what each method needs, and its settings."""
        known_parameters(request, set())
        return Response(forms.MethodOut(selectors.methods(), many=True).data)  # type: ignore[arg-type]  # many


class RunsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": RESEARCH}

    @extend_schema(
        operation_id="runs_list",
        parameters=[OpenApiParameter("state", str, enum=Run.State.values)],
        responses=forms.RunOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The runs, newest first."""
        known_parameters(request, {"state"})
        state = chosen(request, "state", Run.State.values)
        rows = selectors.runs_of(self.project)
        return paged(self, rows.filter(state=state) if state else rows, forms.RunOut)

    @extend_schema(operation_id="runs_start", request=forms.RunIn, responses={202: forms.RunOut})
    def post(self, request: Request, slug: str) -> Response:
        """Starts a run. While one with the very same specification is active, that one is the answer."""
        values = validated(forms.RunIn(data=request.data))
        made = services.start_run(
            project=self.project,
            method=values["method"],
            snapshot=self._snapshot(values.get("snapshot")),
            base=self._model("base", values.get("base")),
            reference=self._model("reference", values.get("reference")),
            reward=self._model("reward", values.get("reward")),
            config=values["config"],
            seed=values["seed"],
            inputs={key: values[key] for key in ("round", "pairs") if key in values},
            user=self.membership.user,
        )
        ring(tasks.run, made.pk)
        return Response(forms.RunOut(made).data, status=202)

    def _snapshot(self, number: int | None) -> Snapshot | None:
        try:
            return selectors.snapshot_of(self.project, number) if number else None
        except NotFound as fault:
            raise Invalid(_("No such snapshot."), fields={"snapshot": [_("There is no such snapshot.")]}) from fault

    def _model(self, role: str, model_id: int | None) -> ModelVersion | None:
        try:
            return selectors.model_of(self.project, model_id) if model_id else None
        except NotFound as fault:
            raise Invalid(_("No such model."), fields={role: [_("There is no such model.")]}) from fault


class RunView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="runs_retrieve", responses=forms.RunOut)
    def get(self, request: Request, slug: str, run_id: int) -> Response:
        """One run: its state, how far it is, what it made."""
        known_parameters(request, set())
        return Response(forms.RunOut(selectors.run_of(self.project, run_id), context={"alone": True}).data)


class RunMetricsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="runs_metrics", responses=forms.MetricOut(many=True))
    def get(self, request: Request, slug: str, run_id: int) -> Response:
        """What a run measured, by step."""
        known_parameters(request, set())
        return paged(self, selectors.run_of(self.project, run_id).metrics.order_by("step"), forms.MetricOut)


class RunLogView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="runs_log", responses=forms.LogOut(many=True))
    def get(self, request: Request, slug: str, run_id: int) -> Response:
        """A run's log, from its beginning."""
        known_parameters(request, set())
        return paged(self, selectors.run_of(self.project, run_id).log_lines.order_by("pk"), forms.LogOut)


class RunCancelView(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="runs_cancel", request=None, responses={202: forms.RunOut})
    def post(self, request: Request, slug: str, run_id: int) -> Response:
        """Asks a run to stop: it ends after its step, with a checkpoint. 409 where it has ended already."""
        stopped = services.cancel_run(run=selectors.run_of(self.project, run_id), user=self.membership.user)
        return Response(forms.RunOut(stopped).data, status=202)


class RunRetryView(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="runs_retry", request=None, responses={202: forms.RunOut})
    def post(self, request: Request, slug: str, run_id: int) -> Response:
        """Continues a run that failed, was cancelled or got lost, from its last checkpoint."""
        again = services.retry_run(run=selectors.run_of(self.project, run_id), user=self.membership.user)
        ring(tasks.run, again.pk)
        return Response(forms.RunOut(again).data, status=202)
