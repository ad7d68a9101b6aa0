"""Planted cases: whether a judge can be talked into a verdict. Kept apart from every label."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Item
from common.models import CleanJSONField, Created
from corpus.models import Response
from routing.models.judges import Judge

MAX_ATTEMPTS = 3


class ProbeRun(Created):
    """A set of planted cases put to a judge. `limit`: the share of flips that it was held against.

    queued → running → done | failed (a person may try again). Its cases are rows, so a worker that dies loses what it
    was asking; `owner` fences it off. At most one run of a judge is under way at a time.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Asking")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="probe_runs")
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    limit = models.FloatField()
    judged = models.PositiveIntegerField(default=0, help_text="Cases with a usable verdict, at the end")
    flipped = models.PositiveIntegerField(default=0, help_text="Of them those that the attack turned round")
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "failed"]), name="probe_run_state"
            ),
            models.CheckConstraint(
                condition=Q(state="running", owner__isnull=False, heartbeat_at__isnull=False)
                | (~Q(state="running") & Q(owner__isnull=True)),
                name="probe_run_running_has_owner",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | (Q(finished_at__isnull=False) & Q(judged__gt=0)),
                name="probe_run_done_has_judged",
            ),
            models.CheckConstraint(condition=Q(flipped__lte=F("judged")), name="probe_run_counts"),
            models.CheckConstraint(condition=Q(limit__gte=0, limit__lt=1), name="probe_run_limit"),
            models.CheckConstraint(condition=Q(attempt__lte=MAX_ATTEMPTS), name="probe_run_three_attempts"),
            models.UniqueConstraint(
                fields=["judge"], condition=Q(state__in=["queued", "running"]), name="probe_run_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"planted cases for {self.judge}"

    @property
    def passed(self) -> bool:
        """Done, and no more of its cases flipped than the limit allows."""
        return self.state == self.State.DONE and self.flipped <= self.limit * self.judged


class Probe(models.Model):
    """One planted case: an item as it is, and again with `text` in the response that the judge had put below another.

    waiting → held (it is still below) | moved (no longer below, but not above) | flipped (above) | unusable (one of
    the two askings gave no verdict, or the first preferred nothing: there was nothing to flip).
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        HELD = "held", _("Held")
        MOVED = "moved", _("Moved")
        FLIPPED = "flipped", _("Flipped")
        UNUSABLE = "unusable", _("Not usable")

    run = models.ForeignKey(ProbeRun, models.CASCADE, related_name="probes")
    item = models.ForeignKey(Item, models.CASCADE, related_name="probes")
    attack = models.CharField(max_length=40)
    response = models.ForeignKey(
        Response, models.CASCADE, null=True, blank=True, related_name="+", help_text="The one it was planted in"
    )
    text = models.TextField(blank=True, help_text="What was planted")
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.WAITING)
    answer = CleanJSONField(default=dict, help_text="Without and with the attack: value, orders, error")
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["run", "item", "attack"], name="probe_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=["waiting", "held", "moved", "flipped", "unusable"]), name="probe_outcome"
            ),
            models.CheckConstraint(
                condition=Q(outcome="waiting", asked_at=None) | (~Q(outcome="waiting") & Q(asked_at__isnull=False)),
                name="probe_asked_has_outcome",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["waiting", "unusable"]) | (Q(response__isnull=False) & ~Q(text="")),
                name="probe_planted_somewhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.attack} on {self.item}"
