"""Plans, judges, budget, decisions and judge calls over HTTP: researchers read, admins change."""

from typing import ClassVar

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import chosen, known_parameters, paged, validated
from common.errors import Conflict, Invalid, NotFound
from common.http import NDJSON, json_lines
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import selectors, tasks
from routing import serializers as forms
from routing.export import routed_lines
from routing.models import Decision, Judge, JudgeCall
from routing.services.budgets import set_limits
from routing.services.forecasts import outlook
from routing.services.judges import ask_again, create_judge, retire_judge
from routing.services.plans import set_plan
from routing.services.tallies import figures


class PlansView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="routing_plans_list", responses=forms.PlanOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Every version of the plan, newest first: the first one is in force."""
        known_parameters(request, set())
        return paged(self, selectors.plans(self.project), forms.PlanOut)

    @extend_schema(operation_id="routing_plans_create", request=forms.PlanIn, responses={201: forms.PlanOut})
    def post(self, request: Request, slug: str) -> Response:
        """Puts a new plan in force; the same plan again changes nothing."""
        values = validated(forms.PlanIn(data=request.data))
        values["judge"] = self._judge(values["judge"])
        made = set_plan(project=self.project, created_by=self.membership.user, **values)
        tasks.ring_project(self.project.pk)
        return Response(forms.PlanOut(made).data, status=201)

    def _judge(self, judge_id: int | None) -> Judge | None:
        try:
            return None if judge_id is None else selectors.judge_of(self.project, judge_id)
        except (NotFound, OverflowError) as fault:
            raise Invalid(_("There is no such judge."), fields={"judge": [_("There is no such judge.")]}) from fault


class PlanView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="routing_plans_retrieve", responses=forms.PlanOut)
    def get(self, request: Request, slug: str, plan_number: int) -> Response:
        """One version of the plan."""
        known_parameters(request, set())
        return Response(forms.PlanOut(selectors.plan_of(self.project, plan_number)).data)


class BudgetView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "PUT": ADMIN}

    @extend_schema(operation_id="routing_budget_retrieve", responses=forms.BudgetOut)
    def get(self, request: Request, slug: str) -> Response:
        """Limits, what is allocated of them, and what has come in."""
        known_parameters(request, set())
        return Response(forms.BudgetOut(selectors.budget_view(self.project)).data)

    @extend_schema(operation_id="routing_budget_update", request=forms.BudgetIn, responses=forms.BudgetOut)
    def put(self, request: Request, slug: str) -> Response:
        """Sets all limits; null, or left out: none. 422 below what is allocated already."""
        values = validated(forms.BudgetIn(data=request.data))
        limits = {name.removesuffix("_limit"): value for name, value in values.items()}
        set_limits(project=self.project, **limits)
        tasks.ring_project(self.project.pk)
        return Response(forms.BudgetOut(selectors.budget_view(self.project)).data)


class LedgerView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="routing_ledger_retrieve", responses=forms.LedgerOut)
    def get(self, request: Request, slug: str) -> Response:
        """What was asked for, by what it was for and what became of it, and what routing saves. Of a large project it
        is some minutes old, as `counted_at` says; 409 before it was counted first."""
        known_parameters(request, set())
        found = figures(self.project)
        if found is None:
            raise Conflict(_("This project is large: its figures are being counted."), code="counting")
        return Response(forms.LedgerOut(vars(found.ledger) | {"counted_at": found.counted_at}).data)


class OutlookView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="routing_outlook_retrieve", responses=forms.OutlookOut)
    def get(self, request: Request, slug: str) -> Response:
        """What a budget buys: expected agreement with people by the share of items that they judge, with its interval.
        409 where the plan in force has no judge. A share is chosen by a new plan in mode `batch`."""
        known_parameters(request, set())
        found = outlook(self.project)
        if found is None:
            raise Conflict(_("There is no plan with a judge, so there is no share to choose."), code="judge-missing")
        curve = {"ceiling": found.curve and found.curve.ceiling, "points": found.curve.points if found.curve else []}
        return Response(forms.OutlookOut(vars(found) | curve).data)


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


class DecisionsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(
        operation_id="decisions_list",
        parameters=[
            OpenApiParameter("route", str, enum=Decision.Route.values),
            OpenApiParameter("item", str, description="An item's external id"),
        ],
        responses=forms.DecisionOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Every word of the router, newest first."""
        known_parameters(request, {"route", "item"})
        route = chosen(request, "route", Decision.Route.values)
        item = request.query_params.get("item", "").replace("\x00", "\ufffd")
        return paged(self, selectors.decisions(self.project, route=route, item=item), forms.DecisionOut)


class DecisionsExportView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="decisions_export", responses={(200, NDJSON): OpenApiTypes.STR})
    def get(self, request: Request, slug: str) -> StreamingHttpResponse:
        """Every item that the router has seen as JSON lines: its words with their probabilities, what they bought, what
        judges and people answered (raters by pseudonym), and its labels."""
        known_parameters(request, set())
        return json_lines(routed_lines(project=self.project), f"{slug}-routing.jsonl")


class DecisionView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="decisions_retrieve", responses=forms.DecisionOut)
    def get(self, request: Request, slug: str, decision_id: int) -> Response:
        """One word of the router, and why."""
        known_parameters(request, set())
        return Response(forms.DecisionOut(selectors.decision_of(self.project, decision_id)).data)


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
