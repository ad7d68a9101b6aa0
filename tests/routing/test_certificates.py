"""What is promised, on which sample, until when: certificates in the database, audits, and what ends them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from common.errors import Conflict
from projects.models import Project
from routing.models import Alarm, Certificate, Decision, Judge, PromiseCheck, Reading, RiskModel, RoutingPlan
from routing.promises import thresholds as exact
from routing.services import promises
from routing.services.alarms import close_alarm
from routing.services.budgets import set_limits
from routing.services.certificates import end_stale, thresholds
from routing.services.certifying import certify
from routing.waiting import waiting
from tests import factories
from tests.routing.worlds import Done, make

pytestmark = pytest.mark.django_db
Plan = Callable[..., RoutingPlan]


@pytest.fixture
def certified(plan: Plan) -> RoutingPlan:
    """A plan that keeps what is certified of the simulated judge, with a calibration sample of 200."""
    return plan("certified", sampling={"calibration": 200})


def calibration(
    n: int = 200, seed: int = 0, right: float = 0.99, tags: Any = lambda i: {}, people: bool = True
) -> list[Done]:
    """Calibration items of a judge that is right where it is sure, with probability `right`, and half as often else."""
    random = np.random.default_rng(seed)
    sure = np.round(random.beta(2, 1, n), 2)
    agrees = random.random(n) < np.where(sure > 0.6, right, right / 2)
    return [
        Done(
            judge="left",
            people=[("left" if agrees[i] else "right") if people else None],
            purpose="calibration",
            route="both",
            confidence=float(sure[i]),
            tags=tags(i),
        )
        for i in range(n)
    ]


def test_a_certificate_is_what_the_exact_test_says_of_the_sample(certified: RoutingPlan, simulated: Judge) -> None:
    done = calibration()
    make(certified, simulated, done)
    # None of these is of the sample: other draws, items without a word of people, or of a judge that was not sure.
    make(certified, simulated, [Done(people=["right"], purpose="pilot", route="both")] * 20)
    make(certified, simulated, [Done(people=["right"], purpose="calibration", route="both", confidence=None)] * 5)
    (made,) = certify(plan=certified)
    assert (made.number, made.share, made.sample) == (1, 0.05, 200)
    sure = [one.confidence for one in done]
    expected = exact.certify(sure, [one.people == ["left"] for one in done], alpha=0.1, delta=0.05)
    assert made.threshold == expected.threshold is not None
    assert (made.kept, made.agreed, made.bound) == (expected.kept, expected.agreed, expected.bound)
    assert thresholds(certified) == {"": made.threshold}
    (again,) = certify(plan=certified)
    made.refresh_from_db()
    assert made.ended_why == "It was made anew." and (again.number, again.share) == (2, pytest.approx(0.1 / 6))
    assert again.threshold is None or again.threshold >= made.threshold


def test_slices_have_promises_of_their_own_and_the_rest_has_one(certified: RoutingPlan, simulated: Judge) -> None:
    promises.set_terms(project=certified.project, tag="safety")
    make(certified, simulated, calibration(200, tags=lambda i: {"safety": "high"} if i % 2 else {}))
    bad = [Done(people=["right"], purpose="calibration", route="both", tags={"safety": "low"})] * 40
    make(certified, simulated, bad)
    make(
        certified, simulated, [Done(people=["left"], purpose="calibration", route="both", tags={"safety": "rare"})] * 3
    )
    made = {one.tag: one for one in certify(plan=certified)}
    assert {tag: one.sample for tag, one in made.items()} == {"": 103, "safety=high": 100, "safety=low": 40}
    assert [made[tag].number for tag in ("", "safety=high", "safety=low")] == [1, 2, 3], "the largest is given the most"
    assert sum(one.share for one in made.values()) <= 0.1
    bars = thresholds(certified)
    assert bars["safety=low"] is None and set(bars) == set(made)
    Certificate.objects.filter(tag="safety=high").update(ended_at=timezone.now(), ended_why="A test.")
    assert thresholds(certified)["safety=high"] is None, "what the rest was promised does not speak of it"


def test_what_has_changed_ends_a_certificate_before_anybody_writes_it_down(
    certified: RoutingPlan, simulated: Judge, project: Project
) -> None:
    make(certified, simulated, calibration())
    (made,) = certify(plan=certified)

    def stale() -> str:
        assert thresholds(certified) == {}
        assert end_stale(project=project) == 1
        why = Certificate.objects.get(pk=made.pk).ended_why
        Certificate.objects.filter(pk=made.pk).update(ended_at=None, ended_why="")
        return why

    assert end_stale(project=project) == 0 and thresholds(certified)
    factories.GuidelineFactory(project=project)
    assert stale() == "The guideline has changed."
    project.guidelines.first().delete()
    form = factories.FormVersionFactory(project=project)
    assert stale() == "The form has changed."
    form.delete()
    common = {"project": project, "judge": simulated, "number": 1, "features_version": 0}
    RiskModel.objects.create(form_version=project.form_versions.get(), **common)
    assert thresholds(certified), "a model that is not ready ranks nothing"
    Certificate.objects.filter(pk=made.pk).update(until=timezone.now() - timedelta(seconds=1))
    assert stale() == "Its time is over."
    Certificate.objects.filter(pk=made.pk).update(until=None)
    assert thresholds(certified)
    promises.set_terms(project=project, alpha=0.05)
    assert thresholds(certified) == {}, "more is wanted than was promised"


def audit(disagree: int, n: int, tags: Any = lambda i: {}) -> list[Done]:
    return [
        Done(people=["right" if i < disagree else "left"], purpose="audit", route="human", asked=0.05, tags=tags(i))
        for i in range(n)
    ]


def test_certificates_are_made_when_the_sample_is_complete_and_refused_where_nothing_holds(
    certified: RoutingPlan, simulated: Judge, project: Project
) -> None:
    make(certified, simulated, calibration(199))
    assert promises.check(project_id=project.pk) and not Certificate.objects.exists()
    make(certified, simulated, calibration(1, people=False))
    promises.check(project_id=project.pk)
    assert not Certificate.objects.exists(), "one has not been answered"
    promises.ask(project=project, certify=True)
    assert promises.due() == [project.pk]
    promises.check(project_id=project.pk)
    assert Certificate.objects.get().details["waiting"] == 1
    promises.check(project_id=project.pk)
    assert Certificate.objects.count() == 1, "what holds is not made again"
    assert promises.due() == []


def test_a_refusal_stands_until_the_sample_has_grown(
    certified: RoutingPlan, simulated: Judge, project: Project
) -> None:
    make(certified, simulated, calibration(200, right=0.5))
    for _again in range(2):
        promises.check(project_id=project.pk)
        refused = Certificate.objects.get()
        assert refused.threshold is None and refused.bound < 0.9 and thresholds(certified) == {"": None}
    make(certified, simulated, calibration(100))
    promises.check(project_id=project.pk)
    assert Certificate.objects.count() == 2


def test_audits_that_disagree_too_often_raise_an_alarm_that_ends_what_was_promised(
    certified: RoutingPlan, simulated: Judge, project: Project, ada: Any
) -> None:
    promises.set_terms(project=project, tag="safety", suspend=True)
    make(certified, simulated, calibration())
    make(certified, simulated, audit(4, 60, tags=lambda i: {"safety": "high" if i % 2 else "low"}))
    make(certified, simulated, [Done(purpose="audit", route="human", asked=0.05)] * 3)
    promises.check(project_id=project.pk)
    reading = Reading.objects.get(kind="audit", subject="")
    assert (reading.labelled, reading.items, reading.details["disagree"]) == (60, 63, 4)
    assert reading.low < 4 / 60 < reading.high and len(reading.details["course"]) == 60
    assert set(Reading.objects.filter(kind="audit").values_list("subject", flat=True)) == {
        "",
        "safety=high",
        "safety=low",
    }
    assert not Alarm.objects.exists() and any(bar is not None for bar in thresholds(certified).values())
    make(certified, simulated, audit(40, 60))
    promises.check(project_id=project.pk)
    alarm = Alarm.objects.get()
    assert alarm.kind == "audit" and "Of 120 audited items people disagreed with the judge on 44" in alarm.said
    simulated.refresh_from_db()
    assert thresholds(certified) == {} and simulated.suspended_why == alarm.said
    # The old sample makes no new promise, and old audits say nothing about what comes.
    promises.check(project_id=project.pk)
    assert thresholds(certified) == {} and Reading.objects.get(kind="audit").labelled == 0
    close_alarm(alarm=alarm, by=ada)
    promises.check(project_id=project.pk)
    assert Alarm.objects.filter(closed_at=None).count() == 0
    make(certified, simulated, calibration(right=1))
    promises.check(project_id=project.pk)
    assert thresholds(certified)[""] is not None


def test_the_work_is_taken_by_one_worker_and_ends_in_a_named_state(
    certified: RoutingPlan, project: Project, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(promises.gate, "read_gate", broken)
    for attempt in (1, 2, 3):
        assert promises.due() == [project.pk]
        assert not promises.check(project_id=project.pk)
        row = PromiseCheck.objects.get()
        assert row.state == ("failed" if attempt == 3 else "due") and row.error == "RuntimeError: no room"
    assert promises.due() == []
    monkeypatch.undo()
    promises.ask(project=project, by=ada)
    PromiseCheck.objects.update(state="running", owner=uuid.uuid4(), heartbeat_at=timezone.now(), attempt=1)
    assert not promises.check(project_id=project.pk) and promises.fail_lost() == 0
    with pytest.raises(Conflict, match="nothing to test"):
        promises.ask(project=project, certify=True, by=ada)
    PromiseCheck.objects.update(certify=True, heartbeat_at=timezone.now() - timedelta(hours=2))
    assert promises.fail_lost() == 1 and promises.due() == [project.pk]
    assert promises.check(project_id=project.pk)
    row = PromiseCheck.objects.get()
    assert (row.state, row.error, row.attempt) == ("idle", "", 0) and Certificate.objects.exists()
    assert promises.due() == []


def test_what_the_judge_has_answered_waits_for_its_first_certificate_and_no_longer(
    project: Project, plan: Plan, items: Any, settle: Callable[[], None]
) -> None:
    drawn = plan("certified", sampling={"pilot": 0, "calibration": 10, "second_share": 0, "audits_a_week": 0})
    items(40)
    settle()
    words = Decision.objects.filter(item__project=project)
    assert words.filter(purpose="calibration").count() == 10 and not words.filter(ordinal=2).exists()
    (waits,) = waiting(project, drawn)
    assert waits.count == 30 and "calibration sample" in waits.why
    certify(plan=drawn)  # nothing can be promised of it: that is an answer
    settle()
    assert words.filter(ordinal=2, route="human").count() == 30 and not waiting(project, drawn)


def test_where_nobody_can_be_paid_no_certificate_is_waited_for(
    project: Project, plan: Plan, items: Any, settle: Callable[[], None]
) -> None:
    set_limits(project=project, labels=5, money=None)
    plan("certified", sampling={"pilot": 0, "calibration": 10, "second_share": 0, "audits_a_week": 0})
    items(20)
    settle()
    last = Decision.objects.filter(item__project=project, ordinal=2)
    assert last.count() + 10 >= 20 and set(last.values_list("route", flat=True)) == {"judge"}
