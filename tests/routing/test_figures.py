"""What is said of all routed items is not biased by the routing; what is promised can be read, by page and API."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import AuditEvent, User
from annotation.models import Annotation
from annotation.services import leases, submissions
from annotation.services.raters import rater_for
from projects.models import Project
from routing import tasks
from routing.models import Alarm, Decision, Judge, PromiseCheck, Reading, RoutingPlan
from routing.promises import drift
from routing.selectors.judges import judge_agreement
from routing.services import promises
from routing.services.figures import Column, Routed, Whole, estimate
from tests import factories
from tests.routing.test_certificates import audit, calibration
from tests.routing.worlds import Done, make


def world(random: np.random.Generator, n: int = 1500) -> tuple[Whole, Column, float]:
    """A routed project: people see what the judge is unsure of, a tenth of the rest, a pilot; some answers are still
    to come. Returns the naive mean too: people's word where there is one, else the judge's."""
    whole, column, naive = Whole(), Column(), []
    for row in range(n):
        hard = random.random() < 0.4
        people = float(random.random() < (0.4 if hard else 0.8))
        judged = people if random.random() < (0.5 if hard else 0.6) else 1 - people
        if row < 100:
            asked, why = 1.0, "pilot, certain"
        elif hard:
            asked, why = 1.0, "plan, certain"
        else:
            asked, why = 0.1, "audit" if random.random() < 0.1 else ""
        answered = bool(why) and random.random() < (1.0 if row < 100 else 0.7)
        whole.add(Routed(row, asked, why, {}, [{}] if answered else []))
        column.add(row, [people] if answered else [], judged)
        naive.append(people if answered else judged)
    return whole, column, float(np.mean(naive))


def test_figures_of_routed_items_are_unbiased_where_a_plain_mean_is_far_off() -> None:
    random, truth, found, naive, covered = np.random.default_rng(0), 0.4 * 0.4 + 0.6 * 0.8, [], [], 0
    for _ in range(60):
        whole, column, plain = world(random)
        chances = whole.chances()
        assert chances is not None
        made = estimate(column, chances)
        assert made is not None
        found.append(made.value)
        naive.append(plain)
        covered += made.low <= truth <= made.high
    assert abs(np.mean(found) - truth) < 0.01 and abs(np.mean(naive) - truth) > 0.1
    assert covered >= 52  # 57 expected of 60


def test_drift_is_told_from_chance() -> None:
    random = np.random.default_rng(1)
    alarms = [drift.drift(random.random(100), random.random(100)) for _ in range(200)]
    assert sum(one.index > drift.MOVED for one in alarms) > 20 > 3 > sum(one.moved for one in alarms)
    assert drift.drift(random.random(150), random.random(500) ** 3).moved


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    rung: list[int] = []
    monkeypatch.setattr(tasks, "ring_promises", rung.append)
    return rung


def url(name: str, *args: Any) -> str:
    return reverse(f"routing:{name}", args=["bicycles", *args])


def api_url(name: str, *args: Any) -> str:
    return reverse(f"routing-api:{name}", args=["bicycles", *args])


@pytest.mark.django_db
def test_figures_are_read_of_what_was_routed_and_by_whom_it_was_answered(
    plan: Callable[..., RoutingPlan], simulated: Judge, project: Project
) -> None:
    made = plan("confidence")
    models = ("calm", "brisk")
    kept = [Done(judge="left", asked=0.1, models=models)] * 180
    audited = [
        Done(
            judge="left",
            people=["left" if i < 12 else "right"],
            purpose="audit",
            route="human",
            asked=0.1,
            models=models,
        )
        for i in range(20)
    ]
    hard = [Done(judge="left", people=["tie"], route="human", models=models)] * 100
    never = [Done(judge="right", asked=0.0)] * 7
    # People were asked on top of a word that counts and spared them: the item has been represented by the audits.
    make(made, simulated, [*kept, *audited, *hard, *never])
    assert promises.check(project_id=project.pk)
    shares = {one.subject: one for one in Reading.objects.filter(kind="share")}
    # Of 300 items: 200 of which the judge says left, put right by the audits; 100 ties.
    expected = (200 - 8 / 0.1) / 300
    assert shares["preference=left"].value == pytest.approx(expected)
    assert shares["preference=right"].value == pytest.approx(8 / 0.1 / 300)
    assert shares["preference=tie"].value == pytest.approx(1 / 3)
    assert (shares["preference=tie"].labelled, shares["preference=tie"].items) == (120, 300)
    assert shares["preference=tie"].details == {"unreached": 7}
    wins = {one.subject: one.value for one in Reading.objects.filter(kind="win")}
    calm = (200 - 8 / 0.1 + 50) / 300
    assert wins == {"preference=calm": pytest.approx(calm), "preference=brisk": pytest.approx(1 - calm)}
    agreement = judge_agreement(simulated)
    assert agreement.share == pytest.approx(12 / 0.1 / (20 / 0.1 + 100)), "the naive share is 12 of 120"
    assert (agreement.pairs, agreement.items) == (120, 120)
    # What has been asked and is not answered at all leaves the figures as they were.
    make(made, simulated, [Done(judge="left", people=[None], purpose="calibration", route="both", models=models)] * 5)
    promises.ask(project=project)
    promises.check(project_id=project.pk)
    assert Reading.objects.get(subject="preference=tie").items == 300


@pytest.mark.django_db
def test_what_the_router_really_did_can_be_read_as_it_was_done(
    plan: Callable[..., RoutingPlan], project: Project, rosa: User, items: Any, settle: Any
) -> None:
    """By the true flow: pilot, policy, audits and hidden answers; people prefer the first response of every item."""
    for factory in (factories.ItemFactory, factories.PromptFactory, factories.ResponseFactory):
        factory.reset_sequence(0)  # what is drawn hangs on the names of items
    made = plan("confidence", threshold=0.75, sampling={"pilot": 15, "audit_share": 0.4, "hidden_share": 0.2})
    items(60)
    settle()
    rater = rater_for(project=project, user=rosa)
    while (lease := leases.claim(project=project, rater=rater)) is not None:
        left = lease.display_order.index(min(lease.display_order))
        value = {"choice": "AB"[left], "strength": 1}
        submissions.submit(rater=rater, token=lease.token, values={"preference": value})
    assert promises.check(project_id=project.pk) and PromiseCheck.objects.get().error == ""
    words = Decision.objects.filter(plan=made)
    audits = words.filter(purpose="audit").count()
    assert audits and Reading.objects.get(kind="audit").labelled == audits == Reading.objects.get(kind="audit").items
    share = Reading.objects.get(kind="share", subject="preference=left")
    asked = words.filter(asked__gt=0).exclude(route="judge")
    assert (share.items, share.labelled, share.details) == (60, asked.count(), {"unreached": 0})
    # By hand: people always say left, so every term is 1 where they were asked, and the judge's word where not.
    judged = {
        item: float(values["preference"]["choice"] == "left")
        for item, values in Annotation.objects.filter(rater__kind="judge").values_list("item", "values")
    }
    terms = [
        judged[item] + (0 if route == "judge" else (1 - judged[item]) / chance)
        for item, route, chance in words.filter(asked__gt=0).values_list("item", "route", "asked")
    ]
    assert share.value == pytest.approx(sum(terms) / 60) and share.low <= 1 <= share.high


@pytest.mark.django_db
def test_three_people_say_whether_the_judge_may_stand_for_them(
    plan: Callable[..., RoutingPlan], simulated: Judge, project: Project
) -> None:
    made, random = plan("random", share=0.5), np.random.default_rng(3)
    true = random.choice(["left", "right"], 80)
    blur = lambda rate: [one if random.random() < rate else "tie" for one in true]  # noqa: E731
    people = [blur(0.8) for _ in range(3)]
    rows = [Done(judge="tie", people=[one[i] for one in people], purpose="pilot", route="both") for i in range(80)]
    make(made, simulated, rows[:40])
    promises.check(project_id=project.pk)
    assert Reading.objects.get(kind="gate").details["passed"] is None and not Alarm.objects.exists()
    # Items that were chosen for what the judge said of them do not count.
    make(made, simulated, [Done(judge="left", people=["left"] * 3, route="human", threshold=0.5)] * 60)
    make(made, simulated, rows[40:])
    promises.check(project_id=project.pk)
    reading = Reading.objects.get(kind="gate")
    assert reading.details["passed"] is False and reading.items == 80 and reading.details["people"] == 3
    alarm = Alarm.objects.get()
    assert alarm.kind == "gate" and "the judge stands for 0 % of 3 people" in alarm.said


@pytest.mark.django_db
def test_the_page_says_what_is_promised_and_the_api_the_same(
    plan: Callable[..., RoutingPlan],
    simulated: Judge,
    project: Project,
    ada: User,
    noor: User,
    browse: Callable[..., Client],
    api: Callable[..., APIClient],
    bells: list[int],
    django_assert_max_num_queries: Any,
) -> None:
    admin, reader = browse(ada), browse(noor)
    assert "there is nothing to promise" in reader.get(url("promises")).content.decode()
    made = plan("certified", sampling={"calibration": 150})
    assert "No certificate is in force" in reader.get(url("promises")).content.decode()
    wrong = admin.post(url("promise_terms"), {"alpha": "2", "delta": "0.1", "days": "30", "epsilon": "0.1"})
    assert wrong.status_code == 422 and not bells
    terms = {"alpha": "0.15", "delta": "0.1", "days": "30", "epsilon": "0.2", "tag": "", "suspend": "on"}
    assert admin.post(url("promise_terms"), terms).status_code == 302
    assert bells == [project.pk] and AuditEvent.objects.filter(kind="terms.set").exists()
    make(made, simulated, [*calibration(150), *audit(3, 60)])
    promises.check(project_id=project.pk)
    with django_assert_max_num_queries(25):
        page = reader.get(url("promises")).content.decode()
    assert "people would agree with it on at least 85.0%" in page and "Tested on 150 items drawn at random" in page
    assert "people disagree with at most" in page and "Certify now" not in page and "<polyline" in page
    assert admin.post(url("promise_certify")).status_code == 302 and PromiseCheck.objects.get().certify
    Alarm.objects.create(project=project, kind="drift", subject="confidence", said="The last 900 items differ.")
    assert "The last 900 items differ." in reader.get(url("promises")).content.decode()
    assert "The last 900 items differ." in reader.get(url("desk")).content.decode()
    alarm = Alarm.objects.get()
    admin.post(url("alarm_close", alarm.pk))
    alarm.refresh_from_db()
    assert alarm.closed_by == ada and AuditEvent.objects.filter(kind="alarm.closed").count() == 1
    client = api(noor)
    view = client.get(api_url("promises")).json()
    assert view["judge"] == "Simulated" and view["terms"]["alpha"] == 0.15 and view["check"]["state"] == "due"
    assert view["held"][0]["statement"] in page.replace("&#x27;", "'") and view["alarms"] == []
    assert view["calibration"] == {"drawn": 150, "waiting": 0, "wanted": 150}
    assert client.get(api_url("certificates")).json()["count"] == 1
    rows = client.get(api_url("readings") + "?kind=audit").json()["results"]
    assert rows[0]["labelled"] == 60 and rows[0]["statement"] and client.get(api_url("alarms")).json()["count"] == 1
    assert client.get(api_url("readings") + "?kind=mood").status_code == 422
    assert client.post(api_url("certificates")).status_code == 404
    assert api(ada).patch(api_url("promise_terms"), {"alpha": 0}).status_code == 422
    assert api(ada).patch(api_url("promise_terms"), {"alpha": 0.2}).json()["days"] == 30
