"""Promises over HTTP: terms, certificates, readings, alarms. Researchers read, admins say what is wanted."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import StrictSerializer, chosen, known_parameters, paged, validated
from common.errors import Conflict
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import promise_words as words
from routing import tasks
from routing.models import Alarm, Certificate, PromiseCheck, Reading, Terms
from routing.selectors import promises as selectors
from routing.services import promises as services
from routing.services.alarms import close_alarm
from routing.services.certificates import terms_of


class TermsIn(StrictSerializer):
    alpha = serializers.FloatField(required=False, help_text="Disagreement allowed, in (0, 1)")
    delta = serializers.FloatField(required=False, help_text="Chance of a false promise, in (0, 0.5]")
    tag = serializers.CharField(required=False, allow_blank=True, max_length=80)
    days = serializers.IntegerField(required=False, min_value=0, max_value=3650)
    epsilon = serializers.FloatField(required=False, help_text="How far a judge may fall behind a person, in [0, 0.5]")
    suspend = serializers.BooleanField(required=False)


class TermsOut(serializers.ModelSerializer[Terms]):
    class Meta:
        model = Terms
        fields = ["alpha", "delta", "tag", "days", "epsilon", "suspend"]


class CertificateOut(serializers.ModelSerializer[Certificate]):
    judge = serializers.CharField(source="judge.name")
    form = serializers.IntegerField(source="form_version.number")
    guideline = serializers.IntegerField(source="guideline.number", default=None, allow_null=True)
    risk_model = serializers.IntegerField(source="risk_model.number", default=None, allow_null=True)
    statement = serializers.SerializerMethodField(help_text="What is promised, in words")

    class Meta:
        model = Certificate
        fields = [
            *("number", "judge", "form", "guideline", "risk_model", "tag", "alpha", "delta", "share", "threshold"),
            *("sample", "kept", "agreed", "bound", "statement", "created_at", "until", "ended_at", "ended_why"),
        ]

    def get_statement(self, row: Certificate) -> str:
        return words.statement(row)


@extend_schema_field(OpenApiTypes.OBJECT)
class DetailsField(serializers.JSONField):
    pass


class ReadingOut(serializers.ModelSerializer[Reading]):
    judge = serializers.CharField(source="judge.name")
    details = DetailsField()
    statement = serializers.SerializerMethodField(help_text="In words, where there are some")

    class Meta:
        model = Reading
        fields = [
            *("judge", "kind", "subject", "value", "low", "high", "labelled", "items", "limit"),
            *("details", "statement", "at"),
        ]

    def get_statement(self, row: Reading) -> str:
        said = {Reading.Kind.AUDIT: words.audit_statement, Reading.Kind.GATE: words.gate_statement}
        return said[Reading.Kind(row.kind)](row) if row.kind in said else ""


class AlarmOut(serializers.ModelSerializer[Alarm]):
    details = DetailsField()
    closed_by = serializers.CharField(source="closed_by.username", default=None, allow_null=True)
    todo = serializers.SerializerMethodField(help_text="What to do about it")

    class Meta:
        model = Alarm
        fields = ["id", "kind", "subject", "said", "todo", "details", "created_at", "closed_at", "closed_by"]

    def get_todo(self, row: Alarm) -> str:
        return str(words.WHAT_TO_DO[Alarm.Kind(row.kind)])


class CheckOut(serializers.ModelSerializer[PromiseCheck]):
    class Meta:
        model = PromiseCheck
        fields = ["state", "error", "finished_at"]


class SampledOut(serializers.Serializer[Any]):
    drawn = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Not answered by people yet")
    wanted = serializers.IntegerField()


class PromisesOut(serializers.Serializer[Any]):
    judge = serializers.CharField(source="judge.name", default=None, allow_null=True)
    terms = TermsOut()
    check = CheckOut(allow_null=True, help_text="The work of bringing all of this up to date")
    held = CertificateOut(many=True, help_text="What is promised now")
    alarms = AlarmOut(many=True, help_text="Open ones")
    calibration = SampledOut()
    audits_waiting = serializers.IntegerField(help_text="Audits that people have not answered yet")


class PromisesView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": RESEARCH}
    pagination_class = None

    @extend_schema(operation_id="promises_retrieve", responses=PromisesOut)
    def get(self, request: Request, slug: str) -> Response:
        """What is promised now, on which terms, and what is wrong."""
        known_parameters(request, set())
        return Response(PromisesOut(selectors.promises(self.project)).data)

    @extend_schema(operation_id="promises_check", request=None, responses={202: CheckOut})
    def post(self, request: Request, slug: str) -> Response:
        """Brings promises and figures up to date. 409 where the plan in force has no judge."""
        row = services.ask(project=self.project, by=self.membership.user)
        tasks.ring_promises(self.project.pk)
        return Response(CheckOut(row).data, status=202)


class TermsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "PATCH": ADMIN}
    pagination_class = None

    @extend_schema(operation_id="promise_terms_retrieve", responses=TermsOut)
    def get(self, request: Request, slug: str) -> Response:
        """What the project wants to be promised."""
        known_parameters(request, set())
        return Response(TermsOut(terms_of(self.project)).data)

    @extend_schema(operation_id="promise_terms_update", request=TermsIn, responses=TermsOut)
    def patch(self, request: Request, slug: str) -> Response:
        """Sets what is given. Certificates that promise less are not used any more."""
        values = validated(TermsIn(data=request.data))
        made = services.set_terms(project=self.project, by=self.membership.user, **values)
        try:
            services.ask(project=self.project)
        except Conflict:  # without a judge there is nothing to bring up to date
            return Response(TermsOut(made).data)
        tasks.ring_promises(self.project.pk)
        return Response(TermsOut(made).data)


class CertificatesView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="certificates_list", responses=CertificateOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """All that were ever made, refusals too, newest first."""
        known_parameters(request, set())
        return paged(self, selectors.certificates(self.project), CertificateOut)

    @extend_schema(operation_id="certificates_create", request=None, responses={202: CheckOut})
    def post(self, request: Request, slug: str) -> Response:
        """Asks for certificates of what the calibration sample has by now. Each making spends a part of delta."""
        row = services.ask(project=self.project, certify=True, by=self.membership.user)
        tasks.ring_promises(self.project.pk)
        return Response(CheckOut(row).data, status=202)


class ReadingsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="readings_list",
        parameters=[OpenApiParameter("kind", str, enum=Reading.Kind.values)],
        responses=ReadingOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """What audits, the gate and drift say, and what people would say of all items; with intervals."""
        known_parameters(request, {"kind"})
        kind = chosen(request, "kind", Reading.Kind.values)
        return paged(self, selectors.readings(self.project, kind), ReadingOut)


class AlarmsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="alarms_list", responses=AlarmOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Open and closed ones, newest first."""
        known_parameters(request, set())
        return paged(self, selectors.alarms(self.project), AlarmOut)


class AlarmCloseView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}
    pagination_class = None

    @extend_schema(operation_id="alarms_close", request=None, responses=AlarmOut)
    def post(self, request: Request, slug: str, alarm_id: int) -> Response:
        """Somebody has looked at it. Closing it again changes nothing."""
        found = selectors.alarm_of(self.project, alarm_id)
        return Response(AlarmOut(close_alarm(alarm=found, by=self.membership.user)).data)
