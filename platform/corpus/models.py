"""What is judged and by whom it was made: prompts, responses, model versions, and the imports they came with."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from projects.models import Project


class Import(Created):
    """One upload brought in. Claimed by compare-and-set on `state`; `stored` is the state that annotation looks for.

    queued → running (every line checked, then written in batches) → stored → (annotation takes the rows) → succeeded;
    checked: `preview` was asked for, every line has been checked and a person decides whether it goes on (→ queued);
    rejected: lines were bad and `skip_bad_lines` was off (or the file cannot be read: `error` says why), nothing was
    written; failed: infrastructure, may be retried. While running, every write is fenced by `owner`.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Reading")
        CHECKED = "checked", _("To be confirmed")
        STORED = "stored", _("Making items")
        SUCCEEDED = "succeeded", _("Done")
        REJECTED = "rejected", _("Rejected")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey(Project, models.CASCADE, related_name="imports")
    format = models.CharField(max_length=40)
    filename = models.CharField(max_length=200, help_text="The name it was uploaded under; never used as a path")
    path = models.CharField(max_length=500, help_text="A folder under VAR_DIR, named by the server")
    options = CleanJSONField(default=dict)
    skip_bad_lines = models.BooleanField(default=False)
    preview = models.BooleanField(default=False, help_text="Stop once every line is checked; a person looks first")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED, db_index=True)
    owner = models.UUIDField(null=True, blank=True, help_text="Of the worker at it; a new claim is a new owner")
    attempt = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    bytes_total = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    lines = models.PositiveIntegerField(default=0)
    bad_lines = models.PositiveIntegerField(default=0)
    rows_total = models.PositiveIntegerField(default=0, help_text="Good rows waiting in the staging file")
    rows_stored = models.PositiveIntegerField(
        default=0, help_text="How far into the staging file the database has come"
    )
    new_items = models.PositiveIntegerField(default=0)
    known_items = models.PositiveIntegerField(default=0)
    new_annotations = models.PositiveIntegerField(default=0)
    kept_feedback = CleanJSONField(default=dict, help_text="Judgments that became no annotation: {kind: count}")
    found = CleanJSONField(default=dict, help_text="What the check recognised: shapes, kinds, languages, columns")
    report_path = models.CharField(max_length=500, blank=True)
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "checked", "stored", "succeeded", "rejected", "failed"]),
                name="import_state",
            ),
            models.CheckConstraint(
                condition=Q(state="running", owner__isnull=False, heartbeat_at__isnull=False)
                | (~Q(state="running") & Q(owner__isnull=True)),
                name="import_running_has_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} of {self.filename}"


class ModelVersion(Created):
    """Immutable weights and how they came to be. `path`: a local folder; `source`: a hub id or where else from."""

    class Kind(models.TextChoices):
        POLICY = "policy", _("Policy")
        REFERENCE = "reference", _("Reference")
        REWARD = "reward", _("Reward model")

    project = models.ForeignKey(Project, models.CASCADE, related_name="model_versions")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    source = models.CharField(max_length=300, blank=True)
    path = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of its files: weights, configuration, tokenizer")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    config = CleanJSONField(default=dict)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="model_version_name"),
            models.CheckConstraint(condition=Q(kind__in=["policy", "reference", "reward"]), name="model_version_kind"),
            models.CheckConstraint(condition=~Q(path="", source=""), name="model_version_from_somewhere"),
        ]

    def __str__(self) -> str:
        return self.name


class Prompt(Created):
    """What a model is asked. `group` is what a split must never tear apart."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="prompts")
    external_id = models.CharField(max_length=200)
    group = models.CharField(max_length=64, db_index=True, help_text="Prompts of one group stay on one side of a split")
    messages = CleanJSONField(help_text="Chat messages: [{role, content}], content a string or typed parts")
    context = CleanJSONField(default=list, help_text="Passages and references: [{kind, title?, text}]")
    language = models.CharField(max_length=35, blank=True)
    tags = CleanJSONField(default=dict)
    meta = CleanJSONField(default=dict)
    open = models.BooleanField(default=False, help_text="Wants responses of the next policy version")
    source = models.ForeignKey(Import, models.SET_NULL, null=True, blank=True, related_name="prompts")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "external_id"], name="prompt_external_id")]
        indexes = [
            models.Index(fields=["project", "language"], name="prompt_by_language"),
            GinIndex(fields=["tags"], opclasses=["jsonb_path_ops"], name="prompt_by_tag"),
        ]

    def __str__(self) -> str:
        return f"prompt {self.external_id}"


class Response(Created):
    """One model's (or person's) answer to a prompt. Stored exactly as it came: never trimmed, never normalised."""

    class Author(models.TextChoices):
        MODEL = "model", _("Model")
        HUMAN = "human", _("Person")
        UNKNOWN = "unknown", _("Unknown")

    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="responses")
    external_id = models.CharField(max_length=200)
    messages = CleanJSONField(help_text="Usually one assistant message; content a string or typed parts")
    author_kind = models.CharField(max_length=10, choices=Author.choices, default=Author.UNKNOWN)
    model_name = models.CharField(max_length=200, blank=True)
    model_version = models.ForeignKey(ModelVersion, models.PROTECT, null=True, blank=True, related_name="responses")
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    sampling = CleanJSONField(default=dict)
    meta = CleanJSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prompt", "external_id"], name="response_external_id"),
            models.CheckConstraint(
                condition=Q(author_kind__in=["model", "human", "unknown"]), name="response_author_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"response {self.external_id}"


class Candidate(models.Model):
    """A prompt with the responses to be judged, left here for annotation to make an item of.

    `feedback`: judgments recorded elsewhere, [{annotator, annotator_kind, kind, value…}] in the native form
    (docs/how-to/import.md). `taken_at` is set, once, by annotation.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="candidates")
    external_id = models.CharField(max_length=200)
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="candidates")
    response_ids = CleanJSONField(help_text="Responses of that prompt, in import order")
    feedback = CleanJSONField(default=list)
    meta = CleanJSONField(default=dict)
    content_sha256 = models.CharField(
        max_length=64,
        blank=True,
        help_text="Of what was imported: tells the same row come twice from another one under its id",
    )
    source = models.ForeignKey(Import, models.SET_NULL, null=True, blank=True, related_name="candidates")
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "external_id"], name="candidate_external_id")]
        indexes = [models.Index(fields=["project", "id"], condition=Q(taken_at=None), name="candidate_waiting")]

    def __str__(self) -> str:
        return f"candidate {self.external_id}"
