"""The guideline over the API."""

from typing import ClassVar

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from common.api import known_parameters, paged, validated
from common.errors import Invalid, NotFound
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.serializers import project as forms
from projects.services import guidelines


class GuidelinesView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE, "POST": ADMIN}

    @extend_schema(operation_id="guidelines_list", responses=forms.GuidelineOut(many=True))
    def get(self, request: ApiRequest, slug: str) -> Response:
        """Every version of the guideline, the newest first."""
        known_parameters(request, set())
        return paged(self, self.project.guidelines.all(), forms.GuidelineOut)

    @extend_schema(operation_id="guidelines_create", request=forms.GuidelineIn, responses={201: forms.GuidelineOut})
    def post(self, request: ApiRequest, slug: str) -> Response:
        """The next version. The same text as the newest one makes no new version."""
        text = validated(forms.GuidelineIn(data=request.data))["text"]
        made = guidelines.add_guideline(project=self.project, text=text, actor=request.user)
        return Response(forms.GuidelineOut(made).data, status=201)


class GuidelineChangesView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    annotating = True

    @extend_schema(
        operation_id="guidelines_changes",
        parameters=[OpenApiParameter("since", int, description="The version to compare with; the one before it")],
        responses=forms.GuidelineChangesOut,
    )
    def get(self, request: ApiRequest, slug: str, guideline_number: int) -> Response:
        """What changed, word by word: paragraphs of parts that are `same`, `gone` or `new`."""
        known_parameters(request, {"since"})
        shown = get_object_or_404(self.project.guidelines, number=guideline_number)
        since = request.query_params.get("since")
        if since is not None and not (since.isascii() and since.isdigit() and len(since) < 10):
            raise Invalid(fields={"since": [gettext("Must be the number of a version.")]})
        before = selectors.guideline_before(shown, None if since is None else int(since))
        if since is not None and before is None:
            raise NotFound
        found = selectors.guideline_changes(before, shown)
        answer = {"since": before.number if before else None, "number": shown.number, "changes": found}
        return Response(forms.GuidelineChangesOut(answer).data)


class GuidelineView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    annotating = True

    @extend_schema(operation_id="guidelines_retrieve", responses=forms.GuidelineOut)
    def get(self, request: ApiRequest, slug: str, guideline_number: int) -> Response:
        """One version of the guideline."""
        known_parameters(request, set())
        found = get_object_or_404(self.project.guidelines, number=guideline_number)
        return Response(forms.GuidelineOut(found).data)
