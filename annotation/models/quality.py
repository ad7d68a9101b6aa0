"""How raters' work is watched: items whose answer is known, how they were answered, and what followed."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models.annotations import Annotation
from annotation.models.items import Item, random_key
from annotation.models.raters import Rater
from annotation.models.slots import Slot
from common.models import Created
from projects.models import Project


class Gold(Created):
    """An item whose answer is known: `annotation`, by somebody who knows. Retired, not deleted.

    gold: a real item, of which raters are asked to judge as we do · check: it only asks whether they read at all.
    The item makes no label unless it `trains`.
    """

    class Kind(models.TextChoices):
        GOLD = "gold", _("Gold item")
        CHECK = "check", _("Attention check")

    class Source(models.TextChoices):
        HAND = "hand", _("Made by hand")
        IMPORT = "import", _("From an import")
        ADJUDICATED = "adjudicated", _("From an adjudicated item")

    project = models.ForeignKey(Project, models.CASCADE, related_name="golds")
    item = models.OneToOneField(Item, models.CASCADE, related_name="gold")
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.GOLD)
    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="golds")
    tolerance = models.FloatField(null=True, blank=True, help_text="Distance from 0 to 1; empty: the project's")
    explanation = models.TextField(blank=True, help_text="Why this is the answer; shown in a qualification only")
    in_qualification = models.BooleanField(default=False)
    trains = models.BooleanField(default=False, help_text="Its answer may become a label")
    source = models.CharField(max_length=11, choices=Source.choices, default=Source.HAND)
    random_key = models.IntegerField(default=random_key)
    retired_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["gold", "check"]), name="gold_kind"),
            models.CheckConstraint(condition=Q(source__in=["hand", "import", "adjudicated"]), name="gold_source"),
            models.CheckConstraint(
                condition=Q(tolerance__isnull=True) | Q(tolerance__gte=0, tolerance__lte=1), name="gold_tolerance"
            ),
            models.CheckConstraint(condition=Q(kind="gold") | Q(trains=False), name="gold_check_never_trains"),
        ]
        indexes = [
            models.Index(
                fields=["project", "kind", "random_key"], condition=Q(retired_at__isnull=True), name="gold_in_use"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.item}"


class GoldResult(Created):
    """How one rater answered one gold item: the first answer that stood counts, a later correction does not."""

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="gold_result")
    gold = models.ForeignKey(Gold, models.CASCADE, related_name="results")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="gold_results")
    annotation = models.ForeignKey(Annotation, models.PROTECT, related_name="gold_results")
    purpose = models.CharField(max_length=13, choices=Slot.Purpose.choices)
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Of a qualification, from 1; else 0")
    distance = models.FloatField(help_text="Between the rater's answer and the known one, 0 to 1")
    passed = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=["gold", "check"], attempt=0) | Q(purpose="qualification", attempt__gte=1),
                name="gold_result_purpose",
            ),
            models.CheckConstraint(condition=Q(distance__gte=0, distance__lte=1), name="gold_result_distance"),
        ]
        indexes = [models.Index(fields=["rater", "purpose", "-id"], name="gold_result_latest")]

    def __str__(self) -> str:
        return f"{self.rater} on {self.gold}: {'passed' if self.passed else 'failed'}"


class Qualification(Created):
    """Whether a rater may do real work. pending: at it · passed · failed: under the bar · waived: let in by staff."""

    class State(models.TextChoices):
        PENDING = "pending", _("Under way")
        PASSED = "passed", _("Passed")
        FAILED = "failed", _("Not passed")
        WAIVED = "waived", _("Waived")

    rater = models.OneToOneField(Rater, models.CASCADE, related_name="qualification")
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    attempt = models.PositiveSmallIntegerField(default=1)
    attempts = models.PositiveSmallIntegerField(help_text="Allowed in all")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="pending", decided_at__isnull=True)
                | Q(state__in=["passed", "failed", "waived"], decided_at__isnull=False),
                name="qualification_state",
            ),
            models.CheckConstraint(
                condition=Q(attempt__gte=1, attempts__gte=models.F("attempt")), name="qualification_attempts"
            ),
        ]

    def __str__(self) -> str:
        return f"qualification of {self.rater}: {self.state}"


class Pause(Created):
    """A rater is given nothing because too few tests were passed; a person decides. It ends where work resumes."""

    class Why(models.TextChoices):
        GOLD = "gold", _("Too few gold items were answered as known")
        CHECK = "check", _("Too few attention checks were passed")

    rater = models.ForeignKey(Rater, models.CASCADE, related_name="pauses")
    why = models.CharField(max_length=5, choices=Why.choices)
    passed = models.PositiveIntegerField()
    asked = models.PositiveIntegerField()
    bar = models.FloatField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rater"], condition=Q(ended_at__isnull=True), name="pause_one_at_a_time"),
            models.CheckConstraint(condition=Q(why__in=["gold", "check"]), name="pause_why"),
            models.CheckConstraint(condition=Q(passed__lte=models.F("asked")), name="pause_figures"),
        ]

    def __str__(self) -> str:
        return f"pause of {self.rater}"


class PauseDecision(Created):
    """What a person decided about a pause; the last word stands, the earlier ones are kept."""

    class Decision(models.TextChoices):
        RESUME = "resume", _("Work resumes")
        KEEP = "keep", _("Stays paused")

    pause = models.ForeignKey(Pause, models.CASCADE, related_name="decisions")
    decision = models.CharField(max_length=6, choices=Decision.choices)
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=Q(decision__in=["resume", "keep"]), name="pause_decision")]

    def __str__(self) -> str:
        return f"{self.pause}: {self.decision}"
