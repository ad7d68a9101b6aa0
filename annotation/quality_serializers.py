"""What the API of quality takes and gives. Staff see pseudonyms; a rater sees only where they stand themselves."""

from typing import Any

from rest_framework import serializers

from annotation.models import PauseDecision
from annotation.serializers import ObjectField, ValuesField
from annotation.services.golds import EXPLANATION_LIMIT
from annotation.services.scoring import NOTE_LIMIT
from annotation.watch import Watch
from common.api import StrictSerializer

Base = serializers.Serializer[Any]

KINDS = {bool: serializers.BooleanField, int: serializers.IntegerField, float: serializers.FloatField}


class WatchOut(Base):
    """The settings in force; defaults included."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            name: KINDS[field.annotation](help_text=str(field.title or ""))  # type: ignore[index]
            for name, field in Watch.model_fields.items()
        }


class WatchIn(StrictSerializer):
    """Any of the settings; those left out go back to their defaults. What is wrong with one is said by its name."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            name: KINDS[field.annotation](required=False, help_text=str(field.title or ""))  # type: ignore[index]
            for name, field in Watch.model_fields.items()
        }


class ShareOut(Base):
    hits = serializers.IntegerField()
    of = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(help_text="Lower end of Wilson's 95 % interval")
    high = serializers.FloatField()


class GoldOut(Base):
    item_id = serializers.IntegerField()
    external_id = serializers.CharField(source="item.external_id")
    kind = serializers.CharField(help_text="gold or check")
    values = ObjectField(source="annotation.values", help_text="In normal form")
    tolerance = serializers.FloatField(allow_null=True)
    explanation = serializers.CharField()
    in_qualification = serializers.BooleanField()
    trains = serializers.BooleanField()
    origin = serializers.CharField(source="get_source_display")
    retired_at = serializers.DateTimeField(allow_null=True)


class GoldRowOut(Base):
    gold = GoldOut()
    passed = ShareOut()
    doubtful = serializers.BooleanField(help_text="So few pass that the known answer may be wrong")


class GoldIn(StrictSerializer):
    values = ObjectField(required=False, help_text="Letters in the item's own order; left out: its adjudication")
    kind = serializers.CharField(required=False, max_length=10, help_text="gold or check")
    tolerance = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)
    explanation = serializers.CharField(required=False, allow_blank=True, max_length=EXPLANATION_LIMIT)
    in_qualification = serializers.BooleanField(required=False)
    trains = serializers.BooleanField(required=False)


class AdjudicationIn(StrictSerializer):
    values = ValuesField()


class AdjudicationOut(Base):
    id = serializers.IntegerField(source="pk")
    standing = serializers.CharField()
    values = ObjectField()
    revises = serializers.IntegerField(source="revises_id", allow_null=True)


class DisputeOut(Base):
    item_id = serializers.IntegerField(source="item.pk")
    external_id = serializers.CharField(source="item.external_id")
    answers = serializers.IntegerField(source="people")
    field = serializers.CharField()
    distance = serializers.FloatField(help_text="The mean between two answers to that field, 0 to 1")


class PauseOut(Base):
    why = serializers.CharField()
    passed = serializers.IntegerField()
    asked = serializers.IntegerField()
    bar = serializers.FloatField()
    created_at = serializers.DateTimeField()


class QualificationOut(Base):
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    attempts = serializers.IntegerField()
    decided_at = serializers.DateTimeField(allow_null=True)


class RaterOut(Base):
    rater = serializers.CharField(source="rater.pseudonym")
    items = serializers.IntegerField(source="done")
    today = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    median_active_ms = serializers.IntegerField(source="median_ms", allow_null=True)
    gold = ShareOut()
    checks = ShareOut()
    agreement = ShareOut()
    consistency = ShareOut()
    position = ShareOut(help_text="The response shown first was preferred; one half is expected")
    length = ShareOut(help_text="The longer response was preferred")
    ties = ShareOut()
    fast = ShareOut(help_text="Answers in less than a quarter of the project's median time")
    flags = serializers.ListField(child=serializers.CharField())
    pause = PauseOut(allow_null=True)
    qualification = QualificationOut(allow_null=True)


class PauseDecisionIn(StrictSerializer):
    decision = serializers.ChoiceField(choices=PauseDecision.Decision.choices)
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LIMIT)


class PauseDecisionOut(Base):
    decision = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class QualifyIn(StrictSerializer):
    do = serializers.ChoiceField(choices=[("waive", "Let in without it"), ("allow", "Allow one more attempt")])


class ToldOut(Base):
    passed = serializers.BooleanField()
    known = serializers.CharField(help_text="The known answer in words")
    explanation = serializers.CharField()


class StandingOut(Base):
    code = serializers.CharField(help_text="Empty where nothing keeps the caller from new items")
    title = serializers.CharField()
    text = serializers.CharField()
    may_try_again = serializers.BooleanField(source="again")
    step = serializers.ListField(child=serializers.IntegerField(), allow_null=True, help_text="Which item, of how many")
    told = ToldOut(many=True)


class OwnFiguresOut(Base):
    today = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    median_active_ms = serializers.IntegerField(source="median_ms", allow_null=True)
    agreement = ShareOut()
    consistency = ShareOut()
    position = ShareOut()
    length = ShareOut()
    ties = ShareOut()
