"""What the API takes and gives about routing."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from common.api import StrictSerializer
from routing.judges import JUDGES
from routing.models import Budget, Decision, Judge, JudgeCall, RoutingPlan
from routing.policies import POLICIES
from routing.selectors.judges import Agreement


class Limited(serializers.IntegerField):
    """Of the database's own range."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=2**31 - 1, **kwargs)


class PlanIn(StrictSerializer):
    policy = serializers.ChoiceField(choices=sorted(POLICIES))
    config = serializers.DictField(required=False, default=dict)
    judge = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="A judge's id")
    sampling = serializers.DictField(
        required=False, allow_null=True, default=None, help_text="What is drawn at random; null: as the policy has it"
    )


class PlanOut(serializers.ModelSerializer[RoutingPlan]):
    config = serializers.DictField()
    sampling = serializers.DictField()

    class Meta:
        model = RoutingPlan
        fields = ["number", "policy", "config", "sampling", "judge", "created_at"]


class BudgetIn(StrictSerializer):
    labels_limit = Limited(allow_null=True)
    money_limit = serializers.DecimalField(max_digits=14, decimal_places=6, min_value=Decimal(0), allow_null=True)
    period = serializers.ChoiceField(
        choices=Budget.Period.choices, required=False, default="", help_text="Calendar periods, in UTC"
    )
    period_labels_limit = Limited(allow_null=True, required=False, default=None)
    period_money_limit = serializers.DecimalField(
        max_digits=14, decimal_places=6, min_value=Decimal(0), allow_null=True, required=False, default=None
    )
    expected_items = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        allow_null=True,
        required=False,
        default=None,
        help_text="That the budget is to last for, of a period or in all; null: a stream is not paced",
    )


class BudgetOut(serializers.Serializer[Any]):
    labels_limit = serializers.IntegerField(allow_null=True)
    labels_allocated = serializers.IntegerField()
    labels_used = serializers.IntegerField()
    labels_left = serializers.IntegerField(allow_null=True)
    money_limit = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)
    money_allocated = serializers.DecimalField(max_digits=14, decimal_places=6)
    money_left = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)
    money_used = serializers.DecimalField(max_digits=14, decimal_places=6)
    judges_spent = serializers.DecimalField(max_digits=14, decimal_places=6)
    period = serializers.CharField(help_text="day, week, month, or empty")
    period_start = serializers.DateField(allow_null=True)
    period_ends = serializers.DateField(allow_null=True, help_text="The first day of the next")
    period_labels_limit = serializers.IntegerField(allow_null=True)
    period_labels_allocated = serializers.IntegerField()
    period_money_limit = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True)
    period_money_allocated = serializers.DecimalField(max_digits=14, decimal_places=6)
    expected_items = serializers.IntegerField(allow_null=True)


class LedgerLineOut(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="plan, pilot, calibration, audit, escalation, judge or planted (cases)")
    state = serializers.CharField(help_text="reserved, committed (answered) or released (given back)")
    labels = serializers.IntegerField()
    money = serializers.DecimalField(max_digits=14, decimal_places=6)
    tokens = serializers.IntegerField()
    seconds = serializers.FloatField()


class SavedOut(serializers.Serializer[Any]):
    all_human_labels = serializers.IntegerField()
    all_human_money = serializers.DecimalField(max_digits=14, decimal_places=6)
    labels = serializers.IntegerField()
    money = serializers.DecimalField(max_digits=14, decimal_places=6)
    seconds = serializers.FloatField()


class LedgerOut(serializers.Serializer[Any]):
    lines = LedgerLineOut(many=True)
    saved = SavedOut(help_text="Of what people alone would have taken")
    counted_at = serializers.DateTimeField()


class OutlookPointOut(serializers.Serializer[Any]):
    share = serializers.FloatField(help_text="Of the items, with people")
    agreement = serializers.FloatField(help_text="With people, expected")
    low = serializers.FloatField()
    high = serializers.FloatField()
    at_random = serializers.FloatField(help_text="With the same share drawn at random")


class OutlookOut(serializers.Serializer[Any]):
    items = serializers.IntegerField(help_text="Doubly labelled ones that it was measured on")
    by_risk = serializers.BooleanField(help_text="Ranked by a risk model; else by the judge's confidence")
    share = serializers.FloatField(allow_null=True, help_text="Of the plan in force, where it is one of shares")
    ceiling = serializers.FloatField(allow_null=True, help_text="How often two people agree")
    points = OutlookPointOut(many=True, help_text="Empty while too few items are doubly labelled")
    labels = serializers.IntegerField(help_text="If people answered all that was routed")
    money = serializers.DecimalField(max_digits=14, decimal_places=6, help_text="For all of these labels")
    calls = serializers.DecimalField(max_digits=14, decimal_places=6, help_text="For the judge on all of it")


class JudgeIn(StrictSerializer):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=sorted(JUDGES))
    config = serializers.DictField(required=False, default=dict)
    price_per_call = serializers.DecimalField(
        max_digits=9, decimal_places=6, min_value=Decimal(0), required=False, default=Decimal(0)
    )


class JudgeAgreementOut(serializers.Serializer[Agreement]):
    pairs = serializers.IntegerField(help_text="Of an item, a field and a person")
    items = serializers.IntegerField()
    share = serializers.FloatField()
    interval = serializers.ListField(child=serializers.FloatField())


class JudgeOut(serializers.ModelSerializer[Judge]):
    config = serializers.DictField()
    identity = serializers.CharField(source="rater.external_id")

    class Meta:
        model = Judge
        fields = [
            *("id", "name", "kind", "config", "price_per_call", "identity", "created_at", "retired_at"),
            *("suspended_at", "suspended_why"),
        ]


class JudgeDetail(serializers.Serializer[Any]):
    judge = JudgeOut()
    calls = serializers.DictField(child=serializers.IntegerField(), help_text="By state")
    agreement = JudgeAgreementOut(help_text="With people, of all items that it answers: weighted by inverse propensity")


class AskedAgain(serializers.Serializer[Any]):
    calls = serializers.IntegerField()


class DecisionOut(serializers.ModelSerializer[Decision]):
    item = serializers.CharField(source="item.external_id")
    plan = serializers.IntegerField(source="plan.number", default=None, allow_null=True)
    features = serializers.DictField()
    reasons = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Decision
        fields = [
            *("id", "item", "ordinal", "plan", "purpose", "route", "propensity", "asked", "draw", "risk", "threshold"),
            *("features", "reasons", "human_labels", "cost", "created_at"),
        ]


class JudgeCallOut(serializers.ModelSerializer[JudgeCall]):
    judge = serializers.CharField(source="judge.name")
    item = serializers.CharField(source="item.external_id")
    answer = serializers.DictField()

    class Meta:
        model = JudgeCall
        fields = [
            *("id", "judge", "item", "state", "attempt", "confidence", "answer", "error"),
            *("tokens", "cost", "milliseconds", "created_at", "finished_at"),
        ]
