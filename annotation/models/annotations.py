"""The answers, the work that is not one yet, and what answers settle to."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models.items import Item
from annotation.models.raters import FormVersion, Rater
from annotation.models.slots import Slot
from common.models import CleanJSONField, Created
from projects.models import Guideline


class Draft(models.Model):
    """Unsent work of one rater on one item, in display terms; `version` keeps two tabs from overwriting each other."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="drafts")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="drafts")
    values = CleanJSONField(default=dict)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "rater"], name="draft_once")]

    def __str__(self) -> str:
        return f"draft of {self.rater} on {self.item}"


class Skip(Created):
    """A rater passed on an item and will not be shown it again."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="skips")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="skips")
    reason = models.CharField(max_length=40)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "rater"], name="skip_once")]

    def __str__(self) -> str:
        return f"{self.rater} skipped {self.item}"


class Flag(Created):
    """A rater's report that something is wrong with an item; it does not end their work on it."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="flags")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="flags")
    reason = models.CharField(max_length=40)
    note = models.TextField(blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.rater} flagged {self.item}"


class Annotation(models.Model):
    """One rater's values for one item, with what they were shown. Append-only.

    `values`: {field name: value in its protocol's normal form}; comparisons name responses by id, never by position.
    A correction is a new row that `revises` the old; an undo sets `retracted_at`, the only column ever changed.
    counted: it fills a slot; extra: handed in after the lease went to somebody else (kept, never counted in k);
    recorded: came with an import; test: of a gold item, an attention check or a qualification; repeat: the rater's own
    earlier item again; adjudicated: a reviewer's word, which settles the label. Tests and repeats make no labels.
    """

    class Standing(models.TextChoices):
        COUNTED = "counted", _("Counted")
        EXTRA = "extra", _("Extra")
        RECORDED = "recorded", _("Recorded elsewhere")
        TEST = "test", _("Of a test")
        REPEAT = "repeat", _("Of a repeat")
        ADJUDICATED = "adjudicated", _("Adjudicated")

    item = models.ForeignKey(Item, models.PROTECT, related_name="annotations")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="annotations")
    slot = models.ForeignKey(Slot, models.PROTECT, null=True, blank=True, related_name="annotations")
    standing = models.CharField(max_length=11, choices=Standing.choices)
    values = CleanJSONField()
    form_version = models.ForeignKey(FormVersion, models.PROTECT, null=True, blank=True, related_name="+")
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, blank=True, related_name="+")
    display_order = CleanJSONField(null=True, blank=True, help_text="Response ids as shown; null where unknown")
    hint_visible = models.BooleanField(default=False)
    active_ms = models.PositiveIntegerField(null=True, blank=True)
    submitted_at = models.DateTimeField(
        default=timezone.now, help_text="Where it was recorded elsewhere: when it was made there"
    )
    idempotency_key = models.UUIDField(default=uuid.uuid4)
    body_hash = models.CharField(max_length=64)
    revises = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="revised_by")
    retracted_at = models.DateTimeField(null=True, blank=True)
    meta = CleanJSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rater", "idempotency_key"], name="annotation_idempotency"),
            models.UniqueConstraint(
                fields=["slot"],
                condition=Q(
                    revises__isnull=True, retracted_at__isnull=True, standing__in=["counted", "test", "repeat"]
                ),
                name="annotation_one_a_slot",
            ),
            models.UniqueConstraint(
                fields=["item"],
                condition=Q(revises__isnull=True, retracted_at__isnull=True, standing="adjudicated"),
                name="annotation_one_adjudication",
            ),
            models.CheckConstraint(
                condition=Q(standing__in=["counted", "extra", "recorded", "test", "repeat", "adjudicated"]),
                name="annotation_standing",
            ),
            models.CheckConstraint(
                condition=~Q(standing__in=["counted", "test", "repeat"]) | Q(slot__isnull=False),
                name="annotation_counted_has_slot",
            ),
            models.CheckConstraint(
                condition=Q(revises__isnull=True) | ~Q(revises=F("id")), name="annotation_not_own_revision"
            ),
        ]
        indexes = [models.Index(fields=["rater", "-submitted_at"], name="annotation_history")]

    def __str__(self) -> str:
        return f"annotation {self.pk} of {self.item}"


class Label(models.Model):
    """The settled value of one field of an item by one consensus rule: a derived view, made anew when judgments change.

    `value`: the protocol's normal form; `soft`: {outcome: share}, summing to 1; `confidence` in [0, 1];
    `annotation_ids`: the judgments it was settled from.
    """

    item = models.ForeignKey(Item, models.CASCADE, related_name="labels")
    field = models.CharField(max_length=60)
    rule = models.CharField(max_length=40)
    value = CleanJSONField()
    soft = CleanJSONField(default=dict)
    confidence = models.FloatField()
    human_count = models.PositiveIntegerField(default=0)
    judge_count = models.PositiveIntegerField(default=0)
    annotation_ids = CleanJSONField(default=list)
    settled_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "field", "rule"], name="label_once"),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="label_confidence"),
        ]

    def __str__(self) -> str:
        return f"label of {self.item}"
