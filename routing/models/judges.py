"""Who the judges are. What they were asked is in `calls`."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from annotation.models import Rater
from common.models import CleanJSONField, Created
from projects.models import Project


class Judge(Created):
    """A machine that annotates: one kind with one configuration. Immutable; its identity is the rater's.

    `config` holds no secret: an API key is named by the environment variable that carries it.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="judges")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    config = CleanJSONField(default=dict)
    rater = models.OneToOneField(Rater, models.PROTECT, related_name="judge")
    price_per_call = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(
        null=True, blank=True, help_text="Nothing is routed to it until an admin lifts it"
    )
    suspended_why = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="judge_name"),
            models.CheckConstraint(
                condition=Q(suspended_at=None, suspended_why="")
                | (Q(suspended_at__isnull=False) & ~Q(suspended_why="")),
                name="judge_suspended_says_why",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def usable(self) -> bool:
        """Whether anything may be put to it."""
        return self.retired_at is None and self.suspended_at is None
