"""The forms of snapshots, runs and models in the API."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Rater
from common.api import StrictSerializer
from corpus.models import ModelVersion
from training_bridge import selectors
from training_bridge.derivations import Derivation
from training_bridge.methods.interface import Method
from training_bridge.models import Hashing, Run, Snapshot


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A JSON object, checked by the service that takes it."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected a JSON object."))
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return value


class SnapshotIn(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    derivation = ObjectField(default=dict)


class ReliabilityOut(serializers.Serializer[Any]):
    """`reliability`: the share of a rater's votes that is right, with its 95 % interval; null where nothing tells it.

    `measured_by`: how many votes that rests on; `confusion`: by question {answer: {what was said: how often}}.
    """

    rater = serializers.CharField()
    kind = serializers.ChoiceField(choices=Rater.Kind.choices)
    votes = serializers.IntegerField()
    measured_by = serializers.FloatField()
    reliability = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    confusion = ObjectField(required=False)


class StrengthOut(serializers.Serializer[Any]):
    """`share`: P(better than the average model), a tie counting half, with its 95 % interval; `logit`: the strength."""

    name = serializers.CharField()
    share = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    logit = serializers.FloatField()
    comparisons = serializers.FloatField()


class DerivationOut(serializers.Serializer[Derivation]):
    """How votes become soft labels; `settings` is the JSON Schema of what it can be told."""

    key = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    description = serializers.CharField()
    settings = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_settings(self, derivation: Derivation) -> dict[str, Any]:
        return derivation.Config.model_json_schema()


class SnapshotOut(serializers.ModelSerializer[Snapshot]):
    derivation = ObjectField(read_only=True)
    counts = ObjectField(read_only=True)
    files = serializers.SerializerMethodField(help_text="export format → file names")

    class Meta:
        model = Snapshot
        fields = [
            "number", "name", "state", "phase", "derivation", "counts", "manifest_sha256", "error", "files",
            "created_at",
        ]  # fmt: skip

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}})
    def get_files(self, snapshot: Snapshot) -> dict[str, list[str]]:
        if snapshot.state != Snapshot.State.READY:
            return {}
        return {exporter.key: list(exporter.files) for exporter in selectors.exporters()}


class ModelIn(StrictSerializer):
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=ModelVersion.Kind.choices)
    source = serializers.CharField(max_length=300)  # type: ignore[assignment]  # named as the column


class HashingOut(serializers.ModelSerializer[Hashing]):
    class Meta:
        model = Hashing
        fields = ["state", "error"]
        read_only_fields = fields


class ModelOut(serializers.ModelSerializer[ModelVersion]):
    config = ObjectField(read_only=True)
    run = serializers.SerializerMethodField(help_text="The run that made it")
    hashing = serializers.SerializerMethodField(help_text="How far its hash is, where it was registered from a folder")

    class Meta:
        model = ModelVersion
        fields = ["id", "name", "kind", "source", "sha256", "hashing", "parent", "config", "run", "created_at"]
        read_only_fields = fields

    def get_run(self, version: ModelVersion) -> int | None:
        run = getattr(version, "made_by", None)
        return run.pk if run else None

    @extend_schema_field(HashingOut(allow_null=True))
    def get_hashing(self, version: ModelVersion) -> dict[str, Any] | None:
        hashing = getattr(version, "hashing", None)
        return HashingOut(hashing).data if hashing else None


class RunIn(StrictSerializer):
    """What is run on what. `snapshot` is a snapshot's number; base, reference and reward are ids of model versions."""

    method = serializers.CharField(max_length=40)
    snapshot = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    base = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    reference = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    reward = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    config = ObjectField(default=dict)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)
    round = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    pairs = serializers.ChoiceField(choices=["all", "adjacent"], required=False)


class RunOut(serializers.ModelSerializer[Run]):
    snapshot = serializers.SerializerMethodField(help_text="Number of the snapshot")
    config = ObjectField(read_only=True)
    inputs = ObjectField(read_only=True)
    result = ObjectField(read_only=True)
    labels = serializers.SerializerMethodField(help_text="What it trains on: soft labels and weights, or null")
    checkpoint_step = serializers.SerializerMethodField()
    share = serializers.SerializerMethodField()
    seconds_left = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields = [
            "id", "method", "state", "phase", "step", "total_steps", "share", "seconds_left", "attempt",
            "cancel_requested", "snapshot", "base", "reference", "reward", "labels", "config", "inputs", "seed",
            "spec_hash", "token_budget", "checkpoint_step", "result", "report_sha256", "error", "produced",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_snapshot(self, run: Run) -> int | None:
        return run.snapshot.number if run.snapshot else None

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": True})
    def get_labels(self, run: Run) -> dict[str, Any] | None:
        return selectors.labels_of(run)

    def get_checkpoint_step(self, run: Run) -> int | None:
        return int(run.checkpoint["step"]) if run.checkpoint else None

    def get_share(self, run: Run) -> float | None:
        return min(1.0, run.step / run.total_steps) if run.total_steps else None

    def get_seconds_left(self, run: Run) -> float | None:
        """Only where one run is asked for: a list does not measure speeds."""
        return selectors.progress_of(run).seconds_left if self.context.get("alone") else None


class MetricOut(serializers.Serializer[Any]):
    step = serializers.IntegerField()
    values = serializers.DictField(child=serializers.FloatField())


class LogOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    attempt = serializers.IntegerField()
    text = serializers.CharField()


class MethodOut(serializers.Serializer[Method]):
    """A method; `config` is the JSON Schema of its configuration, a reason for each setting in its description."""

    key = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    needs = serializers.SerializerMethodField()
    config = serializers.SerializerMethodField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_needs(self, method: Method) -> dict[str, Any]:
        return dict(vars(method.needs))

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_config(self, method: Method) -> dict[str, Any]:
        return method.Config.model_json_schema()
