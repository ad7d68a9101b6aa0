"""The hard budget. Whoever opens slots allocates first, in the same transaction, by one conditional update.

An update that would exceed a limit matches no row: the CHECK constraints of Budget never have to fire.
"""

from decimal import Decimal

from django.db import transaction
from django.db.models import Case, DecimalField, F, Q, Value, When
from django.db.models.functions import Greatest, Round
from django.utils.translation import gettext as _

from annotation.models import Slot
from common.charts import fixed
from common.errors import Invalid
from projects.models import Project
from routing.models import Budget


def budget_of(*, project: Project) -> Budget:
    """The project's budget, made without limits where there is none."""
    return Budget.objects.get_or_create(project=project)[0]


def allocate(*, project_id: int, labels: int, money: Decimal) -> bool:
    """Takes `labels` human labels and `money` out of the budget, both or neither; False where that would exceed it."""
    # Rounded in the database too: SQLite reckons money in floats, and cents that drift would miss a limit by nothing.
    new_labels, new_money = F("labels_allocated") + labels, Round(F("money_allocated") + money, 6)
    within = Q()
    if labels:  # where nothing is asked for, a limit that was reached is no hindrance
        within &= Q(labels_limit=None) | Q(labels_limit__gte=new_labels)
    if money:
        within &= Q(money_limit=None) | Q(money_limit__gte=new_money)
    taken = Budget.objects.filter(within, project_id=project_id).update(
        labels_allocated=new_labels, money_allocated=new_money
    )
    if taken == 0 and not Budget.objects.filter(project_id=project_id).exists():
        Budget.objects.get_or_create(project_id=project_id)
        return allocate(project_id=project_id, labels=labels, money=money)
    return taken == 1


def release(*, project_id: int, labels: int = 0, money: Decimal = Decimal(0)) -> None:
    """Gives back what was allocated and will not be used; never below nothing."""
    Budget.objects.filter(project_id=project_id).update(
        labels_allocated=Case(
            When(labels_allocated__gte=labels, then=F("labels_allocated") - labels), default=Value(0)
        ),
        money_allocated=Greatest(
            Round(F("money_allocated") - money, 6), Value(Decimal(0)), output_field=DecimalField()
        ),
    )


def settle(*, project_id: int, reserved: Decimal, spent: Decimal) -> None:
    """A judge's call has cost `spent` where `reserved` was allocated.

    What it cost more is booked up to the limit: the money is gone, and what is booked may not exceed what was allowed.
    """
    if spent <= reserved:
        release(project_id=project_id, money=reserved - spent)
    elif not allocate(project_id=project_id, labels=0, money=spent - reserved):
        Budget.objects.filter(project_id=project_id).update(money_allocated=F("money_limit"))


@transaction.atomic
def reconcile(*, project: Project) -> int:
    """Releases the labels of slots that annotation has voided since; returns how many.

    Annotation knows no budget: it leaves void slots, and what is allocated is counted again from the slots there are.
    The budget's lock is held, so no router is between its allocation and its slots.
    """
    budget = Budget.objects.select_for_update().filter(project=project).first()
    if budget is None:
        return 0
    wanted = Slot.objects.filter(project=project, audience=Slot.Audience.HUMAN, purpose=Slot.Purpose.LABEL)
    asked = wanted.exclude(state=Slot.State.VOID).count()
    freed = budget.labels_allocated - asked
    if freed > 0:
        release(project_id=project.pk, labels=freed, money=freed * project.price_per_label)
    return max(0, freed)


@transaction.atomic
def set_limits(*, project: Project, labels: int | None, money: Decimal | None) -> Budget:
    """Sets the limits; None: no limit. Raises Invalid where more than that is allocated already."""
    budget = Budget.objects.select_for_update().get(pk=budget_of(project=project).pk)
    fields: dict[str, list[str]] = {}
    if labels is not None and labels < budget.labels_allocated:
        fields["labels_limit"] = [_("%(number)s labels are allocated already.") % {"number": budget.labels_allocated}]
    if money is not None and money < budget.money_allocated:
        fields["money_limit"] = [_("%(money)s is allocated already.") % {"money": fixed(budget.money_allocated, 2)}]
    if fields:
        raise Invalid(_("A limit cannot lie below what is allocated already."), code="limit-too-low", fields=fields)
    budget.labels_limit, budget.money_limit = labels, money
    budget.save(update_fields=["labels_limit", "money_limit"])
    return budget
