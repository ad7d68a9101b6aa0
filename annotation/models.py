"""Items, the slots that ask for answers, and the answers. The constraints are the promises of docs/architecture.md."""

import random
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from common.models import CleanJSONField, Created
from corpus.models import Candidate, Import, Prompt, Response
from projects.models import Guideline, Project


def random_key() -> int:
    """A stored random order: slots are served by it, so that no request ever sorts by random()."""
    return random.getrandbits(31)


class FormVersion(Created):
    """What a rater is asked: an ordered list of protocols. Immutable: a change is a new number.

    `fields`: [{"name": "preference", "protocol": "pairwise", "config": {…}}], checked by each protocol.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="form_versions")
    number = models.PositiveIntegerField()
    fields = CleanJSONField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="form_number")]

    def __str__(self) -> str:
        return f"form {self.number} of {self.project}"


class Rater(Created):
    """Who annotates in one project: a person, a judge, or an annotator known only from an import.

    `pseudonym` is all that ever leaves the project. A judge's `external_id` is the hash of its identity
    (model + prompt + parser + sampling).
    """

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        JUDGE = "judge", "Judge"
        RECORDED_PERSON = "recorded_person", "Person, from an import"
        RECORDED_JUDGE = "recorded_judge", "Judge, from an import"

    project = models.ForeignKey(Project, models.CASCADE, related_name="raters")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="raters")
    external_id = models.CharField(max_length=200, blank=True)
    pseudonym = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], condition=Q(user__isnull=False), name="rater_user"),
            models.UniqueConstraint(
                fields=["project", "kind", "external_id"], condition=~Q(external_id=""), name="rater_external_id"
            ),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="rater_pseudonym"),
            models.CheckConstraint(condition=Q(user__isnull=True) | Q(kind="person"), name="rater_user_is_person"),
            models.CheckConstraint(condition=Q(kind="person") | ~Q(external_id=""), name="rater_identity"),
        ]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def is_human(self) -> bool:
        return self.kind in {self.Kind.PERSON, self.Kind.RECORDED_PERSON}


class Item(Created):
    """One thing to be judged: a prompt and k responses.

    new: made, not yet routed (the router looks for these) → open: slots are out → done: every slot is done or void;
    void: withdrawn. `label_due` is set whenever its annotations change; the labels task looks for it.
    """

    class State(models.TextChoices):
        NEW = "new", "To be routed"
        OPEN = "open", "Open"
        DONE = "done", "Done"
        VOID = "void", "Withdrawn"

    project = models.ForeignKey(Project, models.CASCADE, related_name="items")
    external_id = models.CharField(max_length=200)
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="items")
    candidate = models.OneToOneField(Candidate, models.SET_NULL, null=True, blank=True, related_name="item")
    state = models.CharField(max_length=4, choices=State.choices, default=State.NEW)
    priority = models.SmallIntegerField(default=0)
    random_key = models.IntegerField(default=random_key)
    round = models.PositiveIntegerField(default=1, help_text="Of the loop: responses of which round of training")
    label_due = models.BooleanField(default=False)
    meta = CleanJSONField(default=dict)
    source = models.ForeignKey(Import, models.SET_NULL, null=True, blank=True, related_name="items")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "external_id"], name="item_external_id"),
            models.CheckConstraint(condition=Q(state__in=["new", "open", "done", "void"]), name="item_state"),
        ]
        indexes = [
            models.Index(fields=["project", "state", "id"], name="item_by_state"),
            models.Index(fields=["id"], condition=Q(label_due=True), name="item_label_due"),
        ]

    def __str__(self) -> str:
        return f"item {self.external_id}"


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


_NOBODYS = {"rater__isnull": True, "token__isnull": True, "display_order__isnull": True, "form_version__isnull": True}
_SOMEBODYS = dict.fromkeys(_NOBODYS, False)


class Slot(models.Model):
    """One wanted answer to an item. Overlap is a number of these rows, so an over-assignment has no representation.

    open: nobody's · leased: one rater's until `leased_until`, fenced by `token` (a new lease is a new token) ·
    done: answered · void: no longer wanted. An expired lease needs no reaper: it is claimable in place.
    `display_order` is drawn and frozen at the lease: response ids as shown. A release is a lease that ends now: it
    stays the rater's own until somebody else asks, so that coming back leads to the same item.
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        LEASED = "leased", "Leased"
        DONE = "done", "Done"
        VOID = "void", "Void"

    class Audience(models.TextChoices):
        HUMAN = "human", "People"
        JUDGE = "judge", "Judges"

    item = models.ForeignKey(Item, models.CASCADE, related_name="slots")
    project = models.ForeignKey(Project, models.CASCADE, related_name="slots")
    ordinal = models.PositiveSmallIntegerField()
    audience = models.CharField(max_length=5, choices=Audience.choices, default=Audience.HUMAN)
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    priority = models.SmallIntegerField(default=0)
    random_key = models.IntegerField(default=random_key)
    rater = models.ForeignKey(Rater, models.PROTECT, null=True, blank=True, related_name="slots")
    token = models.UUIDField(null=True, blank=True, unique=True)
    leased_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    display_order = CleanJSONField(null=True, blank=True)
    form_version = models.ForeignKey(FormVersion, models.PROTECT, null=True, blank=True, related_name="+")
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "ordinal"], name="slot_ordinal"),
            models.UniqueConstraint(fields=["item", "rater"], condition=Q(rater__isnull=False), name="slot_rater_once"),
            # People hold one item at a time; a judge holds as many as it likes.
            models.UniqueConstraint(
                fields=["project", "rater"], condition=Q(state="leased", audience="human"), name="slot_one_live_lease"
            ),
            models.CheckConstraint(condition=Q(audience__in=["human", "judge"]), name="slot_audience"),
            models.CheckConstraint(
                name="slot_shape",
                condition=(
                    Q(state__in=["open", "void"], leased_until__isnull=True, **_NOBODYS)
                    | Q(state="leased", leased_until__isnull=False, **_SOMEBODYS)
                    | Q(state="done", leased_until__isnull=True, **_SOMEBODYS)
                ),
            ),
        ]
        indexes = [
            # Open and expired slots are claimed in one walk; the live leases in between are few.
            models.Index(
                fields=["project", "audience", "-priority", "random_key"],
                condition=Q(state__in=["open", "leased"]),
                name="slot_claim",
            ),
        ]

    def __str__(self) -> str:
        return f"slot {self.ordinal} of {self.item}"


class EndedLease(models.Model):
    """A lease that is over without an answer, and what it had frozen: late work with its token still finds its item.

    It also keeps the promise that a rater is shown one item in one order only, whichever lease it is under.
    """

    class Why(models.TextChoices):
        TAKEN = "taken", "It ran out and somebody else took the slot"
        RENEWED = "renewed", "It ran out and the same rater took it again"
        SKIPPED = "skipped", "The rater passed"
        VOID = "void", "The slot was withdrawn"
        UNDONE = "undone", "The answer was taken back, or gave way to one that was"

    token = models.UUIDField(primary_key=True)
    slot = models.ForeignKey(Slot, models.CASCADE, related_name="ended_leases")
    item = models.ForeignKey(Item, models.CASCADE, related_name="ended_leases")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="ended_leases")
    why = models.CharField(max_length=8, choices=Why.choices)
    display_order = CleanJSONField()
    form_version = models.ForeignKey(FormVersion, models.PROTECT, related_name="+")
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(why__in=["taken", "renewed", "skipped", "void", "undone"]), name="ended_lease_why"
            )
        ]
        indexes = [models.Index(fields=["rater", "item"], name="ended_lease_of_rater")]

    def __str__(self) -> str:
        return f"{self.rater} had {self.slot}: {self.why}"


class Pace(models.Model):
    """How long a judgment takes in a project, measured now and then: a lease is sized by it, never by a sum."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="pace", primary_key=True)
    median_active_ms = models.PositiveIntegerField()
    measured_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.median_active_ms} ms a judgment in {self.project}"


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
    recorded: came with an import.
    """

    class Standing(models.TextChoices):
        COUNTED = "counted", "Counted"
        EXTRA = "extra", "Extra"
        RECORDED = "recorded", "Recorded elsewhere"

    item = models.ForeignKey(Item, models.PROTECT, related_name="annotations")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="annotations")
    slot = models.ForeignKey(Slot, models.PROTECT, null=True, blank=True, related_name="annotations")
    standing = models.CharField(max_length=8, choices=Standing.choices)
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
                condition=Q(revises__isnull=True, retracted_at__isnull=True, standing="counted"),
                name="annotation_one_a_slot",
            ),
            models.CheckConstraint(
                condition=Q(standing__in=["counted", "extra", "recorded"]), name="annotation_standing"
            ),
            models.CheckConstraint(
                condition=~Q(standing="counted") | Q(slot__isnull=False), name="annotation_counted_has_slot"
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
