"""Plans, budget, ledger and outlook over HTTP: researchers read, admins change."""

from typing import ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters, paged, validated
from common.errors import Conflict, Invalid, NotFound
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import serializers as forms
from routing import tasks
from routing.models import Judge
from routing.selectors import desk as selectors
from routing.selectors.judges import judge_of
from routing.services.budgets import set_limits
from routing.services.forecasts import outlook
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
            return None if judge_id is None else judge_of(self.project, judge_id)
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
