"""A project, its people, its guideline and its rubric."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created


class Project(Created):
    """One campaign of feedback: people, prompts, a form, a budget, and the models that come of it."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"

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
    raters_see_statistics = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1, overlap__lte=50), name="project_overlap_1_to_50"),
            models.CheckConstraint(condition=Q(state__in=["active", "paused", "archived"]), name="project_state"),
            models.CheckConstraint(
                condition=Q(lease_seconds_min__gte=10, lease_seconds_max__gte=models.F("lease_seconds_min")),
                name="project_lease_bounds",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    RESEARCHER = "researcher", "Researcher"
    REVIEWER = "reviewer", "Reviewer"
    RATER = "rater", "Rater"


class Membership(Created):
    """One person in one project: their role, what they may be given, and whether they are given anything now.

    `languages` (BCP 47 tags) and `topics` (tags of items): lists of text; an empty one stands for all.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    cohort = models.SlugField(max_length=40, blank=True, help_text=_("A group of raters, e.g. experts"))
    languages = CleanJSONField(default=list, blank=True, help_text=_("Those the rater reads; none stands for all"))
    topics = CleanJSONField(default=list, blank=True, help_text=_("Those the rater chose; none stands for all"))
    paused_at = models.DateTimeField(null=True, blank=True, help_text=_("Since when they are given nothing"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


class Invitation(Created):
    """A link that makes whoever opens it a member with one role, once. Only the hash of its secret is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    note = models.CharField(max_length=120, blank=True, help_text="Whom it is for; only admins see it")
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    used_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role"),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(revoked_at__isnull=True), name="invitation_used_or_revoked"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.project}"


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
