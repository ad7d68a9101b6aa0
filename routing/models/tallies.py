"""Figures of a project too large to be counted whenever somebody looks."""

from django.db import models

from common.models import CleanJSONField
from projects.models import Project


class RoutingTally(models.Model):
    """What the desk shows of a large project, counted in the background, with its age.

    `figures`: as `routing.services.tallies.Figures` has them; `took_ms`: how long, which says how often.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="routing_tally", primary_key=True)
    figures = CleanJSONField(default=dict)
    took_ms = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"routing figures of {self.project}"
