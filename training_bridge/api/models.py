"""Model versions over HTTP, for admins and researchers."""

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import chosen, known_parameters, paged, validated
from common.bells import ring
from corpus.models import ModelVersion
from projects.access import RESEARCH, ProjectAPIView
from training_bridge import selectors, services, tasks
from training_bridge import serializers as forms


class ModelsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": RESEARCH}

    @extend_schema(
        operation_id="models_list",
        parameters=[OpenApiParameter("kind", str, enum=ModelVersion.Kind.values)],
        responses=forms.ModelOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """The model versions, newest first."""
        known_parameters(request, {"kind"})
        kind = chosen(request, "kind", ModelVersion.Kind.values)
        rows = selectors.models_of(self.project)
        return paged(self, rows.filter(kind=kind) if kind else rows, forms.ModelOut)

    @extend_schema(operation_id="models_register", request=forms.ModelIn, responses={201: forms.ModelOut})
    def post(self, request: Request, slug: str) -> Response:
        """Registers a hub model or a local folder."""
        values = validated(forms.ModelIn(data=request.data))
        made = services.register_model(project=self.project, user=self.membership.user, **values)
        ring(tasks.hash_model, made.pk)
        return Response(forms.ModelOut(made).data, status=201)


class ModelView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="models_retrieve", responses=forms.ModelOut)
    def get(self, request: Request, slug: str, model_id: int) -> Response:
        """One model version."""
        known_parameters(request, set())
        return Response(forms.ModelOut(selectors.model_of(self.project, model_id)).data)


class ModelHashRetryView(ProjectAPIView):
    roles: ClassVar = {"POST": RESEARCH}

    @extend_schema(operation_id="models_hash_retry", request=None, responses={202: forms.ModelOut})
    def post(self, request: Request, slug: str, model_id: int) -> Response:
        """Hashes a model again whose hashing failed."""
        services.retry_hashing(version=selectors.model_of(self.project, model_id), user=self.membership.user)
        ring(tasks.hash_model, model_id)
        return Response(forms.ModelOut(selectors.model_of(self.project, model_id)).data, status=202)
