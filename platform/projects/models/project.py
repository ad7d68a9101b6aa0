"""A project, its guideline and its rubric."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created


class Project(Created):
    """One campaign of feedback: people, prompts, a form, a budget, and the models that come of it.

    active: items are given out · draining: none are, those in hands may be finished · paused: raters rest, nothing is
    shown · archived: the same for good, and it is listed last.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        DRAINING = "draining", _("Draining")
        PAUSED = "paused", _("Paused")
        ARCHIVED = "archived", _("Archived")

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    overlap = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="People asked per item"
    )
    lease_seconds_min = models.PositiveIntegerField(default=180)
    lease_seconds_max = models.PositiveIntegerField(default=3600)
    price_per_label = models.DecimalField(
        max_digits=9,
        decimal_places=4,
        default=Decimal("0.30"),
        validators=[MinValueValidator(0)],
        help_text="What one person's label costs",
    )
    deadline_at = models.DateTimeField(
        _("deadline"), null=True, blank=True, help_text=_("From then on nothing new is given out")
    )
    consent_number = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Which consent a rater must agree to before the first item; empty: none")
    )
    survey_number = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Which survey a rater is asked before the first item; empty: none")
    )
    raters_see_statistics = models.BooleanField(default=True)
    quality = CleanJSONField(
        default=dict, blank=True, help_text="Overlap, caps and how raters are watched: annotation/watch.py says what"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1, overlap__lte=50), name="project_overlap_1_to_50"),
            models.CheckConstraint(
                condition=Q(state__in=["active", "draining", "paused", "archived"]), name="project_state"
            ),
            models.CheckConstraint(
                condition=Q(lease_seconds_min__gte=10, lease_seconds_max__gte=models.F("lease_seconds_min")),
                name="project_lease_bounds",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def gives_out(self, now: datetime) -> bool:
        """Whether anybody is given a new item."""
        return self.state == self.State.ACTIVE and (self.deadline_at is None or now < self.deadline_at)

    @property
    def lets_finish(self) -> bool:
        """Whether what is in somebody's hands may be finished: a draining project lets go of nothing by force."""
        return self.state in {self.State.ACTIVE, self.State.DRAINING}


class Guideline(Created):
    """One version of what raters are told. Immutable: a change is a new number."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="guideline_number")]

    def __str__(self) -> str:
        return f"guideline {self.number} of {self.project}"


class Aspect(models.Model):
    """One line of the rubric, e.g. helpfulness."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="aspects")
    key = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    ordinal = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["ordinal", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="aspect_key")]

    def __str__(self) -> str:
        return self.name
