"""Items that a judge has kept are sent to people afterwards: by what is asked for, within the budget, and once."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Annotation, Item, Slot
from annotation.services.items import open_slots
from common.errors import Conflict, Invalid
from projects.models import Project
from routing import tasks
from routing.models import Budget, Decision, Escalation, Judge
from routing.services import budgets, escalations
from routing.services.calls import run_batch
from routing.services.escalations import order, stop, take_up
from routing.services.judges import create_judge

pytestmark = pytest.mark.django_db


def carry_through(made: Escalation) -> Escalation:
    while escalations.carry_on(escalation_id=made.pk):
        pass
    made.refresh_from_db()
    return made


def asked(project: Project) -> set[int]:
    return set(Slot.objects.filter(project=project, audience="human").values_list("item", flat=True))


def everything(project: Project) -> dict[str, int]:
    """Criteria that hold for whatever the judge has kept."""
    return {"judge": project.judges.get().pk}


@pytest.fixture
def kept(project: Project, items: Any, plan: Any, settle: Any) -> list[Item]:
    """Twelve items that the judge has kept, with the risk that it was given credit for."""
    made: list[Item] = items(12)
    plan("confidence")
    budgets.set_limits(project=project, labels=0, money=None)
    settle()
    budgets.set_limits(project=project, labels=None, money=None)
    assert not asked(project)
    return made


def test_what_is_asked_for_goes_to_people_in_batches_and_is_seen(
    project: Project, kept: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalations, "BATCH", 5)
    words = Decision.objects.filter(item__project=project, ordinal=2)
    bar = sorted(one.risk for one in words if one.risk is not None)[6]
    wanted = set(words.filter(risk__gte=bar).values_list("item", flat=True))
    made = carry_through(order(project=project, criteria={"risk": bar}))
    assert (made.state, made.items, made.looked_at, made.asked) == ("done", len(wanted), len(wanted), len(wanted))
    assert asked(project) == wanted
    last = Decision.objects.filter(purpose="escalation")
    assert set(last.values_list("item", flat=True)) == wanted
    assert {(one.ordinal, one.route, one.propensity, one.asked) for one in last} == {(3, "human", 1.0, 1.0)}
    assert set(Item.objects.filter(pk__in=wanted).values_list("state", flat=True)) == {"open"}
    with pytest.raises(Conflict, match="no item"):
        order(project=project, criteria={"risk": bar})


def test_a_second_judge_that_disagrees_sends_an_item_to_people(
    project: Project, kept: list[Item], simulated: Judge
) -> None:
    other = create_judge(project=project, name="Other", kind="simulated", config={"flip": 0.4, "seed": 5})
    for item in kept:
        first = Decision.objects.get(item=item, ordinal=1)
        (slot,) = open_slots(item=item, humans=0, judges=1)
        other.calls.create(item=item, decision=first, slot=slot)
    while run_batch(judge=other):
        pass
    said = {(one.item_id, one.rater_id): one.values["preference"]["choice"] for one in Annotation.objects.all()}
    differ = {item.pk for item in kept if said[item.pk, other.rater_id] != said[item.pk, simulated.rater_id]}
    assert 0 < len(differ) < 12
    made = carry_through(order(project=project, criteria={"second": other.pk, "judge": simulated.pk}))
    assert asked(project) >= differ and made.looked_at == 12
    assert made.asked == len(asked(project)) < 12


def test_the_budget_stops_it_and_it_goes_on_where_it_was(project: Project, kept: list[Item]) -> None:
    budgets.set_limits(project=project, labels=5, money=None)
    made = carry_through(order(project=project, criteria=everything(project)))
    assert (made.state, made.asked, made.why) == ("stopped", 5, escalations.SPENT)
    budgets.set_limits(project=project, labels=20, money=None)
    take_up(escalation=made)
    made = carry_through(made)
    assert (made.state, made.asked, made.looked_at) == ("done", 12, 12)
    assert Budget.objects.get(project=project).labels_allocated == 12
    assert asked(project) == {item.pk for item in kept}


def test_a_spent_period_makes_it_wait_and_an_admin_can_stop_it(project: Project, kept: list[Item]) -> None:
    budgets.set_limits(project=project, labels=None, money=None, period="day", period_money=Decimal("0.90"))
    made = carry_through(order(project=project, criteria=everything(project)))
    assert (made.state, made.asked, made.why) == ("running", 3, escalations.LATER)
    with pytest.raises(Conflict, match="at work"):
        order(project=project, criteria=everything(project))
    Budget.objects.update(period_start="2020-01-01")
    assert escalations.running().get() == made
    made = carry_through(made)
    assert made.asked == 6
    stop(escalation=made)
    assert not escalations.carry_on(escalation_id=made.pk)
    with pytest.raises(Conflict):
        stop(escalation=made)


def test_a_failure_is_seen_and_can_be_taken_up(
    project: Project, kept: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = order(project=project, criteria=everything(project))
    with monkeypatch.context() as broken:
        broken.setattr(escalations, "_ask_people", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            escalations.carry_on(escalation_id=made.pk)
    made.refresh_from_db()
    assert made.state == "failed" and "ZeroDivisionError" in made.why
    take_up(escalation=made)
    assert carry_through(made).asked == 12


def test_faulty_criteria_are_named(project: Project, kept: list[Item], other_project: Project) -> None:
    stranger = create_judge(project=other_project, name="Theirs", kind="simulated", config={})
    for criteria, name in (({"risk": 2}, "risk"), ({"judge": stranger.pk}, "judge"), ({"colour": "red"}, "colour")):
        with pytest.raises(Invalid) as caught:
            order(project=project, criteria=criteria)
        assert set(caught.value.fields) == {name}
    with pytest.raises(Invalid, match="without a condition"):
        order(project=project, criteria={})
    assert not Escalation.objects.exists()


def test_an_admin_orders_stops_and_takes_up_by_page_and_by_api(
    project: Project, kept: list[Item], ada: User, noor: User, browse: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(tasks, "ring_escalation", rung.append)
    client, path = browse(ada), "/projects/bicycles/routing/escalations/"
    assert client.get(path + "new/").status_code == 200
    wrong = client.post(path + "new/", {"risk": "2"})
    assert wrong.status_code == 422 and "at most 1" in wrong.content.decode()
    nothing = client.post(path + "new/", {"tag": "colour=red"})
    assert nothing.status_code == 422 and "no item that is like this" in nothing.content.decode()
    assert client.post(path + "new/", {"risk": "0"}).status_code == 302
    made = Escalation.objects.get()
    assert rung == [made.pk] and made.created_by == ada and made.criteria == {"risk": 0.0}
    assert client.post(f"{path}{made.pk}/stop/").status_code == 302
    page = browse(noor).get(path).content.decode()
    assert "Risk from: 0" in page and "0 of 12" in page and "Take up again" not in page
    assert "Take up again" in client.get(path).content.decode()
    writer, reader = api(ada), api(noor)
    every = "/api/v1/projects/bicycles/routing/escalations/"
    own = f"{every}{made.pk}/"
    assert writer.post(own + "stop/").status_code == 409
    assert writer.post(own + "again/").json()["state"] == "running"
    second = writer.post(every, {"risk": 0.1})
    assert second.status_code == 409 and "at work" in second.json()["detail"]
    carry_through(made)
    seen = reader.get(own).json()
    assert (seen["state"], seen["looked_at"], seen["asked"]) == ("done", 12, 12)
    assert reader.post(own + "stop/").status_code == 404
