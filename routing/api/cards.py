"""A judge's calibration cards and planted cases over HTTP: researchers read, admins ask for them."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters, paged
from common.errors import NotFound
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import serializers as forms
from routing import tasks
from routing.models import Card, Probe, ProbeRun
from routing.selectors.judges import judge_of
from routing.services import cards, probes


class CardOut(serializers.ModelSerializer[Card]):
    result = serializers.DictField(help_text="`habits` of all calls, and per field of the form what people make of it")

    class Meta:
        model = Card
        fields = ["id", "state", "attempt", "done", "total", "result", "error", "created_at", "finished_at"]


class ProbeRunOut(serializers.ModelSerializer[ProbeRun]):
    passed = serializers.BooleanField()
    bound = serializers.SerializerMethodField(help_text="With 95 % confidence no more of such cases flip than this")

    class Meta:
        model = ProbeRun
        fields = [
            *("id", "state", "attempt", "limit", "judged", "flipped", "passed", "bound"),
            *("error", "created_at", "finished_at"),
        ]

    def get_bound(self, run: ProbeRun) -> float:
        return probes.bound(run)


class ProbeOut(serializers.ModelSerializer[Probe]):
    item = serializers.CharField(source="item.external_id")
    response = serializers.CharField(source="response.external_id", default=None, allow_null=True)
    answer = serializers.DictField(help_text="`without` and `with` the attack: value, readings, error")

    class Meta:
        model = Probe
        fields = ["id", "item", "attack", "response", "text", "outcome", "answer", "cost", "asked_at"]


class CardsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="cards_list", responses=CardOut(many=True))
    def get(self, request: Request, slug: str, judge_id: int) -> Response:
        """The judge's calibration cards, newest first."""
        known_parameters(request, set())
        return paged(self, judge_of(self.project, judge_id).cards.all(), CardOut)

    @extend_schema(operation_id="cards_create", request=None, responses={202: CardOut})
    def post(self, request: Request, slug: str, judge_id: int) -> Response:
        """Asks for a card; a worker computes it. 409 `card-under-way` while one is being computed."""
        judge = judge_of(self.project, judge_id)
        made = cards.request_card(judge=judge, by=self.membership.user)
        tasks.ring_card(made.pk)
        return Response(CardOut(made).data, status=202)


class CardRetryView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="cards_retry", request=None, responses={202: CardOut})
    def post(self, request: Request, slug: str, judge_id: int, card_id: int) -> Response:
        """Goes on with a card that failed."""
        found = judge_of(self.project, judge_id).cards.filter(pk=card_id).first()
        if found is None:
            raise NotFound
        tasks.ring_card(cards.retry_card(card=found).pk)
        return Response(CardOut(found).data, status=202)


class ProbeRunsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="planted_cases_list", responses=ProbeRunOut(many=True))
    def get(self, request: Request, slug: str, judge_id: int) -> Response:
        """The runs of planted cases, newest first."""
        known_parameters(request, set())
        return paged(self, judge_of(self.project, judge_id).probe_runs.all(), ProbeRunOut)

    @extend_schema(operation_id="planted_cases_create", request=None, responses={202: ProbeRunOut})
    def post(self, request: Request, slug: str, judge_id: int) -> Response:
        """Puts planted cases to the judge. 409 `probes-under-way`, `judge-not-persuadable`, `no-items`."""
        judge = judge_of(self.project, judge_id)
        made = probes.request_probes(judge=judge, by=self.membership.user)
        tasks.ring_probes(made.pk)
        return Response(ProbeRunOut(made).data, status=202)


class _OneRun(ProjectAPIView):
    def run_of(self, judge_id: int, probe_run_id: int) -> ProbeRun:
        found = judge_of(self.project, judge_id).probe_runs.filter(pk=probe_run_id).first()
        if found is None:
            raise NotFound
        return found


class ProbesView(_OneRun):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="planted_cases_cases", responses=ProbeOut(many=True))
    def get(self, request: Request, slug: str, judge_id: int, probe_run_id: int) -> Response:
        """The cases of one run, with what the judge said."""
        known_parameters(request, set())
        rows = self.run_of(judge_id, probe_run_id).probes.select_related("item", "response").order_by("pk")
        return paged(self, rows, ProbeOut)


class ProbeRunRetryView(_OneRun):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="planted_cases_retry", request=None, responses={202: ProbeRunOut})
    def post(self, request: Request, slug: str, judge_id: int, probe_run_id: int) -> Response:
        """Goes on with a run that failed."""
        found = probes.retry_probes(run=self.run_of(judge_id, probe_run_id))
        tasks.ring_probes(found.pk)
        return Response(ProbeRunOut(found).data, status=202)


class LiftView(ProjectAPIView):
    roles: ClassVar = {"POST": ADMIN}

    @extend_schema(operation_id="judges_lift", request=None, responses=forms.JudgeOut)
    def post(self, request: Request, slug: str, judge_id: int) -> Response:
        """Lifts the suspension. 409 `probes-not-passed` unless planted cases have been passed since."""
        found = judge_of(self.project, judge_id)
        user: Any = self.membership.user
        return Response(forms.JudgeOut(probes.lift(judge=found, by=user)).data)
