"""How a project routes, and the router's word on each item."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Item
from common.models import CleanJSONField, Created
from projects.models import Project
from routing.models.judges import Judge
from routing.models.risk import RiskModel


class RoutingPlan(Created):
    """One version of how a project routes. Immutable; the highest number is in force.

    A project without a plan routes nothing: items wait in state `new`.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="routing_plans")
    number = models.PositiveIntegerField()
    policy = models.CharField(max_length=40)
    config = CleanJSONField(default=dict)
    sampling = CleanJSONField(default=dict, help_text="What is drawn at random whatever the policy says")
    judge = models.ForeignKey(Judge, models.PROTECT, null=True, blank=True, related_name="plans")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="routing_plan_number")]

    def __str__(self) -> str:
        return f"{self.policy} (plan {self.number})"


class StreamPrice(models.Model):
    """What risk a person's label is worth on a stream at the moment: the dual price that makes a budget last.

    `seen` and `bought`: items that passed under the plan, and those of them that went to people, since `since`: the
    beginning of the budget's period, or of the plan.
    """

    plan = models.OneToOneField(RoutingPlan, models.CASCADE, related_name="stream_price")
    price = models.FloatField()
    since = models.DateField(null=True, blank=True)
    seen = models.PositiveIntegerField(default=0)
    bought = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=1), name="stream_price_is_a_risk"),
            models.CheckConstraint(condition=Q(bought__lte=models.F("seen")), name="stream_price_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.price:.3f} for {self.plan}"


class Decision(Created):
    """The router's word on an item and why. A later word (escalation) is a new ordinal; none is ever changed.

    `asked` is what a figure over all routed items is weighted by. Of an item's words one counts: the first that might
    have asked people. What a later word asks of people on top is used for the label and for learning, but in figures
    the item has been represented by those that were drawn; and a pilot stands for itself, with 1.
    """

    class Route(models.TextChoices):
        HUMAN = "human", _("People")
        JUDGE = "judge", _("Judge")
        BOTH = "both", _("Both")

    class Purpose(models.TextChoices):
        """Why people were, or were not, asked. All but `plan` and `escalation` are drawn at random."""

        PLAN = "plan", _("The plan")
        PILOT = "pilot", _("Pilot")
        CALIBRATION = "calibration", _("Calibration")
        AUDIT = "audit", _("Audit")
        ESCALATION = "escalation", _("Escalation")

    item = models.ForeignKey(Item, models.CASCADE, related_name="decisions")
    plan = models.ForeignKey(RoutingPlan, models.PROTECT, null=True, blank=True, related_name="decisions")
    ordinal = models.PositiveSmallIntegerField(default=1)
    route = models.CharField(max_length=5, choices=Route.choices)
    purpose = models.CharField(max_length=11, choices=Purpose.choices, default=Purpose.PLAN)
    propensity = models.FloatField(help_text="Probability that the route taken would be taken; never 0")
    asked = models.FloatField(
        default=0,
        help_text="Of the one word whose draw counts: the probability that it asks people; 0: any other word",
    )
    draw = models.FloatField(null=True, blank=True, help_text="The random number that settled it, in [0, 1)")
    risk = models.FloatField(
        null=True, blank=True, help_text="P(the judge disagrees with people), where the policy knows"
    )
    risk_model = models.ForeignKey(
        RiskModel, models.SET_NULL, null=True, blank=True, related_name="decisions", help_text="What gave the risk"
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
            models.CheckConstraint(condition=Q(asked__gte=0, asked__lte=1), name="decision_asked"),
            models.UniqueConstraint(fields=["item"], condition=Q(asked__gt=0), name="decision_one_counts"),
            models.CheckConstraint(
                condition=Q(purpose="plan") | ~Q(route="judge"), name="decision_purpose_asks_people"
            ),
        ]
        indexes = [
            # What was drawn at random is a small part of all words, and counted again and again.
            models.Index(
                fields=["plan", "purpose", "created_at"],
                condition=Q(purpose__in=["pilot", "calibration", "audit"]),
                name="decision_drawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.route}"
