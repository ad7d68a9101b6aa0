"""The budget that cannot be overrun, and each label that was bought from it."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models import Slot
from common.models import Created
from projects.models import Project
from routing.models.decisions import Decision


class Budget(models.Model):
    """What a project may still ask for. A decision allocates before its slots exist, so claims can never overrun it.

    `labels_*` count human slots; `money_*` people and judges together, in the project's currency. null: no limit.
    `period_*`: the same within the calendar day, week or month (UTC) that began at `period_start`; what is taken out
    counts against both. A period whose end has passed holds nothing: the next allocation begins another.
    `expected_items`: a stream is paced, so that what may be asked of people lasts for so many items.
    """

    class Period(models.TextChoices):
        NONE = "", _("none")
        DAY = "day", _("day")
        WEEK = "week", _("week")
        MONTH = "month", _("month")

    project = models.OneToOneField(Project, models.CASCADE, related_name="budget")
    labels_limit = models.PositiveIntegerField(null=True, blank=True)
    labels_allocated = models.PositiveIntegerField(default=0)
    money_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    money_allocated = models.DecimalField(max_digits=14, decimal_places=6, default=Decimal(0))
    period = models.CharField(max_length=5, choices=Period.choices, blank=True, default=Period.NONE)
    period_start = models.DateField(null=True, blank=True)
    period_labels_limit = models.PositiveIntegerField(null=True, blank=True)
    period_labels_allocated = models.PositiveIntegerField(default=0)
    period_money_limit = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    period_money_allocated = models.DecimalField(max_digits=14, decimal_places=6, default=Decimal(0))

    expected_items = models.PositiveIntegerField(
        null=True, blank=True, help_text="Of a period, or in all; null: a stream is not paced"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(labels_limit=None) | Q(labels_allocated__lte=F("labels_limit")), name="budget_labels"
            ),
            models.CheckConstraint(
                condition=Q(money_limit=None) | Q(money_allocated__lte=F("money_limit")), name="budget_money"
            ),
            models.CheckConstraint(condition=Q(money_allocated__gte=0), name="budget_money_positive"),
            models.CheckConstraint(
                condition=Q(period_labels_limit=None) | Q(period_labels_allocated__lte=F("period_labels_limit")),
                name="budget_period_labels",
            ),
            models.CheckConstraint(
                condition=Q(period_money_limit=None) | Q(period_money_allocated__lte=F("period_money_limit")),
                name="budget_period_money",
            ),
            models.CheckConstraint(condition=Q(period_money_allocated__gte=0), name="budget_period_money_positive"),
            models.CheckConstraint(
                condition=Q(period="", period_start=None, period_labels_limit=None, period_money_limit=None)
                | (Q(period__in=["day", "week", "month"]) & Q(period_start__isnull=False)),
                name="budget_period_known",
            ),
        ]

    def __str__(self) -> str:
        return f"budget of {self.project}"


class Purchase(Created):
    """A line of the ledger: one label asked of a person, at the price of that day. Made with its slot, in one go.

    What became of it is the slot's state and stands nowhere else: reserved while the slot is open or leased, committed
    when it is done, released when it is void. A judge's line is its call. docs/adr/0011-the-ledger-is-the-slots.md
    """

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="purchase")
    decision = models.ForeignKey(Decision, models.CASCADE, related_name="purchases")
    price = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(price__gte=0), name="purchase_price")]

    def __str__(self) -> str:
        return f"{self.slot_id} for {self.price}"
