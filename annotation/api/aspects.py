"""The rubric over the API."""

from typing import Any, ClassVar

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from annotation.services import aspects as services
from common.api import StrictSerializer, known_parameters, paged, validated
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.models import Aspect


class AspectOut(serializers.ModelSerializer[Aspect]):
    class Meta:
        model = Aspect
        fields = ["id", "key", "name", "description", "ordinal"]


class AspectIn(StrictSerializer, serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    key = serializers.CharField(max_length=40, allow_blank=True, default="")
    description = serializers.CharField(max_length=2000, allow_blank=True, default="")


class AspectChange(StrictSerializer, serializers.Serializer[Any]):
    """`ordinal`: its place, counted from 0. The key stays, for answers name it."""

    name = serializers.CharField(max_length=80, required=False)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    ordinal = serializers.IntegerField(min_value=0, max_value=1000, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(gettext("Nothing to change was given."))
        return data


class FormNumberOut(serializers.Serializer[Any]):
    number = serializers.IntegerField()


class AspectsView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "POST": ADMIN}

    @extend_schema(operation_id="aspects_list", responses=AspectOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """The lines of the rubric in their order."""
        known_parameters(request, set())
        return paged(self, self.project.aspects.all(), AspectOut)

    @extend_schema(operation_id="aspects_create", request=AspectIn, responses={201: AspectOut})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """One more line at the end."""
        values = validated(AspectIn(data=request.data))
        made = services.add_aspect(project=self.project, actor=request.user, **values)
        return Response(AspectOut(made).data, status=201)


class AspectView(ProjectAPIView):
    roles: ClassVar = {"PATCH": ADMIN, "DELETE": ADMIN}

    @extend_schema(operation_id="aspects_change", request=AspectChange, responses=AspectOut)
    def patch(self, request: ApiRequest, slug: str, aspect_id: int) -> Response:
        """Another wording or place."""
        services.find_aspect(project=self.project, aspect_id=aspect_id)  # asked before the body is looked at
        values = validated(AspectChange(data=request.data))
        ordinal = values.pop("ordinal", None)
        if values:
            services.change_aspect(project=self.project, aspect_id=aspect_id, actor=request.user, **values)
        if ordinal is not None:
            services.move_aspect(project=self.project, aspect_id=aspect_id, place=ordinal)
        return Response(AspectOut(services.find_aspect(project=self.project, aspect_id=aspect_id)).data)

    @extend_schema(operation_id="aspects_remove", responses={204: None})
    def delete(self, request: ApiRequest, slug: str, aspect_id: int) -> Response:
        """Takes a line out; 409 where the form in force asks about it."""
        services.remove_aspect(project=self.project, aspect_id=aspect_id, actor=request.user)
        return Response(status=204)


class AspectsIntoFormView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="aspects_into_form", request=None, responses={201: FormNumberOut})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """A new version of the form that asks about the rubric as it is now."""
        made = services.bring_into_form(project=self.project, actor=request.user)
        return Response(FormNumberOut({"number": made.number}).data, status=201)
