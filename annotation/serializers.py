"""What the annotation API takes and gives. A rater's answers hold no id of a response, only letters of places."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotation.models import Annotation, Label
from annotation.protocols import Protocol, Value, default_config
from annotation.services.flags import FLAG_REASONS
from annotation.services.items import PRIORITIES
from annotation.services.leases import NOTE_LIMIT, SKIP_REASONS
from annotation.services.submissions import ACTIVE_MS_LIMIT
from common.api import StrictSerializer

Base = serializers.Serializer[Any]


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """A JSON object; what may be in it, the form in force says."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Expected a JSON object."))
        return data


class ValuesField(ObjectField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            help_text='Field name → answer, e.g. {"preference": {"choice": "A", "strength": 2}}; '
            "A and B are the responses as shown.",
            **kwargs,
        )


# What a rater gets.


class MessageOut(Base):
    role = serializers.CharField()
    text = serializers.CharField()


class ContextOut(Base):
    kind = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    text = serializers.CharField()
    sentences = serializers.ListField(child=serializers.CharField(), required=False)


class ShownOut(Base):
    letter = serializers.CharField()
    text = serializers.CharField(help_text="Raw, and what offsets count in: code points")
    steps = serializers.ListField(child=serializers.CharField(), help_text="Where the response came in steps")
    messages = MessageOut(many=True, source="turns")


class FormFieldOut(Base):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the question's heading; serializers have one too
    help = serializers.CharField()
    protocol = serializers.CharField()
    config = ObjectField()
    required = serializers.BooleanField()  # type: ignore[assignment]  # a field of the form's, not of the class


class ProtocolOut(Base):
    key = serializers.CharField()
    title = serializers.CharField()
    record_kinds = serializers.ListField(child=serializers.CharField(), help_text="Of recorded feedback")
    defaults = serializers.SerializerMethodField()
    settings = serializers.SerializerMethodField(help_text="JSON Schema of a field's config")

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_defaults(self, plug: Protocol) -> Value:
        return default_config(plug.key)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_settings(self, plug: Protocol) -> Value:
        return plug.Config.model_json_schema()


class AssignmentOut(Base):
    token = serializers.UUIDField()
    idempotency_key = serializers.UUIDField()
    leased_until = serializers.DateTimeField()
    messages = MessageOut(many=True)
    context = ContextOut(many=True)  # type: ignore[assignment]  # what is judged has one, and so have serializers
    language = serializers.CharField()
    responses = ShownOut(many=True, source="shown")
    form_number = serializers.IntegerField()
    form = FormFieldOut(many=True, source="fields")
    guideline_number = serializers.IntegerField(allow_null=True)
    draft_values = ValuesField(allow_null=True)
    draft_version = serializers.IntegerField()


class AnswerOut(Base):
    id = serializers.IntegerField(source="annotation_id")
    standing = serializers.ChoiceField(choices=Annotation.Standing.choices)
    submitted_at = serializers.DateTimeField()
    is_correction = serializers.BooleanField()
    can_undo = serializers.BooleanField()
    values = ValuesField()


class HistoryOut(AnswerOut):
    excerpt = serializers.CharField()


class AnsweredOut(AnswerOut):
    messages = MessageOut(many=True)
    context = ContextOut(many=True)  # type: ignore[assignment]  # what is judged has one, and so have serializers
    language = serializers.CharField()
    responses = ShownOut(many=True, source="shown")


class SubmissionOut(Base):
    id = serializers.IntegerField(source="annotation.pk")
    standing = serializers.ChoiceField(choices=Annotation.Standing.choices)
    replayed = serializers.BooleanField(help_text="This very answer was here before")
    guideline_changed = serializers.BooleanField(help_text="A newer guideline is in force than the one shown")


class DeadlineOut(Base):
    leased_until = serializers.DateTimeField()


class DraftOut(Base):
    version = serializers.IntegerField()


# What a rater sends.


class SubmissionIn(StrictSerializer):
    token = serializers.UUIDField()
    values = ValuesField()
    idempotency_key = serializers.UUIDField(required=False, help_text="One per lease; by default the token")
    active_ms = serializers.IntegerField(required=False, min_value=0, max_value=ACTIVE_MS_LIMIT)
    hint_visible = serializers.BooleanField(default=False)
    as_extra = serializers.BooleanField(default=False, help_text="Hand in what can no longer count")


class RevisionIn(StrictSerializer):
    values = ValuesField()
    idempotency_key = serializers.UUIDField()
    active_ms = serializers.IntegerField(required=False, min_value=0, max_value=ACTIVE_MS_LIMIT)


class DraftIn(StrictSerializer):
    values = ValuesField()
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, help_text="The one seen last; 0 for none")


class SkipIn(StrictSerializer):
    reason = serializers.ChoiceField(choices=list(SKIP_REASONS.items()))
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LIMIT, trim_whitespace=False)


class FlagIn(StrictSerializer):
    reason = serializers.ChoiceField(choices=list(FLAG_REASONS.items()))
    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LIMIT, trim_whitespace=False)


# The desk.


class ItemOut(Base):
    id = serializers.IntegerField(source="item.pk")
    external_id = serializers.CharField(source="item.external_id")
    state = serializers.CharField(source="item.state")
    priority = serializers.IntegerField(source="item.priority")
    round = serializers.IntegerField(source="item.round")
    language = serializers.CharField(source="item.prompt.language")
    tags = ObjectField(source="item.prompt.tags")
    source_id = serializers.IntegerField(source="item.source_id", allow_null=True, help_text="Of the import")
    confidence = serializers.FloatField(
        source="item.confidence", allow_null=True, help_text="Of its labels the lowest; null: no label"
    )
    wanted = serializers.IntegerField(help_text="Answers asked for")
    answered = serializers.IntegerField(help_text="Answers given")
    open_flags = serializers.IntegerField(help_text="Raters' reports that nobody has dealt with")
    created_at = serializers.DateTimeField(source="item.created_at")


class ItemPageOut(Base):
    results = ItemOut(many=True, source="rows")
    next_after = serializers.CharField(allow_null=True, help_text="`after` of the next page; null on the last")
    previous_before = serializers.CharField(allow_null=True, help_text="`before` of the page before; null on the first")
    total = serializers.IntegerField(help_text="How many there are, up to 5,000")
    more = serializers.BooleanField(help_text="There are more than that")


class MessageIn(StrictSerializer):
    role = serializers.RegexField(r"^(system|developer|user|assistant|tool)$")
    content = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=1_000_000)


class AnyText(serializers.CharField):
    """A text just as it comes."""

    def __init__(self) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, max_length=1_000_000)


class ResponseIn(StrictSerializer):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=1_000_000)
    model = serializers.CharField(required=False, allow_blank=True, max_length=200)
    steps = serializers.ListField(child=AnyText(), required=False, max_length=1000)


class ContextIn(StrictSerializer):
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=1_000_000)
    kind = serializers.CharField(required=False, max_length=40)
    title = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    sentences = serializers.ListField(child=AnyText(), required=False, max_length=10_000)


class ItemIn(StrictSerializer):
    external_id = serializers.CharField(required=False, max_length=200, help_text="By default the content names it")
    prompt = serializers.ListField(child=MessageIn(), min_length=1, max_length=2000)
    context = serializers.ListField(child=ContextIn(), required=False, max_length=100)  # type: ignore[assignment]
    responses = serializers.ListField(child=ResponseIn(), max_length=26)
    group = serializers.CharField(
        required=False, allow_blank=True, max_length=1000, help_text="Never torn apart by a split"
    )
    language = serializers.CharField(required=False, allow_blank=True, max_length=35)
    tags = ObjectField(required=False)
    priority = serializers.IntegerField(required=False, min_value=-PRIORITIES, max_value=PRIORITIES)
    overlap = serializers.IntegerField(required=False, min_value=1, max_value=50, help_text="How many people are asked")


class WithdrawalIn(StrictSerializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_LIMIT)


class ItemMade(Base):
    id = serializers.IntegerField(source="pk")
    external_id = serializers.CharField()
    state = serializers.CharField()


class ResponseOut(Base):
    id = serializers.IntegerField()
    text = serializers.CharField()
    model = serializers.CharField()


class SlotOut(Base):
    ordinal = serializers.IntegerField()
    audience = serializers.CharField()
    state = serializers.CharField()
    rater = serializers.CharField(source="rater.pseudonym", allow_null=True, default=None)
    leased_until = serializers.DateTimeField(allow_null=True)


class AnnotationOut(Base):
    id = serializers.IntegerField(source="pk")
    rater = serializers.CharField(source="rater.pseudonym")
    kind = serializers.CharField(source="rater.kind")
    standing = serializers.CharField()
    values = ObjectField(help_text="In normal form: left and right are ids of responses")
    display_order = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    form_number = serializers.IntegerField(source="form_version.number", allow_null=True, default=None)
    guideline_number = serializers.IntegerField(source="guideline.number", allow_null=True, default=None)
    submitted_at = serializers.DateTimeField()
    active_ms = serializers.IntegerField(allow_null=True)
    revises = serializers.IntegerField(source="revises_id", allow_null=True)
    retracted_at = serializers.DateTimeField(allow_null=True)


class AnnotationExportOut(AnnotationOut):
    item_id = serializers.IntegerField()
    external_id = serializers.CharField(source="item.external_id")


class LabelOut(serializers.ModelSerializer[Label]):
    item_id = serializers.IntegerField()
    external_id = serializers.CharField(source="item.external_id")
    value = ObjectField()
    soft = ObjectField()
    annotation_ids = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        model = Label
        fields = (
            "id", "item_id", "external_id", "field", "rule", "value", "soft", "confidence", "human_count",
            "judge_count", "annotation_ids", "settled_at",
        )  # fmt: skip


class PassOut(Base):
    rater = serializers.CharField(source="rater.pseudonym")
    reason = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class FlagOut(PassOut):
    id = serializers.IntegerField(source="pk")
    resolved_at = serializers.DateTimeField(allow_null=True)


class StoryOut(Base):
    id = serializers.IntegerField(source="item.pk")
    external_id = serializers.CharField(source="item.external_id")
    state = serializers.CharField(source="item.state")
    meta = ObjectField(source="item.meta")
    messages = MessageOut(many=True)
    responses = ResponseOut(many=True)
    slots = SlotOut(many=True)
    annotations = AnnotationOut(many=True)
    skips = PassOut(many=True)
    flags = FlagOut(many=True)
    labels = LabelOut(many=True)
    drafts = serializers.IntegerField()


class FormOut(Base):
    number = serializers.IntegerField()
    form = FormFieldOut(many=True, source="fields")


class FormIn(StrictSerializer):
    form = serializers.ListField(
        child=ObjectField(), help_text='[{"name": "preference", "protocol": "pairwise", "config": {…}}]'
    )


class AtWorkOut(Base):
    rater = serializers.CharField(source="pseudonym")
    name = serializers.CharField(required=False, help_text="For admins")
    since = serializers.DateTimeField(help_text="When this stretch of work began")
    today = serializers.IntegerField(help_text="Answers since midnight, UTC")


class ProgressOut(Base):
    items = serializers.DictField(child=serializers.IntegerField())
    human_slots = serializers.DictField(child=serializers.IntegerField())
    judge_slots = serializers.DictField(child=serializers.IntegerField())
    annotations = serializers.IntegerField()
    labels = serializers.IntegerField()
    open_flags = serializers.IntegerField()
    per_day = serializers.IntegerField(help_text="Answers of people within the last 24 hours")
    done_by = serializers.DateTimeField(allow_null=True, help_text="At that pace; null: nothing to do, or nobody works")
    counted_at = serializers.DateTimeField(help_text="How old the figures are")
    working_now = serializers.IntegerField(help_text="People with an item in hand, as of now")
    at_work = AtWorkOut(many=True)


class PairOut(Base):
    first = serializers.CharField()
    second = serializers.CharField()
    items = serializers.IntegerField()
    raw = serializers.FloatField()
    kappa = serializers.FloatField(allow_null=True)


class AgreementOut(Base):
    field = serializers.CharField()
    items = serializers.IntegerField(help_text="Judged by two people or more")
    raw = serializers.FloatField(allow_null=True)
    alpha = serializers.FloatField(allow_null=True, help_text="Krippendorff's, nominal, among people")
    pairs = PairOut(many=True)
