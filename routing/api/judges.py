"""Judges and what they were asked over HTTP: researchers read, admins change."""

from typing import ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import chosen, known_parameters, paged, validated
from common.errors import Invalid
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import serializers as forms
from routing import tasks
from routing.models import JudgeCall
from routing.selectors import judges as selectors
from routing.services.judges import ask_again, create_judge, retire_judge


class JudgesView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="judges_list", responses=forms.JudgeOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The judges, those in use first."""
        known_parameters(request, set())
        return paged(self, selectors.judges(self.project), forms.JudgeOut)

    @extend_schema(operation_id="judges_create", request=forms.JudgeIn, responses={201: forms.JudgeOut})
    def post(self, request: Request, slug: str) -> Response:
        """Makes a judge. It is immutable: another configuration is another judge."""
        values = validated(forms.JudgeIn(data=request.data))
        made = create_judge(project=self.project, created_by=self.membership.user, **values)
        return Response(forms.JudgeOut(made).data, status=201)


class JudgeView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="judges_retrieve", responses=forms.JudgeDetail)
    def get(self, request: Request, slug: str, judge_id: int) -> Response:
        """One judge, its calls by state, and how often it agrees with people."""
        known_parameters(request, set())
        found = selectors.judge_of(self.project, judge_id)
        calls = selectors.calls_by_state(selectors.judge_calls(self.project, judge=found.pk))
        detail = {"judge": found, "calls": calls, "agreement": selectors.judge_agreement(found)}
        return Response(forms.JudgeDetail(detail).data)


class JudgeRetireView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="judges_retire", request=None, responses=forms.JudgeOut)
    def post(self, request: Request, slug: str, judge_id: int) -> Response:
        """No plan can name it any more; what it said stays. 409 where the plan in force names it."""
        found = selectors.judge_of(self.project, judge_id)
        return Response(forms.JudgeOut(retire_judge(judge=found, by=self.membership.user)).data)


class JudgeAgainView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="judges_ask_again", request=None, responses={202: forms.AskedAgain})
    def post(self, request: Request, slug: str, judge_id: int) -> Response:
        """Makes the judge's failed calls again, as far as the budget has room."""
        found = selectors.judge_of(self.project, judge_id)
        count = ask_again(judge=found)
        tasks.ring_judge(found.pk)
        return Response(forms.AskedAgain({"calls": count}).data, status=202)


class JudgeCallsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="judge_calls_list",
        parameters=[
            OpenApiParameter("state", str, enum=JudgeCall.State.values),
            OpenApiParameter("judge", int, description="A judge's id"),
        ],
        responses=forms.JudgeCallOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """What judges were asked and said, newest first."""
        known_parameters(request, {"state", "judge"})
        judge = request.query_params.get("judge")
        if judge is not None and not (judge.isascii() and judge.isdigit() and len(judge) < 19):
            raise Invalid(_("Unknown value."), fields={"judge": [_("A judge's id.")]})
        state = chosen(request, "state", JudgeCall.State.values)
        rows = selectors.judge_calls(self.project, judge=int(judge) if judge else None, state=state)
        return paged(self, rows, forms.JudgeCallOut)
