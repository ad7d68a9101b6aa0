"""Completion codes over the API: set up and looked up by an admin, asked for by a rater."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from annotation.selectors.completion import raters_done
from annotation.services.completion import Part, answered, part_of
from annotation.services.raters import known_rater
from common.api import StrictSerializer, known_parameters, paged, validated
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.models import Completion, Membership
from projects.services import completion as services


class CompletionIn(StrictSerializer, serializers.Serializer[Any]):
    """`target` null: the code is shown when nothing is left. `{code}` in `url` becomes the rater's code."""

    kind = serializers.ChoiceField(choices=Completion.Kind.choices)
    code = serializers.CharField(max_length=60, allow_blank=True, default="")
    target = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True, default=None)
    url = serializers.CharField(max_length=500, allow_blank=True, default="")


class CompletionOut(serializers.ModelSerializer[Completion]):
    class Meta:
        model = Completion
        fields = ["kind", "code", "target", "url"]


class PartOut(serializers.Serializer[Any]):
    """How far the caller is. `code` is empty until they have done their part."""

    answered = serializers.IntegerField()
    target = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    url = serializers.CharField()


class RaterDoneOut(serializers.ModelSerializer[Membership]):
    """`participant`: what the platform calls them. For the admin who pays them; it is in no export."""

    member = serializers.IntegerField(source="pk")
    username = serializers.CharField(source="user.username")
    participant = serializers.CharField(source="participant.external_id", default="")
    answered = serializers.IntegerField()

    class Meta:
        model = Membership
        fields = ["member", "username", "participant", "completion_code", "completed_at", "answered"]


class CompletionView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN, "PUT": ADMIN, "DELETE": ADMIN}

    @extend_schema(operation_id="completion_retrieve", responses=CompletionOut)
    def get(self, request: ApiRequest, slug: str) -> Response:
        """What a rater is shown who has done their part; an empty `kind`: nothing."""
        known_parameters(request, set())
        found = Completion.objects.filter(project=self.project).first()
        return Response(CompletionOut(found or Completion(project=self.project, kind="")).data)

    @extend_schema(operation_id="completion_set", request=CompletionIn, responses=CompletionOut)
    def put(self, request: ApiRequest, slug: str) -> Response:
        """Sets up the code, when it is shown, and the way back."""
        values = validated(CompletionIn(data=request.data))
        return Response(CompletionOut(services.set_completion(project=self.project, actor=request.user, **values)).data)

    @extend_schema(operation_id="completion_remove", responses={204: None})
    def delete(self, request: ApiRequest, slug: str) -> Response:
        """Nobody is shown a code any more."""
        services.remove_completion(project=self.project, actor=request.user)
        return Response(status=204)


class PartView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    annotating = True

    @extend_schema(operation_id="completion_mine", responses=PartOut)
    def get(self, request: ApiRequest, slug: str) -> Response:
        """How far the caller is, and their code once they have done their part, where the project shows one."""
        known_parameters(request, set())
        rater = known_rater(project=self.project, user=request.user)
        part = part_of(member=self.membership, rater=rater) or Part(answered(rater) if rater else 0, None, None)
        shown = {"code": part.done.code, "url": part.done.url} if part.done else {"code": "", "url": ""}
        return Response(PartOut({"answered": part.answered, "target": part.target} | shown).data)


class RatersDoneView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN}

    @extend_schema(
        operation_id="completion_raters",
        parameters=[OpenApiParameter("code", str, description="Only whose code it is")],
        responses=RaterDoneOut(many=True),
    )
    def get(self, request: ApiRequest, slug: str) -> Response:
        """Who was shown a code, the latest first."""
        known_parameters(request, {"code"})
        code = request.query_params.get("code", "")[:60]
        return paged(self, raters_done(self.project, code=code), RaterDoneOut)
