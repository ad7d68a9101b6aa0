"""New items get a word: by the plan, within the budget, once, however many routers are at work."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from annotation.models import Item, Slot
from annotation.services import leases, submissions
from annotation.services.items import void_slots
from annotation.services.raters import rater_for
from common.errors import Invalid
from projects.models import Project
from routing import features
from routing.models import Budget, Decision, Judge, JudgeCall, Purchase
from routing.services import budgets, walks
from routing.services import route_new as new_items
from routing.services.plans import current_plan, set_plan
from routing.services.route_new import route_new

Items = Callable[[int], list[Item]]
pytestmark = pytest.mark.django_db


def human_slots(project: Project) -> int:
    return Slot.objects.filter(project=project, audience="human").exclude(state="void").count()


def test_nothing_is_routed_without_a_plan_or_in_a_paused_project(project: Project, items: Items, plan: Any) -> None:
    items(3)
    assert route_new(project=project) == 0
    plan("all_human")
    project.state = Project.State.PAUSED
    assert route_new(project=project) == 0


def test_a_share_of_items_goes_to_people_and_every_word_is_kept(project: Project, items: Items, plan: Any) -> None:
    items(400)
    plan("random", share=0.25)
    assert route_new(project=project) == 400
    people = Decision.objects.filter(item__project=project, route="human")
    assert 70 <= people.count() <= 130  # four standard deviations around 100
    assert set(people.values_list("propensity", flat=True)) == {0.25}
    assert set(Decision.objects.filter(route="judge").values_list("propensity", flat=True)) == {0.75}
    for decision in Decision.objects.filter(item__project=project):
        assert decision.draw is not None and (decision.draw < 0.25) == (decision.route == "human")
        assert (
            len(decision.reasons) == 2
            and decision.features["version"] == features.VERSION
            and decision.plan is not None
        )
    assert human_slots(project) == people.count()
    assert JudgeCall.objects.filter(state="queued").count() == 400 - people.count()
    assert route_new(project=project) == 0


def test_the_same_items_under_the_same_plan_are_routed_alike(project: Project, items: Items, plan: Any) -> None:
    items(50)
    plan("random", share=0.5)
    route_new(project=project)
    first = dict(Decision.objects.values_list("item__external_id", "route"))
    JudgeCall.objects.all().delete()
    Slot.objects.all().delete()
    Decision.objects.all().delete()
    Item.objects.update(state="new")
    route_new(project=project)
    assert dict(Decision.objects.values_list("item__external_id", "route")) == first
    assert len(set(first.values())) == 2


def test_a_plan_that_needs_a_judge_is_refused_without_one(
    project: Project, simulated: Judge, other_project: Project
) -> None:
    for policy, config in (("all_ai", {}), ("random", {"share": 0.5}), ("confidence", {})):
        with pytest.raises(Invalid) as caught:
            set_plan(project=project, policy=policy, config=config)
        assert "judge" in caught.value.fields
    with pytest.raises(Invalid):
        set_plan(project=other_project, policy="all_ai", config={}, judge=simulated)
    with pytest.raises(Invalid) as caught:
        set_plan(project=project, policy="random", config={"share": "much"}, judge=simulated)
    assert "share" in caught.value.fields
    assert current_plan(project=project) is None
    set_plan(project=project, policy="random", config={"share": 1})
    assert set_plan(project=project, policy="random", config={"share": 1.0}).number == 1
    assert set_plan(project=project, policy="all_ai", config={}, judge=simulated).number == 2


def test_when_the_budget_is_spent_the_judge_takes_over(project: Project, items: Items, plan: Any) -> None:
    items(10)
    plan("all_human")
    budgets.set_limits(project=project, labels=4, money=None)
    assert route_new(project=project) == 10
    assert human_slots(project) == 4
    instead = Decision.objects.filter(route="judge")
    assert instead.count() == 6
    assert all("The budget for people is spent." in " ".join(found.reasons) for found in instead)
    assert all(found.propensity == 1 for found in instead)


def test_without_a_judge_items_wait_and_go_on_when_slots_are_voided(
    project: Project, items: Items, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walks, "QUICK", 60)  # however slow this machine is
    project.overlap = 2
    project.save()
    items(5)
    plan("all_human", judge=None)
    budgets.set_limits(project=project, labels=5, money=None)
    assert route_new(project=project) == 2  # two labels each; the fifth is not enough for a third item
    assert Item.objects.filter(project=project, state="new").count() == 3
    void_slots(slots=Slot.objects.filter(project=project)[:2])
    assert route_new(project=project) == 1
    budget = Budget.objects.get(project=project)
    assert budget.labels_allocated == 4 == human_slots(project)
    assert budget.money_allocated == 4 * project.price_per_label


def test_money_bounds_people_and_judges_together(project: Project, items: Items, plan: Any, simulated: Judge) -> None:
    Judge.objects.filter(pk=simulated.pk).update(price_per_call=Decimal("0.1"))
    simulated.refresh_from_db()
    items(10)
    plan("all_human")
    budgets.set_limits(project=project, labels=None, money=Decimal("1.30"))  # 4 people at 0.30, one call at 0.10
    assert route_new(project=project) == 5
    assert Budget.objects.get(project=project).money_allocated == Decimal("1.30")
    assert human_slots(project) == 4


def test_limits_below_what_is_allocated_are_refused(project: Project, items: Items, plan: Any) -> None:
    items(2)
    plan("all_human")
    route_new(project=project)
    with pytest.raises(Invalid) as caught:
        budgets.set_limits(project=project, labels=1, money=Decimal("0.1"))
    assert set(caught.value.fields) == {"labels_limit", "money_limit"}
    assert budgets.set_limits(project=project, labels=2, money=None).labels_limit == 2


def at_once(number: int, work: Callable[[int], None]) -> None:
    """Runs `work(0)` … in so many threads that begin together; raises what any of them raised."""
    start, faults = threading.Barrier(number), []

    def run(which: int) -> None:
        start.wait()
        try:
            work(which)
        except Exception as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def needs_postgres() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's single writer hides the race")


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
@pytest.mark.parametrize("period", ["", "month"])
def test_64_routers_at_once_never_overrun_the_budget(project: Project, items: Items, plan: Any, period: str) -> None:
    """In a period too: what finds no room in it is routed in the next, by the judge where nothing is left at all."""
    needs_postgres()
    items(200)
    plan("random", share=0.7, sampling={"second_share": 0.2, "audit_share": 0.1})
    of_period = {"period": period, "period_labels": 31} if period else {}
    budgets.set_limits(project=project, labels=60, money=Decimal("17.10"), **of_period)  # 57 labels' worth

    def router(_which: int) -> None:
        for _ in range(4):
            route_new(project=project, limit=3)

    at_once(64, router)
    route_new(project=project)
    budget = Budget.objects.get(project=project)
    assert human_slots(project) == budget.labels_allocated == Purchase.objects.count() == (31 if period else 57)
    if period:
        assert budget.period_labels_allocated == 31 and Decision.objects.count() < 200
        for _ in range(2):
            Budget.objects.update(period_start="2020-01-01")
            at_once(16, router)
            route_new(project=project)
    budget.refresh_from_db()
    assert human_slots(project) == budget.labels_allocated == Purchase.objects.count() == 57
    assert Decision.objects.count() == 200 == Decision.objects.values("item").distinct().count()
    assert JudgeCall.objects.values("item").distinct().count() == JudgeCall.objects.count() >= 143
    assert budgets.reconcile(project=project) == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_raters_claim_while_items_are_routed_and_budgets_are_held(
    project: Project, items: Items, plan: Any, rosa: User, rui: User
) -> None:
    """A router in the middle of its transaction holds new items and the budget; a claim asks for neither."""
    needs_postgres()
    items(60)
    plan("all_human", judge=None)
    route_new(project=project, limit=30)
    raters = [rater_for(project=project, user=user) for user in (rosa, rui)]
    answer = {"preference": {"choice": "A", "strength": 3}}
    held, answered = threading.Event(), threading.Event()

    def work(which: int) -> None:
        if which == 2:
            with transaction.atomic(), budgets.hold(project.pk):
                list(Item.objects.filter(project=project, state="new").select_for_update(no_key=True))
                held.set()
                assert answered.wait(60), "raters waited for the router"
            return
        assert held.wait(60)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        for _ in range(5):
            lease = leases.claim(project=project, rater=raters[which])
            assert lease is not None
            submissions.submit(rater=raters[which], token=lease.token, values=answer)
        if Slot.objects.filter(project=project, state="done").count() >= 10:
            answered.set()

    at_once(3, work)
    assert Slot.objects.filter(project=project, state="done").count() == 10


@pytest.mark.django_db
def test_a_router_that_dies_leaves_its_batch_as_it_was_and_the_next_goes_on(
    project: Project, items: Items, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    items(25)
    plan("random", share=0.5)
    monkeypatch.setattr(new_items, "BATCH", 10)
    carried, real = [], new_items.carry_out

    def dies(*args: Any, **kwargs: Any) -> Any:
        carried.append(real(*args, **kwargs))
        if len(carried) == 2:
            raise KeyboardInterrupt
        return carried[-1]

    monkeypatch.setattr(new_items, "carry_out", dies)
    with pytest.raises(KeyboardInterrupt):
        route_new(project=project)
    assert Decision.objects.count() == 10 and Item.objects.filter(state="new").count() == 15
    assert route_new(project=project) == 15
    assert Decision.objects.values("item").distinct().count() == 25 == Decision.objects.count()
    assert Budget.objects.get(project=project).labels_allocated == human_slots(project)


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow_with_the_items(project: Project, items: Items, plan: Any) -> None:
    plan("random", share=0.5, sampling={"pilot": 2, "audit_share": 0.1, "audits_a_week": 5, "hidden_share": 0.1})
    counts = []
    for number in (5, 60):
        items(number)
        with CaptureQueriesContext(connection) as found:
            assert route_new(project=project) == number
        counts.append(len(found))
    assert counts[1] <= counts[0] + 2 <= 40, counts
