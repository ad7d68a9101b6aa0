"""Snapshots over HTTP, for admins and researchers."""

from typing import ClassVar

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters, paged, validated
from common.bells import ring
from common.http import download
from projects.access import RESEARCH, ProjectAPIView
from training_bridge import selectors, services, tasks
from training_bridge import serializers as forms


class SnapshotsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": RESEARCH}

    @extend_schema(operation_id="snapshots_list", responses=forms.SnapshotOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The snapshots, newest first."""
        known_parameters(request, set())
        return paged(self, selectors.snapshots_of(self.project), forms.SnapshotOut)

    @extend_schema(operation_id="snapshots_create", request=forms.SnapshotIn, responses={202: forms.SnapshotOut})
    def post(self, request: Request, slug: str) -> Response:
        """Asks for a snapshot. It is built in the background: ask again until its state is ready or failed."""
        values = validated(forms.SnapshotIn(data=request.data))
        made = services.request_snapshot(project=self.project, user=self.membership.user, **values)
        ring(tasks.build_snapshot, made.pk)
        return Response(forms.SnapshotOut(made).data, status=202)


class SnapshotView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="snapshots_retrieve", responses=forms.SnapshotOut)
    def get(self, request: Request, slug: str, snapshot_number: int) -> Response:
        """One snapshot."""
        known_parameters(request, set())
        return Response(forms.SnapshotOut(selectors.snapshot_of(self.project, snapshot_number)).data)


class SnapshotRetryView(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="snapshots_retry", request=None, responses={202: forms.SnapshotOut})
    def post(self, request: Request, slug: str, snapshot_number: int) -> Response:
        """Builds a failed snapshot again."""
        found = selectors.snapshot_of(self.project, snapshot_number)
        services.retry_snapshot(snapshot=found, user=self.membership.user)
        ring(tasks.build_snapshot, found.pk)
        return Response(forms.SnapshotOut(found).data, status=202)


class SnapshotRatersView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="snapshots_raters", responses=forms.ReliabilityOut(many=True))
    def get(self, request: Request, slug: str, snapshot_number: int) -> Response:
        """Who voted on a ready snapshot's labels, by pseudonym, and how reliable they are."""
        known_parameters(request, set())
        found = selectors.reliability_of(selectors.snapshot_of(self.project, snapshot_number))
        return paged(self, found.raters, forms.ReliabilityOut)  # type: ignore[arg-type]  # a list pages like a query


class SnapshotStrengthsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="snapshots_strengths", responses=forms.StrengthOut(many=True))
    def get(self, request: Request, slug: str, snapshot_number: int) -> Response:
        """How strong each model is, the strongest first; empty unless the soft labels compare models."""
        known_parameters(request, set())
        found = selectors.reliability_of(selectors.snapshot_of(self.project, snapshot_number))
        return paged(self, found.strengths, forms.StrengthOut)  # type: ignore[arg-type]  # a list pages like a query


class DerivationsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}
    pagination_class: ClassVar = None

    @extend_schema(operation_id="derivations_list", responses=forms.DerivationOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What soft labels a snapshot can have, and the settings of each."""
        known_parameters(request, set())
        return Response(forms.DerivationOut(selectors.derivations(), many=True).data)  # type: ignore[arg-type]  # many


class SnapshotFileView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="snapshots_file",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, slug: str, snapshot_number: int, exporter: str, filename: str) -> HttpResponseBase:
        """One file of a snapshot in one export format, hashed again before it is sent (409 where it has changed)."""
        known_parameters(request, set())
        found = selectors.snapshot_of(self.project, snapshot_number)
        return download(selectors.export(found, exporter, filename), f"snapshot-{snapshot_number}-{filename}")
