"""What judges were asked, and what became of it."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Item, Slot
from common.models import CleanJSONField, Created
from routing.models.decisions import Decision
from routing.models.judges import Judge


class JudgeCall(Created):
    """One asking of a judge about one item, kept whether it answered or not.

    queued → running → answered (its annotation stands) | refused (unparsable or against the schema: people are asked) |
    failed (no answer after all attempts: people are asked). `follow_up_due` marks a finished call that the router has
    not read yet: it may send the item on to people.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Asking")
        ANSWERED = "answered", _("Answered")
        REFUSED = "refused", _("Not usable")
        FAILED = "failed", _("Failed")

    judge = models.ForeignKey(Judge, models.PROTECT, related_name="calls")
    item = models.ForeignKey(Item, models.CASCADE, related_name="judge_calls")
    decision = models.ForeignKey(
        Decision, models.CASCADE, related_name="judge_calls", help_text="The word that asked for it"
    )
    slot = models.OneToOneField(Slot, models.SET_NULL, null=True, blank=True, related_name="judge_call")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True, help_text="Fences the worker that holds it")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="Back-off: a waiting call is not made earlier")
    follow_up_due = models.BooleanField(default=False)
    confidence = models.FloatField(
        null=True, blank=True, help_text="The judge's own, in [0, 1]; null where it gave none"
    )
    answer = CleanJSONField(default=dict, help_text="Per order asked: raw text, verdict, probability, tokens")
    error = models.TextField(blank=True)
    tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    milliseconds = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judge", "item"], name="judge_call_once"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "answered", "refused", "failed"]), name="judge_call_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(owner__isnull=False, heartbeat_at__isnull=False),
                name="judge_call_running_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(follow_up_due=False) | Q(state__in=["answered", "refused", "failed"]),
                name="judge_call_due_is_finished",
            ),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=0, confidence__lte=1), name="judge_call_confidence"
            ),
        ]
        indexes = [
            models.Index(fields=["judge", "id"], condition=Q(state__in=["queued", "running"]), name="judge_call_open"),
            models.Index(fields=["id"], condition=Q(follow_up_due=True), name="judge_call_due"),
        ]

    def __str__(self) -> str:
        return f"{self.judge} on {self.item}"
