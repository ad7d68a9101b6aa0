"""Items that a judge has kept and that are sent to people after the fact, in the background."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from projects.models import Project


class Escalation(Created):
    """One such order: which items, and how far it has come.

    running → done (all were looked at) | stopped (by an admin, or by a budget that is spent) | failed. `why` says more,
    also of one that waits for the budget's next period. `after`: the last item that was looked at, where a worker goes
    on; one that was stopped or failed can be taken up again there.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("At work")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, models.CASCADE, related_name="escalations")
    criteria = CleanJSONField(default=dict)
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    why = models.TextField(blank=True)
    items = models.PositiveIntegerField(help_text="That were like this when it was ordered")
    looked_at = models.PositiveIntegerField(default=0)
    asked = models.PositiveIntegerField(default=0, help_text="Items that went to people")
    after = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "stopped", "failed"]), name="escalation_state"
            ),
            models.CheckConstraint(condition=Q(asked__lte=F("looked_at")), name="escalation_counts"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="running"), name="escalation_one_running_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"escalation {self.pk}"
