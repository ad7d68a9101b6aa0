"""Who annotates, what they are asked, and how fast it goes."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from projects.models import Project


class FormVersion(Created):
    """What a rater is asked: an ordered list of protocols. Immutable: a change is a new number.

    `fields`: [{"name": "preference", "protocol": "pairwise", "config": {…}}], checked by each protocol.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="form_versions")
    number = models.PositiveIntegerField()
    fields = CleanJSONField()
    refitted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the items that the form before could not be put to were looked at again"
    )

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="form_number")]

    def __str__(self) -> str:
        return f"form {self.number} of {self.project}"


class Rater(Created):
    """Who annotates in one project: a person, a judge, or an annotator known only from an import.

    `pseudonym` is all that ever leaves the project. A judge's `external_id` is the hash of its identity
    (model + prompt + parser + sampling).
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        JUDGE = "judge", _("Judge")
        RECORDED_PERSON = "recorded_person", _("Person, from an import")
        RECORDED_JUDGE = "recorded_judge", _("Judge, from an import")

    project = models.ForeignKey(Project, models.CASCADE, related_name="raters")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="raters")
    external_id = models.CharField(max_length=200, blank=True)
    pseudonym = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], condition=Q(user__isnull=False), name="rater_user"),
            models.UniqueConstraint(
                fields=["project", "kind", "external_id"], condition=~Q(external_id=""), name="rater_external_id"
            ),
            models.UniqueConstraint(fields=["project", "pseudonym"], name="rater_pseudonym"),
            models.CheckConstraint(condition=Q(user__isnull=True) | Q(kind="person"), name="rater_user_is_person"),
            models.CheckConstraint(condition=Q(kind="person") | ~Q(external_id=""), name="rater_identity"),
        ]

    def __str__(self) -> str:
        return self.pseudonym

    @property
    def is_human(self) -> bool:
        return self.kind in {self.Kind.PERSON, self.Kind.RECORDED_PERSON}


class Pace(models.Model):
    """How long a judgment takes in a project, measured now and then: a lease is sized by it, never by a sum."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="pace", primary_key=True)
    median_active_ms = models.PositiveIntegerField()
    measured_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.median_active_ms} ms a judgment in {self.project}"


class Tally(models.Model):
    """Figures of a project too large to be counted whenever somebody looks: counted in the background, with their age.

    `figures`: as `annotation.services.tallies.count` makes them; `took_ms`: how long, which says how often.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="tally", primary_key=True)
    figures = CleanJSONField(default=dict)
    took_ms = models.PositiveIntegerField()
    counted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"figures of {self.project}"
