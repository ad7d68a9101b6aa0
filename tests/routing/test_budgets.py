"""Limits in all and of a period: both are kept, a new period begins by itself, and what is given back finds its own."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from annotation.models import Item, Slot
from annotation.services.items import void_slots
from common.errors import Invalid
from projects.models import Project
from routing.models import Budget, Decision, Judge, Purchase
from routing.services import budgets
from routing.services.budgets import Purse, Room, begin, following
from routing.services.follow_up import follow_up
from routing.services.plans import current_plan
from routing.services.route_new import route_new
from routing.waiting import waiting

CENT = Decimal("0.01")
amounts = st.tuples(st.integers(0, 3), st.integers(0, 300).map(lambda n: n * CENT))
limits = st.one_of(st.none(), st.integers(0, 10))


@given(
    moves=st.lists(st.tuples(st.sampled_from(["take", "back", "settle"]), amounts, st.booleans()), max_size=30),
    labels=limits,
    period_labels=limits,
    money=limits,
    period_money=limits,
)
def test_no_order_of_events_exceeds_a_limit_or_goes_below_nothing(
    moves: Any, labels: Any, period_labels: Any, money: Any, period_money: Any
) -> None:
    today = begin("week", timezone.now().date())
    own = Budget(
        period="week", period_start=today, labels_limit=labels, period_labels_limit=period_labels,
        money_limit=None if money is None else Decimal(money),
        period_money_limit=None if period_money is None else Decimal(period_money),
    )  # fmt: skip
    purse, now, long_ago = Purse(own), timezone.now(), timezone.now() - timedelta(days=30)
    for what, (some, cost), recent in moves:
        before = (own.labels_allocated, own.money_allocated, own.period_labels_allocated, own.period_money_allocated)
        if what == "take":
            room = purse.take(some, cost)
            assert (room is Room.YES) == (
                before != (own.labels_allocated, own.money_allocated, own.period_labels_allocated,
                           own.period_money_allocated)
            ) or not (some or cost)  # fmt: skip
        elif what == "back":
            purse.give_back(some, cost, now if recent else long_ago)
            if not recent:
                assert (own.period_labels_allocated, own.period_money_allocated) == before[2:]
        else:
            purse.settle(CENT * some, cost, now if recent else long_ago)
        for name in ("labels", "money", "period_labels", "period_money"):
            taken, limit = getattr(own, f"{name}_allocated"), getattr(own, f"{name}_limit")
            assert taken >= 0 and (limit is None or taken <= limit)


def test_periods_are_those_of_the_calendar() -> None:
    friday = date(2027, 12, 31)
    assert begin("day", friday) == friday and following("day", friday) == date(2028, 1, 1)
    assert begin("week", friday) == date(2027, 12, 27) and following("week", date(2027, 12, 27)) == date(2028, 1, 3)
    assert begin("month", friday) == date(2027, 12, 1) and following("month", date(2027, 12, 1)) == date(2028, 1, 1)
    assert following("month", date(2028, 2, 1)) == date(2028, 3, 1)


def people(project: Project) -> int:
    return Slot.objects.filter(project=project, audience="human").exclude(state="void").count()


def next_period() -> None:
    Budget.objects.update(period_start="2020-01-01")


@pytest.mark.django_db
def test_a_spent_period_waits_for_the_next_and_a_spent_budget_leaves_it_to_the_judge(
    project: Project, items: Callable[[int], list[Item]], plan: Any
) -> None:
    items(10)
    in_force = plan("all_human")
    budgets.set_limits(project=project, labels=5, money=None, period="day", period_labels=3)
    assert route_new(project=project) == 3
    assert route_new(project=project) == 0 and Item.objects.filter(state="new").count() == 7
    assert "The budget of this period is spent" in waiting(project, in_force)[0].why
    next_period()
    assert route_new(project=project) == 7, "two of people; and no period brings back what is spent for good"
    assert people(project) == 5
    assert Decision.objects.filter(route="judge").count() == 5
    assert budgets.budget_of(project=project).period_labels_allocated == 2


@pytest.mark.django_db
def test_what_the_judge_is_unsure_of_waits_for_the_next_period(
    project: Project, items: Any, plan: Any, settle: Any
) -> None:
    items(6)
    plan("confidence", threshold=1)
    budgets.set_limits(project=project, labels=None, money=None, period="month", period_labels=4)
    settle()
    assert people(project) == 4
    assert [one.count for one in waiting(project, current_plan(project=project))] == [2]
    assert follow_up(project=project) == 0
    next_period()
    assert follow_up(project=project) == 2 and people(project) == 6


@pytest.mark.django_db
def test_what_is_voided_comes_back_at_its_price_and_to_its_period(project: Project, items: Any, plan: Any) -> None:
    items(4)
    plan("all_human")
    budgets.set_limits(project=project, labels=None, money=None, period="week", period_money=Decimal("2.00"))
    route_new(project=project)
    project.price_per_label = Decimal("0.20")
    project.save()
    old, new = Slot.objects.order_by("pk")[:2]
    Purchase.objects.filter(slot=old).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    with budgets.hold(project.pk) as purse:
        purse.budget.period_money_allocated -= Decimal("0.30")  # what was bought then was taken out of another period
        purse.budget.period_labels_allocated -= 1
    void_slots(slots=[old, new])
    assert budgets.reconcile(project=project) == 2
    own = Budget.objects.get(project=project)
    assert (own.labels_allocated, own.money_allocated) == (2, Decimal("0.60"))
    assert (own.period_labels_allocated, own.period_money_allocated) == (2, Decimal("0.60"))
    assert budgets.reconcile(project=project) == 0


@pytest.mark.django_db
def test_an_admin_sets_a_period_and_the_page_says_how_it_stands(
    project: Project, ada: User, browse: Callable[..., Client], items: Any, plan: Any, simulated: Judge
) -> None:
    items(3)
    plan("all_human")
    route_new(project=project)
    client, path = browse(ada), "/projects/bicycles/routing/budget/"
    refused = client.post(path, {"period": "", "period_labels_limit": "5"})
    assert refused.status_code == 422 and "Choose the period" in refused.content.decode()
    refused = client.post(path, {"period": "week", "period_labels_limit": "2"})
    assert refused.status_code == 422 and "3 labels are allocated already" in refused.content.decode()
    assert client.post(path, {"period": "week", "period_labels_limit": "4", "expected_items": "9"}).status_code == 302
    page = client.get("/projects/bicycles/routing/").content.decode()
    assert "Labels of people, this week" in page and "to last for 9 items" in page
    with pytest.raises(Invalid):
        budgets.set_limits(project=project, labels=2, money=None)
    assert Budget.objects.get(project=project).labels_limit is None


@pytest.mark.django_db
def test_the_api_sets_what_the_page_sets(project: Project, ada: User, api: Callable[..., Any]) -> None:
    client, path = api(ada), "/api/v1/projects/bicycles/routing/budget/"
    wanted = {"labels_limit": 9, "money_limit": None, "period": "day", "period_money_limit": "1.5", "expected_items": 7}
    found = client.put(path, wanted).json()
    assert (found["period"], found["period_money_limit"], found["expected_items"]) == ("day", "1.500000", 7)
    assert found["period_start"] < found["period_ends"]
    assert client.put(path, {"labels_limit": 9, "money_limit": None, "period": ""}).json()["period"] == ""
    refused = client.put(path, {"labels_limit": 9, "money_limit": None, "period_labels_limit": 3})
    assert refused.status_code == 422 and "period" in refused.json()["errors"]
