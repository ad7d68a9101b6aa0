"""What the router has learnt, over HTTP."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from common.api import known_parameters, paged
from projects.access import ADMIN, RESEARCH, ProjectAPIView
from routing import tasks
from routing.models import PerformanceReport, RiskModel
from routing.selectors.learning import Learning, learning, weights_of
from routing.services import performance, risk


class WeightOut(serializers.Serializer[Any]):
    feature = serializers.CharField()
    weight = serializers.FloatField(help_text="Added to the logit of the risk by one standard deviation more")


class RiskModelOut(serializers.ModelSerializer[RiskModel]):
    weights = serializers.SerializerMethodField()

    class Meta:
        model = RiskModel
        fields = [
            *("number", "judge", "state", "why", "items", "auc", "auc_low", "auc_high", "weights"),
            *("created_at", "finished_at"),
        ]

    @extend_schema_field(WeightOut(many=True))
    def get_weights(self, model: RiskModel) -> list[dict[str, Any]]:
        return [{"feature": one.feature, "weight": one.weight} for one in weights_of(model)]


class WorthOut(serializers.Serializer[Any]):
    items = serializers.IntegerField(help_text="Answered by the judge and several people")
    gain = serializers.FloatField(help_text="How much likelier a single human label is to be right than the judge's")
    most = serializers.FloatField(help_text="What it gains at most, with 90 % confidence")
    price = serializers.FloatField()
    pays = serializers.BooleanField()


class LearningOut(serializers.Serializer[Learning]):
    judge = serializers.IntegerField(source="judge.pk", default=None, allow_null=True)
    doubly = serializers.IntegerField(help_text="Items that people and the judge have answered")
    needed = serializers.IntegerField()
    model = RiskModelOut(allow_null=True, help_text="In force; null: none, the judge's confidence stands in for it")
    worth = WorthOut(allow_null=True, help_text="null: too few items with several people's answers")
    stored = serializers.IntegerField(help_text="Items whose features are stored")
    items = serializers.IntegerField()
    similar = serializers.IntegerField(
        allow_null=True, help_text="Items whose similarities in meaning are stored; null: no encoder is set up"
    )
    fault = serializers.CharField(help_text="Why the encoder failed last")


class LearningView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH}

    @extend_schema(operation_id="routing_learning_retrieve", responses=LearningOut)
    def get(self, request: Request, slug: str) -> Response:
        """What the router has learnt about its judge, and whether human labels are worth buying."""
        known_parameters(request, set())
        return Response(LearningOut(learning(self.project)).data)


class RiskModelsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="risk_models_list", responses=RiskModelOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Every fitting of the risk that a judge disagrees with people, newest first."""
        known_parameters(request, set())
        return paged(self, self.project.risk_models.order_by("-number"), RiskModelOut)

    @extend_schema(operation_id="risk_models_create", request=None, responses={202: RiskModelOut})
    def post(self, request: Request, slug: str) -> Response:
        """Has a worker fit another model of the plan's judge. 409 while one is being fitted."""
        made = risk.begin(project=self.project, by=self.membership.user)
        tasks.ring_fitting(made.pk)
        return Response(RiskModelOut(made).data, status=202)


class PerformanceReportOut(serializers.ModelSerializer[PerformanceReport]):
    result = serializers.DictField(
        help_text="Qualities are shares of people's preferences that a reward model trained on the mix agrees with"
    )

    class Meta:
        model = PerformanceReport
        fields = ["id", "judge", "state", "why", "result", "created_at", "finished_at"]


class PerformanceReportsView(ProjectAPIView):
    roles: ClassVar = {"GET": RESEARCH, "POST": ADMIN}

    @extend_schema(operation_id="performance_reports_list", responses=PerformanceReportOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """What only people, only the judge, and mixes of both would have given, newest first."""
        known_parameters(request, set())
        return paged(self, self.project.performance_reports.order_by("-pk"), PerformanceReportOut)

    @extend_schema(operation_id="performance_reports_create", request=None, responses={202: PerformanceReportOut})
    def post(self, request: Request, slug: str) -> Response:
        """Has a worker compute a report on the plan's judge. 409 while one is being computed."""
        made = performance.begin(project=self.project, by=self.membership.user)
        tasks.ring_performance(made.pk)
        return Response(PerformanceReportOut(made).data, status=202)
