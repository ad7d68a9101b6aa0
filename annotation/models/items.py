"""What is to be judged."""

import random

from django.db import models
from django.db.models import Prefetch, Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from corpus.models import Candidate, Import, Prompt, Response
from projects.models import Project


def random_key() -> int:
    """A stored random order: slots are served by it, so that no request ever sorts by random()."""
    return random.getrandbits(31)


class Item(Created):
    """One thing to be judged: a prompt and k responses.

    new: made, not yet routed (the router looks for these) → open: slots are out → done: every slot is done or void;
    void: withdrawn. `label_due` is set whenever its annotations change; the labels task looks for it.
    """

    class State(models.TextChoices):
        NEW = "new", _("To be routed")
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        VOID = "void", _("Withdrawn")

    project = models.ForeignKey(Project, models.CASCADE, related_name="items")
    external_id = models.CharField(max_length=200)
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="items")
    candidate = models.OneToOneField(Candidate, models.SET_NULL, null=True, blank=True, related_name="item")
    state = models.CharField(max_length=4, choices=State.choices, default=State.NEW)
    priority = models.SmallIntegerField(default=0)
    random_key = models.IntegerField(
        default=random_key, help_text="Also draws the share that more people are asked about"
    )
    lane = models.PositiveIntegerField(default=0, help_text="Number of the Lane: who may be given it; 0: everybody")
    overlap = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="People asked about this item; empty: as the project has it"
    )
    round = models.PositiveIntegerField(default=1, help_text="Of the loop: responses of which round of training")
    label_due = models.BooleanField(default=False)
    answered = models.PositiveSmallIntegerField(default=0, help_text="Slots that are answered, kept with them")
    confidence = models.FloatField(
        null=True, blank=True, help_text="Of its labels the lowest, kept with them; empty: it has none"
    )
    meta = CleanJSONField(default=dict)
    source = models.ForeignKey(Import, models.SET_NULL, null=True, blank=True, related_name="items")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "external_id"], name="item_external_id"),
            models.CheckConstraint(condition=Q(state__in=["new", "open", "done", "void"]), name="item_state"),
            models.CheckConstraint(
                condition=Q(overlap__isnull=True) | Q(overlap__gte=1, overlap__lte=50), name="item_overlap_1_to_50"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state", "id"], name="item_by_state"),
            models.Index(fields=["id"], condition=Q(label_due=True), name="item_label_due"),
            # One for each order and filter of the list: a page of a million items begins where its index says.
            models.Index(fields=["project", "id"], name="item_in_order"),
            models.Index(fields=["project", "priority", "id"], name="item_by_priority"),
            models.Index(
                fields=["project", "confidence", "id"],
                condition=Q(confidence__isnull=False),
                name="item_by_confidence",
            ),
            models.Index(fields=["project", "answered", "id"], name="item_by_answered"),
            models.Index(fields=["project", "round", "id"], name="item_by_round"),
            models.Index(fields=["project", "source", "id"], name="item_by_source"),
            models.Index(
                fields=["project", "external_id"], opclasses=["int8_ops", "varchar_pattern_ops"], name="item_by_prefix"
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.external_id}"


class Lane(models.Model):
    """For whom items are: raters who read `language`, are of `cohort` and take `topic`; an empty one asks for nothing.

    Slots carry the number, so that the queue of each lane is a walk of one index. Number 0 is for everybody; it has a
    row as soon as the project has another lane.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="lanes")
    number = models.PositiveIntegerField()
    language = models.CharField(max_length=35, blank=True)
    cohort = models.CharField(max_length=40, blank=True)
    topic = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="lane_number"),
            models.UniqueConstraint(fields=["project", "language", "cohort", "topic"], name="lane_once"),
            models.CheckConstraint(
                condition=~Q(number=0) | Q(language="", cohort="", topic=""), name="lane_0_is_for_everybody"
            ),
        ]

    def __str__(self) -> str:
        return " · ".join(filter(None, [self.language, self.topic, self.cohort])) or "everybody"


class ItemResponse(models.Model):
    """The responses of an item in import order (never display order)."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="item_responses")
    response = models.ForeignKey(Response, models.PROTECT, related_name="item_responses")
    ordinal = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["item", "ordinal"], name="item_response_ordinal"),
            models.UniqueConstraint(fields=["item", "response"], name="item_response_once"),
        ]

    def __str__(self) -> str:
        return f"{self.item} / {self.ordinal}"


def with_responses(path: str = "item_responses") -> "Prefetch[str]":
    """To prefetch, in order, the responses of items that lie at the end of `path`, of any number of items.

    In one go: prefetched by themselves, Django asks for each by an OR of its own, of which SQLite takes a thousand.
    """
    return Prefetch(path, ItemResponse.objects.select_related("response"))
