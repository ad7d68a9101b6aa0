"""Sending to people what a judge has kept, over HTTP: researchers read, admins order, stop and take up."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import StrictSerializer, known_parameters, paged, validated
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import tasks
from routing.models import Escalation
from routing.selectors.escalations import escalation_of
from routing.services import escalations


class CriteriaIn(StrictSerializer):
    risk = serializers.FloatField(required=False, min_value=0, max_value=1, help_text="At least this risk")
    below = serializers.FloatField(
        required=False, min_value=0, max_value=1, help_text="Of a label with less confidence than this"
    )
    tag = serializers.CharField(required=False, max_length=200, help_text="Of the prompt: a key, or key=value")
    judge = serializers.IntegerField(required=False, help_text="Kept by this judge")
    second = serializers.IntegerField(required=False, help_text="This judge has answered otherwise")


class EscalationOut(serializers.ModelSerializer[Escalation]):
    criteria = serializers.DictField()

    class Meta:
        model = Escalation
        fields = ["id", "criteria", "state", "why", "items", "looked_at", "asked", "created_at", "finished_at"]


class EscalationsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="escalations_list", responses=EscalationOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What was sent to people after the fact, newest first, and how far it has come."""
        known_parameters(request, set())
        return paged(self, self.project.escalations.all(), EscalationOut)

    @extend_schema(operation_id="escalations_create", request=CriteriaIn, responses={202: EscalationOut})
    def post(self, request: Request, slug: str) -> Response:
        """Sends to people what a judge has kept and all criteria hold of, in the background. 409 `nothing-found`,
        `at-work` or `no-plan`."""
        given: dict[str, Any] = validated(CriteriaIn(data=request.data))
        made = escalations.order(project=self.project, criteria=given, by=self.membership.user)
        tasks.ring_escalation(made.pk)
        return Response(EscalationOut(made).data, status=202)


class EscalationView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="escalations_retrieve", responses=EscalationOut)
    def get(self, request: Request, slug: str, escalation_id: int) -> Response:
        """One of them."""
        known_parameters(request, set())
        return Response(EscalationOut(escalation_of(self.project, escalation_id)).data)


class EscalationStopView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="escalations_stop", request=None, responses=EscalationOut)
    def post(self, request: Request, slug: str, escalation_id: int) -> Response:
        """Nothing further is asked; what was asked stays. 409 `not-at-work`."""
        found = escalation_of(self.project, escalation_id)
        escalations.stop(escalation=found, by=self.membership.user)
        return Response(EscalationOut(escalation_of(self.project, escalation_id)).data)


class EscalationTakeUpView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="escalations_take_up", request=None, responses={202: EscalationOut})
    def post(self, request: Request, slug: str, escalation_id: int) -> Response:
        """Goes on where it was stopped or failed. 409 `not-halted` or `at-work`."""
        found = escalation_of(self.project, escalation_id)
        escalations.take_up(escalation=found, by=self.membership.user)
        tasks.ring_escalation(found.pk)
        return Response(EscalationOut(escalation_of(self.project, escalation_id)).data, status=202)
