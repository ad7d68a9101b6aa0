"""What the router has learnt: when a judge is likely to disagree with people."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import FormVersion, Item
from common.models import CleanJSONField, Created
from projects.models import Project
from routing.models.judges import Judge


class ItemFeatures(models.Model):
    """The features of an item's texts, which never change: float32, as `routing.features.text_row` has them.

    What its judges said is in their calls; `version`: of the features' meaning.
    """

    item = models.OneToOneField(Item, models.CASCADE, related_name="lexical", primary_key=True)
    version = models.PositiveSmallIntegerField()
    values = models.BinaryField()
    encoder = models.CharField(max_length=64, blank=True, default="", help_text="Which one said the similarities")
    cosines = models.BinaryField(default=bytes, help_text="Of each pair of texts, the prompt first; empty: not known")

    def __str__(self) -> str:
        return f"features of {self.item_id}"


class RiskModel(Created):
    """One fitting of P(the judge disagrees with people), for one judge and one form.

    fitting → ready (it may route) | refused (not better than chance, or too little to learn from) | failed. Of several
    that are ready the highest number is in force, as long as its judge and its form are.
    `parameters`: {"judge": Fitted, "people": Fitted or null (P(two people disagree)), "tags": slices that are
    features, "history": rates by tag and models (`routing.history`), "like": [[highest risk, items, agreed]] of
    tenths of the items it was fitted on, by out-of-fold risk, "sample": what the curve of the desk is made of
    (`routing.services.forecasts.sample_of`)}.
    """

    class State(models.TextChoices):
        FITTING = "fitting", _("Fitting")
        READY = "ready", _("Ready")
        REFUSED = "refused", _("Not used")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, models.CASCADE, related_name="risk_models")
    judge = models.ForeignKey(Judge, models.PROTECT, related_name="risk_models")
    form_version = models.ForeignKey(FormVersion, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.FITTING)
    why = models.TextField(blank=True)
    features_version = models.PositiveSmallIntegerField()
    parameters = CleanJSONField(default=dict)
    items = models.PositiveIntegerField(default=0, help_text="Doubly labelled items it was fitted on")
    auc = models.FloatField(null=True, blank=True)
    auc_low = models.FloatField(null=True, blank=True)
    auc_high = models.FloatField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="When a worker took it up")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="risk_model_number"),
            models.CheckConstraint(
                condition=Q(state__in=["fitting", "ready", "refused", "failed"]), name="risk_model_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(auc__isnull=False, items__gt=0), name="risk_model_ready_is_measured"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(state="fitting"), name="risk_model_one_fitting_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"risk model {self.number}"


class PerformanceReport(Created):
    """What other mixes of a judge's and people's labels would have given (`routing.performance`), as of its day.

    waiting → computing → ready (`result` as `performance.predict` gives it) | failed (`why`).
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        COMPUTING = "computing", _("Computing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, models.CASCADE, related_name="performance_reports")
    judge = models.ForeignKey(Judge, models.PROTECT, related_name="performance_reports")
    form_version = models.ForeignKey(FormVersion, models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    why = models.TextField(blank=True)
    result = CleanJSONField(default=dict)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "computing", "ready", "failed"]), name="performance_report_state"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(state__in=["waiting", "computing"]), name="performance_report_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(state="computing") | Q(started_at__isnull=False), name="performance_report_was_started"
            ),
        ]

    def __str__(self) -> str:
        return f"performance report {self.pk}"
