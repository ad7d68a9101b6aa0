"""The hard budget. Whoever opens slots takes their labels and money out first, in the same transaction.

The budget's row is locked while somebody reckons with it, always after slots and items, and for as long as it takes to
write down what was taken; the CHECK constraints of Budget stand behind. No claim and no submission asks for it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.db import transaction
from django.db.models import Case, Count, DecimalField, F, Q, QuerySet, Sum, When
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Slot
from annotation.watch import most_overlap
from common.charts import fixed
from common.errors import Invalid
from projects.models import Project
from routing.models import Budget, JudgeCall, Probe, ProbeRun, Purchase

NOTHING = Decimal(0)
LEAST = Decimal("0.000001")
"""What money is kept to."""


class Room(StrEnum):
    """Whether the budget has room: yes; not in this period, but in the next; no."""

    YES = "yes"
    LATER = "later"
    NONE = "none"


def begin(period: str, day: date) -> date | None:
    """The first day of the calendar period that `day` lies in; weeks begin on Monday. None without a period."""
    match period:
        case Budget.Period.DAY:
            return day
        case Budget.Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Budget.Period.MONTH:
            return day.replace(day=1)
    return None


def following(period: str, start: date) -> date:
    """The first day of the period after the one that began on `start`."""
    if period == Budget.Period.MONTH:
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if period == Budget.Period.WEEK else 1)


@dataclass
class Purse:
    """A budget in hand, its row locked. What happens here is written when the hold ends."""

    budget: Budget

    def __post_init__(self) -> None:
        now = begin(self.budget.period, timezone.now().date())
        if now is not None and self.budget.period_start is not None and self.budget.period_start < now:
            self.budget.period_start = now
            self.budget.period_labels_allocated, self.budget.period_money_allocated = 0, NOTHING

    def room(self, labels: int, money: Decimal) -> Room:
        """Where nothing is asked for, a limit that was reached is no hindrance."""
        own = self.budget
        if not _fits(labels, own.labels_allocated, own.labels_limit):
            return Room.NONE
        if not _fits(money, own.money_allocated, own.money_limit):
            return Room.NONE
        if not _fits(labels, 0, own.period_labels_limit) or not _fits(money, 0, own.period_money_limit):
            return Room.NONE  # no period to come could pay for it either
        if not _fits(labels, own.period_labels_allocated, own.period_labels_limit):
            return Room.LATER
        if not _fits(money, own.period_money_allocated, own.period_money_limit):
            return Room.LATER
        return Room.YES

    def take(self, labels: int, money: Decimal) -> Room:
        """Takes both or neither."""
        room = self.room(labels, money)
        if room is Room.YES:
            self._move(labels, money, own_period=True)
        return room

    def give_back(self, labels: int, money: Decimal, taken_at: datetime) -> None:
        """What was taken and will not be used; a period gets back only what was taken in it. Never below nothing."""
        self._move(-labels, -money, own_period=self._in_period(taken_at))

    def settle(self, reserved: Decimal, spent: Decimal, taken_at: datetime) -> None:
        """Something has cost `spent` where `reserved` had been taken.

        What it cost more is booked up to the limits: the money is gone, and what is booked may not exceed what was
        allowed.
        """
        if spent <= reserved:
            self.give_back(0, reserved - spent, taken_at)
            return
        own, more = self.budget, spent - reserved
        if own.money_limit is not None:
            more = min(more, own.money_limit - own.money_allocated)
        if own.period_money_limit is not None and self._in_period(taken_at):
            more = min(more, own.period_money_limit - own.period_money_allocated)
        self._move(0, max(NOTHING, more), own_period=self._in_period(taken_at))

    def _in_period(self, moment: datetime) -> bool:
        start = self.budget.period_start
        return start is not None and moment.date() >= start

    def _move(self, labels: int, money: Decimal, *, own_period: bool) -> None:
        own, money = self.budget, money.quantize(LEAST)
        own.labels_allocated = max(0, own.labels_allocated + labels)
        own.money_allocated = max(NOTHING, own.money_allocated + money)
        if own_period and own.period:
            own.period_labels_allocated = max(0, own.period_labels_allocated + labels)
            own.period_money_allocated = max(NOTHING, own.period_money_allocated + money)


def _fits(more: int | Decimal, taken: int | Decimal, limit: int | Decimal | None) -> bool:
    return not more or limit is None or taken + more <= limit


COUNTERS = [
    *("labels_allocated", "money_allocated"),
    *("period_start", "period_labels_allocated", "period_money_allocated"),
]


@contextmanager
def hold(project_id: int) -> Iterator[Purse]:
    """The project's budget, locked until the caller's transaction ends; made without limits where there is none."""
    with transaction.atomic():
        found = Budget.objects.select_for_update(no_key=True).filter(project_id=project_id).first()
        if found is None:
            Budget.objects.get_or_create(project_id=project_id)
            found = Budget.objects.select_for_update(no_key=True).get(project_id=project_id)
        purse = Purse(found)
        yield purse
        found.save(update_fields=COUNTERS)


def budget_of(*, project: Project) -> Budget:
    """The project's budget as it is today, to be read: without limits where there is none; a period that is over counts
    as the next one, in which nothing was taken."""
    return Purse(Budget.objects.filter(project=project).first() or Budget(project=project)).budget


def allocate(*, project_id: int, labels: int, money: Decimal) -> Room:
    """Takes labels of people and money out of the budget, both or neither."""
    with hold(project_id) as purse:
        return purse.take(labels, money)


def settle(*, project_id: int, reserved: Decimal, spent: Decimal, taken_at: datetime) -> None:
    """A call that was paid for with `reserved` at `taken_at` has cost `spent`."""
    with hold(project_id) as purse:
        purse.settle(reserved, spent, taken_at)


def give_back(*, project_id: int, slots: Sequence[Slot]) -> None:
    """What was paid for these slots of people, each at the price and in the period of its own day."""
    bought = Purchase.objects.filter(slot__in=slots)
    with hold(project_id) as purse:
        for one in bought:
            purse.give_back(1, one.price, one.created_at)


def quota(project: Project) -> int | None:
    """Items that the budget can still send to people today, at the most that is asked of any; None: no limit."""
    people = most_overlap(project)
    own, cost = budget_of(project=project), people * project.price_per_label
    rooms = [
        int((limit - taken) / each)
        for limit, taken, each in (
            (own.labels_limit, own.labels_allocated, people),
            (own.period_labels_limit, own.period_labels_allocated, people),
            (own.money_limit, own.money_allocated, cost),
            (own.period_money_limit, own.period_money_allocated, cost),
        )
        if limit is not None and each
    ]
    return max(0, min(rooms)) if rooms else None


def reconcile(*, project: Project) -> int:
    """Counts again what is asked for, from the ledger; returns how many labels were freed.

    Annotation knows no budget: it leaves void slots. The budget's lock is held, so no router is between its taking and
    its slots.
    """
    with hold(project.pk) as purse:
        own = purse.budget
        # What is set aside for planted cases has no line until they are answered.
        asking = ProbeRun.objects.filter(judge__project=project, state=ProbeRun.State.RUNNING).exists()
        labels, money = _taken(project)
        money = max(money, own.money_allocated) if asking else money
        freed = max(0, own.labels_allocated - labels)
        own.labels_allocated = min(own.labels_allocated, labels)
        own.money_allocated = min(own.money_allocated, money)
        if own.period_start is not None:
            labels, money = _taken(project, own.period_start)
            money = max(money, own.period_money_allocated) if asking else money
            own.period_labels_allocated = min(own.period_labels_allocated, labels)
            own.period_money_allocated = min(own.period_money_allocated, money)
    return freed


def _taken(project: Project, since: date | None = None) -> tuple[int, Decimal]:
    """(labels, money) of the ledger's lines that are not released, from the day `since`: people at what was paid for
    each, calls at what they cost or, while they last, at what was set aside, planted cases at what they cost."""
    bought = _since(Purchase.objects.filter(slot__project=project).exclude(slot__state=Slot.State.VOID), since)
    people = bought.aggregate(labels=Count("pk"), money=Sum("price"))
    open_ = Q(state__in=[JudgeCall.State.QUEUED, JudgeCall.State.RUNNING])
    cost = Case(When(open_, then=F("judge__price_per_call")), default=F("cost"), output_field=DecimalField())
    calls = _since(JudgeCall.objects.filter(judge__project=project), since).aggregate(money=Sum(cost))
    planted = Probe.objects.filter(run__judge__project=project)
    asked = planted if since is None else planted.filter(asked_at__date__gte=since)
    money = sum((one["money"] or NOTHING for one in (people, calls, asked.aggregate(money=Sum("cost")))), NOTHING)
    return people["labels"], money.quantize(LEAST)


def _since(rows: QuerySet, day: date | None) -> QuerySet:  # type: ignore[type-arg]  # of either table
    return rows if day is None else rows.filter(created_at__date__gte=day)


def set_limits(
    *,
    project: Project,
    labels: int | None,
    money: Decimal | None,
    period: str = "",
    period_labels: int | None = None,
    period_money: Decimal | None = None,
    expected_items: int | None = None,
) -> Budget:
    """Sets the limits; None: no limit. Another period begins with what has been taken in it so far.

    Raises Invalid where more than that is allocated already, and for limits of a period that is none.
    """
    with hold(project.pk) as purse:
        own = purse.budget
        if period != own.period:
            own.period, own.period_start = Budget.Period(period), begin(period, timezone.now().date())
            taken = _taken(project, own.period_start) if period else (0, NOTHING)
            own.period_labels_allocated, own.period_money_allocated = taken
        own.labels_limit, own.money_limit = labels, money
        own.period_labels_limit, own.period_money_limit = period_labels, period_money
        own.expected_items = expected_items
        _check(own)
        own.save()
    return own


def _check(own: Budget) -> None:
    fields: dict[str, list[str]] = {}
    for name in ("labels", "period_labels"):
        limit, taken = getattr(own, f"{name}_limit"), getattr(own, f"{name}_allocated")
        if limit is not None and limit < taken:
            fields[f"{name}_limit"] = [_("%(number)s labels are allocated already.") % {"number": taken}]
    for name in ("money", "period_money"):
        limit, taken = getattr(own, f"{name}_limit"), getattr(own, f"{name}_allocated")
        if limit is not None and limit < taken:
            fields[f"{name}_limit"] = [_("%(money)s is allocated already.") % {"money": fixed(taken, 2)}]
    if fields:
        raise Invalid(_("A limit cannot lie below what is allocated already."), code="limit-too-low", fields=fields)
    if not own.period and (own.period_labels_limit, own.period_money_limit) != (None, None):
        said = [_("Choose the period that this limit is for.")]
        raise Invalid(_("A limit of a period needs a period."), code="period-missing", fields={"period": said})
