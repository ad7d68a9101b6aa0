"""Consent and survey over the API: what is asked, and one's own part in it."""

from typing import Any, ClassVar

from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.authentication import ApiRequest
from common.api import StrictSerializer, known_parameters, validated
from common.errors import NotFound
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectAPIView
from projects.models import Membership
from projects.services import surveys


class WelcomeOut(serializers.Serializer[Any]):
    """`consent_due`, `survey_due`: whether the caller must do it before their next item."""

    consent_number = serializers.IntegerField(allow_null=True)
    consent_text = serializers.CharField()
    consent_due = serializers.BooleanField()
    survey_number = serializers.IntegerField(allow_null=True)
    questions = serializers.ListField(child=serializers.DictField())
    survey_due = serializers.BooleanField()
    told = serializers.DictField(help_text="What the caller has told; nobody else reads it here")


class WelcomeIn(StrictSerializer, serializers.Serializer[Any]):
    """Either may be left out; an empty one asks nobody."""

    consent_text = serializers.CharField(
        max_length=surveys.MAX_CHARACTERS, allow_blank=True, trim_whitespace=False, required=False
    )
    questions = serializers.JSONField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not data:
            raise serializers.ValidationError(gettext("Nothing to change was given."))
        return data


class AgreementIn(StrictSerializer, serializers.Serializer[Any]):
    consent_number = serializers.IntegerField(min_value=1)


class WithdrawalIn(StrictSerializer, serializers.Serializer[Any]):
    forget_answers = serializers.BooleanField(default=False)


class SurveyAnswersIn(StrictSerializer, serializers.Serializer[Any]):
    """`values`: {question: answer}; what is left out or null is kept as not said."""

    survey_number = serializers.IntegerField(min_value=1)
    values = serializers.JSONField()


def _seen(member: Membership) -> dict[str, Any]:
    project = member.project
    consent, survey = selectors.consent_in_force(project), selectors.survey_in_force(project)
    return {
        "consent_number": project.consent_number,
        "consent_text": consent.text if consent else "",
        "consent_due": member.consent_due,
        "survey_number": project.survey_number,
        "questions": survey.questions if survey else [],
        "survey_due": member.survey_due,
        "told": selectors.told(member),
    }


class WelcomeView(ProjectAPIView):
    roles: ClassVar = {"GET": EVERYONE}
    annotating = True

    @extend_schema(operation_id="welcome_retrieve", responses=WelcomeOut)
    def get(self, request: ApiRequest, slug: str) -> Response:
        """What is asked before the first item, and what of it the caller still has to do."""
        known_parameters(request, set())
        return Response(WelcomeOut(_seen(self.membership)).data)


class AskView(ProjectAPIView):
    roles: ClassVar = {"PATCH": ADMIN}

    @extend_schema(operation_id="welcome_change", request=WelcomeIn, responses=WelcomeOut)
    def patch(self, request: ApiRequest, slug: str) -> Response:
        """Another consent, which everybody is asked anew, or another survey."""
        values = validated(WelcomeIn(data=request.data))
        if "questions" in values:
            surveys.set_survey(project=self.project, questions=values["questions"], actor=request.user)
        if "consent_text" in values:
            surveys.set_consent(project=self.project, text=values["consent_text"], actor=request.user)
        return Response(WelcomeOut(_seen(self.membership)).data)


class AgreementView(ProjectAPIView):
    roles: ClassVar = {"POST": EVERYONE, "DELETE": EVERYONE}
    annotating = True

    @extend_schema(operation_id="consent_agree", request=AgreementIn, responses=WelcomeOut)
    def post(self, request: ApiRequest, slug: str) -> Response:
        """Agrees to the consent in force; 409 where that is another one by now."""
        number = validated(AgreementIn(data=request.data))["consent_number"]
        surveys.agree(member=self.membership, number=number)
        return Response(WelcomeOut(_seen(_fresh(self.membership))).data)

    @extend_schema(operation_id="consent_withdraw", request=WithdrawalIn, responses={204: None})
    def delete(self, request: ApiRequest, slug: str) -> Response:
        """Agrees no longer: the caller is given nothing until they do. `forget_answers` deletes what they told."""
        values = validated(WithdrawalIn(data=request.data or {}))
        surveys.withdraw(member=self.membership, **values)
        return Response(status=204)


class SurveyAnswersView(ProjectAPIView):
    roles: ClassVar = {"POST": EVERYONE, "DELETE": EVERYONE}
    annotating = True

    @extend_schema(operation_id="survey_answer", request=SurveyAnswersIn, responses=WelcomeOut)
    def post(self, request: ApiRequest, slug: str) -> Response:
        """Tells something about the caller, kept apart from what they judge. Told again, the newest counts."""
        values = validated(SurveyAnswersIn(data=request.data))
        if self.project.survey_number is None:
            raise NotFound
        surveys.answer(member=self.membership, number=values["survey_number"], values=values["values"])
        return Response(WelcomeOut(_seen(_fresh(self.membership))).data)

    @extend_schema(operation_id="survey_forget", request=None, responses={204: None})
    def delete(self, request: ApiRequest, slug: str) -> Response:
        """Deletes what the caller has told about themselves."""
        surveys.forget(member=self.membership)
        return Response(status=204)


def _fresh(member: Membership) -> Membership:
    return Membership.objects.select_related("project").get(pk=member.pk)
