"""The survey's answers over the API, for an admin who asks for them."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from accounts.services import audit
from annotation.selectors.survey import survey_table
from common.api import chosen, known_parameters
from projects.access import ADMIN, ProjectAPIView
from projects.services.projects import subject


class SurveyTableOut(serializers.Serializer[Any]):
    """`rows`: {"rater": pseudonym, question: answer, "withheld" where too few gave it, or null where not said}."""

    questions = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.DictField())


class SurveyExportView(ProjectAPIView):
    roles: ClassVar = {"GET": ADMIN}
    pagination_class = None

    @extend_schema(
        operation_id="survey_export",
        parameters=[OpenApiParameter("texts", str, enum=["true", "false"], description="Free texts, too")],
        responses=SurveyTableOut,
    )
    def get(self, request: ApiRequest, slug: str) -> Response:
        """Answers by the raters' pseudonyms; 409 below five respondents. Answers of fewer than five are withheld."""
        known_parameters(request, {"texts"})
        texts = chosen(request, "texts", ("true", "false")) == "true"
        table = survey_table(self.project, texts=texts)
        audit(actor=request.user, kind="survey-exported", subject=subject(self.project), texts=texts)
        return Response(SurveyTableOut(table).data)
