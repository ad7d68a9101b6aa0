"""What was promised, on which sample, until when; and what has gone wrong since."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import FormVersion
from common.models import CleanJSONField, Created
from projects.models import Guideline, Project
from routing.models.judges import Judge
from routing.models.risk import RiskModel


class Certificate(Created):
    """Of what the judge keeps, it agrees with people at least 1 - alpha of the time, with confidence 1 - delta.

    It speaks of one judge, one form, one guideline and one way to rank items (`risk_model`; null: by the judge's own
    confidence), and ends with any of them. `threshold`: the judge keeps an item of at least this confidence, 1 - risk;
    null: nothing could be promised, all of it goes to people. `tag`: of which slice ("key=value"; "": of all).
    `share`: the part of delta spent on this one; each further certification of a project has a smaller part.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="certificates")
    judge = models.ForeignKey(Judge, models.PROTECT, related_name="certificates")
    form_version = models.ForeignKey(FormVersion, models.PROTECT, related_name="+")
    guideline = models.ForeignKey(Guideline, models.PROTECT, null=True, blank=True, related_name="+")
    risk_model = models.ForeignKey(RiskModel, models.PROTECT, null=True, blank=True, related_name="certificates")
    tag = models.CharField(max_length=200, blank=True)
    number = models.PositiveIntegerField()
    alpha = models.FloatField()
    delta = models.FloatField()
    share = models.FloatField()
    threshold = models.FloatField(null=True, blank=True)
    sample = models.PositiveIntegerField(help_text="Calibration items, drawn at random")
    kept = models.PositiveIntegerField()
    agreed = models.PositiveIntegerField()
    bound = models.FloatField(help_text="Lower bound on agreement among what is kept")
    details = CleanJSONField(default=dict)
    until = models.DateTimeField(null=True, blank=True, help_text="When it ends by age; null: never")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="certificate_number"),
            models.UniqueConstraint(
                fields=["project", "judge", "tag"], condition=Q(ended_at=None), name="certificate_in_force"
            ),
            models.CheckConstraint(
                condition=Q(alpha__gt=0, alpha__lt=1, delta__gt=0, delta__lt=1, share__gt=0)
                & Q(share__lte=models.F("delta")),
                name="certificate_levels",
            ),
            models.CheckConstraint(
                condition=Q(agreed__lte=models.F("kept")) & Q(kept__lte=models.F("sample")), name="certificate_counts"
            ),
            models.CheckConstraint(
                condition=Q(threshold=None) | Q(bound__gte=1 - models.F("alpha")), name="certificate_holds"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_why="") | (Q(ended_at__isnull=False) & ~Q(ended_why="")),
                name="certificate_ended_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"certificate {self.number}"


class Alarm(Created):
    """Something an admin should look at. One of a kind and subject is open at a time, until it is closed."""

    class Kind(models.TextChoices):
        AUDIT = "audit", _("Audits disagree more than was promised")
        DRIFT = "drift", _("What comes in has changed")
        PROBE = "probe", _("A judge can be talked into a verdict")
        GATE = "gate", _("The judge does not pass for a person here")

    project = models.ForeignKey(Project, models.CASCADE, related_name="alarms")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.CharField(max_length=200, blank=True, help_text="A judge, a tag, a feature")
    said = models.TextField(help_text="In a sentence an admin can read")
    details = CleanJSONField(default=dict)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "subject"], condition=Q(closed_at=None), name="alarm_open_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=["audit", "drift", "probe", "gate"]), name="alarm_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
