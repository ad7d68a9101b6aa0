"""Labels frozen into snapshots; methods executed on them as runs; what the runs measured and made."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from corpus.models import ModelVersion
from projects.models import Project

MAX_ATTEMPTS = 3


class Snapshot(Created):
    """An immutable, hashed set of labels as files. `derivation` pins consensus rule, ties, filters and the split.

    queued → building → ready | failed (a person may try again). `owner` fences the worker that builds it: whoever lost
    it to another can no longer finish it. A builder that fell silent is replaced, at most three attempts.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        BUILDING = "building", _("Freezing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, models.CASCADE, related_name="snapshots")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    derivation = CleanJSONField()
    phase = models.CharField(max_length=120, blank=True, help_text="What its worker is doing, in words")
    counts = CleanJSONField(default=dict)
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    path = models.CharField(max_length=500, blank=True, help_text="Under VAR_DIR")
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="snapshot_number"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "building", "ready", "failed"]), name="snapshot_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="ready") | ~(Q(manifest_sha256="") | Q(path="")), name="snapshot_ready_is_hashed"
            ),
            models.CheckConstraint(
                condition=~Q(state="building") | Q(owner__isnull=False, heartbeat_at__isnull=False),
                name="snapshot_building_has_owner",
            ),
            models.CheckConstraint(condition=Q(attempt__lte=MAX_ATTEMPTS), name="snapshot_three_attempts"),
        ]

    def __str__(self) -> str:
        return self.name or gettext("snapshot %(number)s") % {"number": self.number}


class Hashing(Created):
    """The hash of a model folder that was registered, and who is making it. Ends in `ModelVersion.sha256`.

    queued → hashing → done | failed (a person may try again), claimed as snapshots are.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting to be hashed")
        HASHING = "hashing", _("Being hashed")
        DONE = "done", _("Hashed")
        FAILED = "failed", _("Not hashed")

    version = models.OneToOneField(ModelVersion, models.CASCADE, primary_key=True, related_name="hashing")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED, db_index=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "hashing", "done", "failed"]), name="hashing_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="hashing") | Q(owner__isnull=False, heartbeat_at__isnull=False),
                name="hashing_has_owner",
            ),
            models.CheckConstraint(condition=Q(attempt__lte=MAX_ATTEMPTS), name="hashing_three_attempts"),
        ]

    def __str__(self) -> str:
        return f"hash of {self.version}"


LIVE = ["starting", "running", "cancelling"]
ACTIVE = ["queued", *LIVE]


class Run(Created):
    """One execution of a method. The row is the truth: a worker owns it by `owner`, and every write carries that token.

    queued → starting → running → (cancelling) → succeeded | failed | cancelled | lost. A lost run is queued again with
    its last checkpoint, at most three attempts. `spec_hash` makes starting idempotent: one active run a specification.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        STARTING = "starting", _("Starting")
        RUNNING = "running", _("Running")
        CANCELLING = "cancelling", _("Stopping")
        SUCCEEDED = "succeeded", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        LOST = "lost", _("Lost")

    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    method = models.CharField(max_length=40)
    snapshot = models.ForeignKey(Snapshot, models.PROTECT, null=True, blank=True, related_name="runs")
    base = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="runs_from")
    reference = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="+")
    reward = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="+")
    config = CleanJSONField(default=dict, help_text="The method's resolved configuration")
    inputs = CleanJSONField(
        default=dict, help_text="What was pinned at the start beside the configuration, e.g. {round, pairs}"
    )
    seed = models.PositiveIntegerField(default=0)
    spec_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    step = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    phase = models.CharField(max_length=120, blank=True, help_text="What it is doing, in words")
    token_budget = models.PositiveIntegerField(
        null=True, blank=True, help_text="What memory allows, after an attempt ran out of it; else the configuration's"
    )
    checkpoint = CleanJSONField(null=True, blank=True, help_text="{path, step, sha256} of the newest one")
    result = CleanJSONField(default=dict)
    report_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Of report.json in its output; empty where nothing was measured"
    )
    error = models.TextField(blank=True)
    produced = models.OneToOneField(ModelVersion, models.PROTECT, null=True, blank=True, related_name="made_by")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "spec_hash"], condition=Q(state__in=ACTIVE), name="run_one_active_per_spec"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[*ACTIVE, "succeeded", "failed", "cancelled", "lost"]), name="run_state"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=LIVE) | Q(owner__isnull=False, heartbeat_at__isnull=False),
                name="run_live_has_owner",
            ),
            models.CheckConstraint(condition=Q(attempt__lte=MAX_ATTEMPTS), name="run_three_attempts"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state__in=ACTIVE), name="run_active")]

    def __str__(self) -> str:
        return f"run {self.pk} ({self.method})"


class Metric(models.Model):
    """What a run measured at one step. A resumed run overwrites the steps it repeats, so the curve has no seam."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="metrics")
    step = models.PositiveIntegerField()
    values = CleanJSONField()
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["step"]
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="metric_step")]

    def __str__(self) -> str:
        return f"step {self.step} of {self.run}"


class LogLine(models.Model):
    """One line of a run's log, as a person reads it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="log_lines")
    at = models.DateTimeField(auto_now_add=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    text = models.TextField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text[:80]
