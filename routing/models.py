"""The router's word on each item, who the judges are, what they were asked, and the budget that cannot be overrun."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Item, Rater, Slot
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

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="judge_name")]

    def __str__(self) -> str:
        return self.name


class RoutingPlan(Created):
    """One version of how a project routes. Immutable; the highest number is in force.

    A project without a plan routes nothing: items wait in state `new`.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="routing_plans")
    number = models.PositiveIntegerField()
    policy = models.CharField(max_length=40)
    config = CleanJSONField(default=dict)
    judge = models.ForeignKey(Judge, models.PROTECT, null=True, blank=True, related_name="plans")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="routing_plan_number")]

    def __str__(self) -> str:
        return f"{self.policy} (plan {self.number})"


class Budget(models.Model):
    """What a project may still ask for. A decision allocates before its slots exist, so claims can never overrun it.

    `labels_*` count human slots; `money_*` people and judges together, in the project's currency. null: no limit.
    """

    project = models.OneToOneField(Project, models.CASCADE, related_name="budget")
    labels_limit = models.PositiveIntegerField(null=True, blank=True)
    labels_allocated = models.PositiveIntegerField(default=0)
    money_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    money_allocated = models.DecimalField(max_digits=14, decimal_places=6, default=Decimal(0))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(labels_limit=None) | Q(labels_allocated__lte=F("labels_limit")), name="budget_labels"
            ),
            models.CheckConstraint(
                condition=Q(money_limit=None) | Q(money_allocated__lte=F("money_limit")), name="budget_money"
            ),
            models.CheckConstraint(condition=Q(money_allocated__gte=0), name="budget_money_positive"),
        ]

    def __str__(self) -> str:
        return f"budget of {self.project}"


class Decision(Created):
    """The router's word on an item and why. A later word (escalation) is a new ordinal; none is ever changed."""

    class Route(models.TextChoices):
        HUMAN = "human", _("People")
        JUDGE = "judge", _("Judge")
        BOTH = "both", _("Both")

    item = models.ForeignKey(Item, models.CASCADE, related_name="decisions")
    plan = models.ForeignKey(RoutingPlan, models.PROTECT, null=True, blank=True, related_name="decisions")
    ordinal = models.PositiveSmallIntegerField(default=1)
    route = models.CharField(max_length=5, choices=Route.choices)
    propensity = models.FloatField(help_text="Probability that the route taken would be taken; never 0")
    draw = models.FloatField(null=True, blank=True, help_text="The random number that settled it, in [0, 1)")
    risk = models.FloatField(
        null=True, blank=True, help_text="P(the judge disagrees with people), where the policy knows"
    )
    threshold = models.FloatField(null=True, blank=True)
    features = CleanJSONField(default=dict)
    reasons = CleanJSONField(default=list, help_text="Sentences an admin can read")
    human_labels = models.PositiveSmallIntegerField(default=0, help_text="Slots for people it opened")
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["item", "ordinal"], name="decision_ordinal"),
            models.CheckConstraint(condition=Q(route__in=["human", "judge", "both"]), name="decision_route"),
            models.CheckConstraint(condition=Q(propensity__gt=0, propensity__lte=1), name="decision_propensity"),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.route}"


class JudgeCall(Created):
    """One asking of a judge about one item, kept whether it answered or not.

    queued → running → answered (its annotation stands) | refused (unparsable or against the schema: people are asked) |
    failed (no answer after all attempts: people are asked). `follow_up_due` marks a finished call that the router has
    not read yet: it may send the item on to people.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Asking")
        ANSWERED = "answered", _("Answered")
        REFUSED = "refused", _("Not usable")
        FAILED = "failed", _("Failed")

    judge = models.ForeignKey(Judge, models.PROTECT, related_name="calls")
    item = models.ForeignKey(Item, models.CASCADE, related_name="judge_calls")
    decision = models.ForeignKey(
        Decision, models.CASCADE, related_name="judge_calls", help_text="The word that asked for it"
    )
    slot = models.OneToOneField(Slot, models.SET_NULL, null=True, blank=True, related_name="judge_call")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True, help_text="Fences the worker that holds it")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="Back-off: a waiting call is not made earlier")
    follow_up_due = models.BooleanField(default=False)
    confidence = models.FloatField(
        null=True, blank=True, help_text="The judge's own, in [0, 1]; null where it gave none"
    )
    answer = CleanJSONField(default=dict, help_text="Per order asked: raw text, verdict, probability, tokens")
    error = models.TextField(blank=True)
    tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0))
    milliseconds = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["judge", "item"], name="judge_call_once"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "answered", "refused", "failed"]), name="judge_call_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(owner__isnull=False, heartbeat_at__isnull=False),
                name="judge_call_running_has_owner",
            ),
            models.CheckConstraint(
                condition=Q(follow_up_due=False) | Q(state__in=["answered", "refused", "failed"]),
                name="judge_call_due_is_finished",
            ),
            models.CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__gte=0, confidence__lte=1), name="judge_call_confidence"
            ),
        ]
        indexes = [
            models.Index(fields=["judge", "id"], condition=Q(state__in=["queued", "running"]), name="judge_call_open"),
            models.Index(fields=["id"], condition=Q(follow_up_due=True), name="judge_call_due"),
        ]

    def __str__(self) -> str:
        return f"{self.judge} on {self.item}"
