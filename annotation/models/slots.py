"""The slots that ask for answers, and what became of a lease."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.items import Item, random_key
from annotation.models.raters import FormVersion, Rater
from common.models import CleanJSONField
from projects.models import Guideline, Project

_NOBODYS = {"rater__isnull": True, "token__isnull": True, "display_order__isnull": True, "form_version__isnull": True}
_SOMEBODYS = dict.fromkeys(_NOBODYS, False)


class Slot(models.Model):
    """One wanted answer to an item. Overlap is a number of these rows, so an over-assignment has no representation.

    open: nobody's · leased: one rater's until `leased_until`, fenced by `token` (a new lease is a new token) ·
    done: answered · void: no longer wanted. An expired lease needs no reaper: it is claimable in place.
    purpose: what its answer is for. Only those of `label` count in k and make labels, and they are opened for everybody
    beforehand; the others watch how well a rater works, and are made for one rater at the moment they are given.
    `display_order` is drawn and frozen at the lease: response ids as shown. A release is a lease that ends now: it
    stays the rater's own until somebody else asks, so that coming back leads to the same item.
    `ahead`: the lease of the item that comes after the one in hand, for as long as a page may hold it ready; it
    runs out soon and is then anybody's, like every other (docs/adr/0007-the-next-item-is-leased-ahead.md).
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        LEASED = "leased", _("Leased")
        DONE = "done", _("Done")
        VOID = "void", _("Void")

    class Audience(models.TextChoices):
        HUMAN = "human", _("People")
        JUDGE = "judge", _("Judges")

    class Purpose(models.TextChoices):
        LABEL = "label", _("Label")
        GOLD = "gold", _("Gold item")
        CHECK = "check", _("Attention check")
        QUALIFICATION = "qualification", _("Qualification")
        REPEAT = "repeat", _("Repeat")

    item = models.ForeignKey(Item, models.CASCADE, related_name="slots")
    project = models.ForeignKey(Project, models.CASCADE, related_name="slots")
    ordinal = models.PositiveSmallIntegerField(help_text="Among the item's labels; of a qualification: which attempt")
    purpose = models.CharField(max_length=13, choices=Purpose.choices, default=Purpose.LABEL)
    lane = models.PositiveIntegerField(default=0, help_text="As the item's, for the index")
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
    ahead = models.BooleanField(default=False, help_text="Held ready for after the one in hand")
    result_due = models.BooleanField(default=False, help_text="A test was answered and is to be scored")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "ordinal"], condition=Q(purpose="label"), name="slot_ordinal"),
            # A rater meets an item once, and once more as a repeat; a qualification once an attempt.
            models.UniqueConstraint(
                fields=["item", "rater"],
                condition=Q(rater__isnull=False, purpose__in=["label", "gold", "check"]),
                name="slot_rater_once",
            ),
            models.UniqueConstraint(
                fields=["item", "rater"], condition=Q(rater__isnull=False, purpose="repeat"), name="slot_repeat_once"
            ),
            models.UniqueConstraint(
                fields=["item", "rater", "ordinal"],
                condition=Q(rater__isnull=False, purpose="qualification"),
                name="slot_qualification_once",
            ),
            # People hold one item at a time, and at most one ready for after it; a judge holds as many as it likes.
            models.UniqueConstraint(
                fields=["project", "rater"],
                condition=Q(state="leased", audience="human", ahead=False),
                name="slot_one_live_lease",
            ),
            models.UniqueConstraint(
                fields=["project", "rater"],
                condition=Q(state="leased", audience="human", ahead=True),
                name="slot_one_ahead",
            ),
            models.CheckConstraint(
                condition=Q(ahead=False) | Q(state="leased", audience="human"), name="slot_ahead_is_leased"
            ),
            models.CheckConstraint(condition=Q(audience__in=["human", "judge"]), name="slot_audience"),
            models.CheckConstraint(
                condition=Q(purpose="label")
                | Q(purpose__in=["gold", "check", "qualification", "repeat"], audience="human"),
                name="slot_purpose",
            ),
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
                condition=Q(purpose="label", state__in=["open", "leased"]),
                name="slot_claim",
            ),
            models.Index(
                fields=["project", "audience", "lane", "-priority", "random_key"],
                condition=Q(purpose="label", state__in=["open", "leased"]),
                name="slot_claim_lane",
            ),
            models.Index(fields=["id"], condition=Q(result_due=True), name="slot_result_due"),
        ]

    def __str__(self) -> str:
        return f"slot {self.ordinal} of {self.item}"


class EndedLease(models.Model):
    """A lease that is over without an answer, and what it had frozen: late work with its token still finds its item.

    It also keeps the promise that a rater is shown one item in one order only, whichever lease it is under.
    """

    class Why(models.TextChoices):
        TAKEN = "taken", _("It ran out and somebody else took the slot")
        RENEWED = "renewed", _("It ran out and the same rater took it again")
        SKIPPED = "skipped", _("The rater passed")
        VOID = "void", _("The slot was withdrawn")
        UNDONE = "undone", _("The answer was taken back, or gave way to one that was")

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
