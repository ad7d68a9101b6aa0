"""What a judge is worth against people, computed once and kept with its date."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from routing.models.judges import Judge

MAX_ATTEMPTS = 3


class Card(Created):
    """A judge's calibration card: a derived view over what stood when it was asked for.

    queued → computing → ready | failed (a person may try again). `sums` and `cursor` are kept after every batch, so a
    worker that dies loses one batch; `owner` fences it off. At most one card of a judge is being made at a time.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        COMPUTING = "computing", _("Computing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="cards")
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cursor = CleanJSONField(default=dict, help_text="Of each pass: {at, until}, ids")
    done = models.PositiveIntegerField(default=0, help_text="Calls and answers read")
    total = models.PositiveIntegerField(default=0)
    sums = CleanJSONField(default=dict, help_text="routing.calibration.Sums")
    result = CleanJSONField(default=dict, help_text="What the sums say")
    error = models.TextField(blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "computing", "ready", "failed"]), name="card_state"
            ),
            models.CheckConstraint(
                condition=Q(state="computing", owner__isnull=False, heartbeat_at__isnull=False)
                | (~Q(state="computing") & Q(owner__isnull=True)),
                name="card_computing_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(state="ready", finished_at__isnull=False) | (~Q(state="ready") & Q(result={})),
                name="card_ready_is_dated",
            ),
            models.CheckConstraint(condition=Q(done__lte=F("total")), name="card_progress"),
            models.CheckConstraint(condition=Q(attempt__lte=MAX_ATTEMPTS), name="card_three_attempts"),
            models.UniqueConstraint(
                fields=["judge"], condition=Q(state__in=["queued", "computing"]), name="card_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"card of {self.judge}"
