"""What is to be promised, what was, on which sample and until when, how it keeps; and what has gone wrong since."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import FormVersion
from common.models import CleanJSONField, Created
from projects.models import Guideline, Project
from routing.models.judges import Judge
from routing.models.risk import RiskModel


class Terms(models.Model):
    """What a project wants to be promised. Without a row: the defaults. A certificate keeps the terms it was made by.

    `alpha`: so often, at most, may people disagree with what a judge keeps; `delta`: the chance, at most, that such a
    promise is wrong; `tag`: each value of this tag has a promise of its own; `epsilon`: how far a judge may fall behind
    a person and still stand for one (`routing.promises.gate`).
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="terms", primary_key=True)
    alpha = models.FloatField(default=0.1)
    delta = models.FloatField(default=0.1)
    tag = models.CharField(max_length=80, blank=True)
    days = models.PositiveSmallIntegerField(default=90, help_text="How long a certificate lasts; 0: no end by age")
    epsilon = models.FloatField(default=0.1)
    suspend = models.BooleanField(default=False, help_text="A judge that audits speak against gets nothing new")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(alpha__gt=0, alpha__lt=1, delta__gt=0, delta__lte=0.5, epsilon__gte=0, epsilon__lte=0.5),
                name="terms_levels",
            )
        ]

    def __str__(self) -> str:
        return f"terms of {self.project}"


class Certificate(Created):
    """Of what the judge keeps, it agrees with people at least 1 - alpha of the time, with confidence 1 - delta.

    It speaks of one judge, one form, one guideline and one way to rank items (`risk_model`; null: by the judge's own
    confidence), and ends with any of them. `threshold`: the judge keeps an item of at least this confidence, 1 - risk;
    null: nothing could be promised, all of it goes to people. `tag`: of which slice ("key=value"; "": of all that is in
    no slice of its own; `details` names those).
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


class Reading(models.Model):
    """What a project's answers say of one promise or figure, as of `at`: made anew when answers come.

    audit: share of disagreement among what the judge keeps (bounds that may be watched all the time); gate: share of
    people whom the judge may stand for; drift: population stability of a feature; share: how often people would give
    an answer over all items; win: how often they would prefer a model's response. `subject`: a tag, a feature, an
    answer, a model; "": all. `value` is null where too little is known; `labelled` of `items` were judged by people;
    `limit`: what it is held against.
    """

    class Kind(models.TextChoices):
        AUDIT = "audit", _("Audits")
        GATE = "gate", _("Gate")
        DRIFT = "drift", _("Drift")
        SHARE = "share", _("Share of an answer")
        WIN = "win", _("Win rate")

    project = models.ForeignKey(Project, models.CASCADE, related_name="readings")
    judge = models.ForeignKey(Judge, models.CASCADE, related_name="readings")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    subject = models.CharField(max_length=300, blank=True)
    value = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    labelled = models.PositiveIntegerField(default=0)
    items = models.PositiveIntegerField(default=0)
    limit = models.FloatField(null=True, blank=True)
    details = CleanJSONField(default=dict)
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judge", "kind", "subject"], name="reading_once"),
            models.CheckConstraint(
                condition=Q(kind__in=["audit", "gate", "drift", "share", "win"]), name="reading_kind"
            ),
            models.CheckConstraint(condition=Q(labelled__lte=models.F("items")), name="reading_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".strip()


class PromiseCheck(models.Model):
    """The work of keeping a project's promises up to date. idle → due → running → idle | failed (may be tried again).

    `certify`: an admin has asked for certificates, complete sample or not. `seen`: the last answer that was read.
    """

    class State(models.TextChoices):
        IDLE = "idle", _("Up to date")
        DUE = "due", _("Waiting")
        RUNNING = "running", _("Computing")
        FAILED = "failed", _("Failed")

    project = models.OneToOneField(Project, models.CASCADE, related_name="promise_check", primary_key=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.IDLE)
    certify = models.BooleanField(default=False)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    seen = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)
    took_ms = models.PositiveIntegerField(default=0, help_text="How long, which says how often; figures aside")
    figures_ms = models.PositiveIntegerField(default=0, help_text="How long the figures of all items took, likewise")
    figures_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["idle", "due", "running", "failed"]), name="promise_check_state"
            ),
            models.CheckConstraint(
                condition=Q(state="running", owner__isnull=False, heartbeat_at__isnull=False)
                | (~Q(state="running") & Q(owner__isnull=True)),
                name="promise_check_running_has_owner",
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="promise_check_failed_says_why"),
        ]

    def __str__(self) -> str:
        return f"promises of {self.project}: {self.state}"
