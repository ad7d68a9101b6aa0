"""Who belongs to a project, and the links that let people in."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from projects.models.project import Project


class Role(models.TextChoices):
    ADMIN = "admin", _("Admin")
    RESEARCHER = "researcher", _("Researcher")
    REVIEWER = "reviewer", _("Reviewer")
    RATER = "rater", _("Rater")


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
    consent_number = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Which consent they agreed to last; empty: none, or withdrawn")
    )
    survey_number = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Which survey they were asked last; what they told is not here")
    )
    completed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When they had done their part, and were shown a completion code")
    )
    completion_code = models.CharField(max_length=20, blank=True, help_text=_("Their own, where each has one"))
    paused_at = models.DateTimeField(null=True, blank=True, help_text=_("Since when they are given nothing"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role"),
            models.UniqueConstraint(
                fields=["project", "completion_code"],
                condition=~Q(completion_code=""),
                name="membership_completion_code",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"

    @property
    def consent_due(self) -> bool:
        asked = self.project.consent_number
        return asked is not None and asked != self.consent_number

    @property
    def survey_due(self) -> bool:
        """Once, whatever version; a changed survey troubles nobody again."""
        return self.project.survey_number is not None and self.survey_number is None

    @property
    def welcome_due(self) -> bool:
        """Whether something must be read or told before the next item."""
        return self.consent_due or self.survey_due


class Invitation(Created):
    """A link that makes whoever opens it a member with one role, once. Only the hash of its secret is kept."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    note = models.CharField(max_length=120, blank=True, help_text=_("Whom it is for; only admins see it"))
    name = models.CharField(max_length=80, blank=True, help_text=_("What the person is called, unless they say else"))
    email = models.EmailField(blank=True)
    cohort = models.SlugField(max_length=40, blank=True)
    languages = CleanJSONField(default=list, blank=True)
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


class OpenLink(Created):
    """A link that makes raters of at most `capacity` people, e.g. those of a crowd platform. Its secret is not kept.

    `parameter`: the name of the query parameter in which the platform hands over its participant's id; empty: none is
    asked for. `used` only grows: a person who leaves does not make room.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="open_links")
    note = models.CharField(max_length=120, blank=True, help_text=_("What it is for; only admins see it"))
    cohort = models.SlugField(max_length=40, blank=True)
    parameter = models.CharField(max_length=40, blank=True)
    capacity = models.PositiveIntegerField()
    used = models.PositiveIntegerField(default=0)
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(used__lte=models.F("capacity")), name="open_link_capacity"),
        ]

    def __str__(self) -> str:
        return f"open link {self.pk} of {self.project}"


class Participant(Created):
    """Who came by an open link, and what the platform calls them. Private: it leaves in no export, and goes with them.

    `came_new`: the account was made for this link, without a password: an admin may give its owner a new way in.
    """

    link = models.ForeignKey(OpenLink, models.CASCADE, related_name="participants")
    member = models.OneToOneField(Membership, models.CASCADE, related_name="participant")
    external_id = models.CharField(max_length=200, blank=True)
    came_new = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["link", "external_id"], condition=~Q(external_id=""), name="participant_external_id"
            )
        ]

    def __str__(self) -> str:
        return f"participant {self.pk} of {self.link}"
