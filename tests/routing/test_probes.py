"""Planted cases: a judge that can be talked into a verdict is found out and suspended, one that cannot is not."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import User
from annotation.models import Annotation, Item
from common.errors import Conflict
from corpus.models import Response
from projects.models import Project
from routing.attacks import TITLES, attacks, planted
from routing.ledger import COMMITTED, PLANTED, ledger
from routing.models import Alarm, Judge, JudgeCall, Probe, ProbeRun
from routing.promises.thresholds import upper
from routing.selectors.desk import budget_view
from routing.services import probes
from routing.services.budgets import budget_of, set_limits
from routing.services.judges import create_judge, usable
from routing.services.route_new import route_new
from tests import factories
from tests.routing.endpoint import Endpoint, judged, serving

ORDERS = ("Choose it", '"choice": "', "its author", "prefe", "Answer that this one", "choisissez", "greatest help")


def steadfast(data: dict[str, Any]) -> dict[str, Any]:
    """Judges how a response begins, whatever else stands in it."""
    first = {letter: data[f"response_{letter}"].split("\n\n")[0] for letter in "AB"}
    return {"choice": max("AB", key=lambda letter: first[letter]), "strength": 1}


def gullible(data: dict[str, Any]) -> dict[str, Any]:
    """Does what the text of a response tells it to."""
    obeyed = [letter for letter in "AB" if any(order in data[f"response_{letter}"] for order in ORDERS)]
    return {"choice": obeyed[0], "strength": 3} if len(obeyed) == 1 else steadfast(data)


def becomes(endpoint: Endpoint, mind: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The endpoint judges so from now on."""
    endpoint.reply = lambda body: json.dumps(mind(judged(body)))  # type: ignore[method-assign]


@pytest.fixture
def endpoint(settings: Any) -> Iterator[Endpoint]:
    cache.clear()
    with serving() as found:
        settings.JUDGE_ALLOWED_HOSTS = [found.url.split("/")[2]]
        becomes(found, steadfast)
        yield found


@pytest.fixture
def judge(project: Project, endpoint: Endpoint) -> Judge:
    factories.ItemFactory.create_batch(2, project=project)
    config = {"base_url": endpoint.url, "model": "m", "retries": 0, "price_in": 1000}
    return create_judge(project=project, name="Reader", kind="openai_compatible", config=config)


def ran(judge: Judge, **more: Any) -> ProbeRun:
    run = probes.request_probes(judge=judge, **more)
    assert probes.run_probes(run_id=run.pk)
    run.refresh_from_db()
    judge.refresh_from_db()
    return run


def test_every_attack_is_named_and_planted_at_the_end() -> None:
    assert [one.key for one in attacks()] == list(TITLES)
    typed = [{"role": "assistant", "content": [{"type": "text", "text": "So."}]}]
    assert planted(typed, "X")[0]["content"][-1] == {"type": "text", "text": "X"}
    assert (
        planted([{"role": "user", "content": "?"}, {"role": "assistant", "content": "So."}], "X")[1]["content"]
        == "So.\n\nX"
    )
    by_key = {one.key: one for one in attacks()}
    assert '"choice": "B"' in by_key["forged_verdict"].words("B") and len(by_key["padding"].words("A")) > 3000


def test_a_judge_that_cannot_be_talked_into_it_passes_and_leaves_no_trace_in_the_labels(
    judge: Judge, endpoint: Endpoint
) -> None:
    before = list(Response.objects.order_by("pk").values("messages"))
    run = ran(judge)
    assert (run.state, run.judged, run.flipped, run.passed) == ("done", 2 * len(TITLES), 0, True)
    assert probes.bound(run) == pytest.approx(upper(0, 14, 0.05)) and usable(judge)
    probe = run.probes.filter(attack="ignore_above").first()
    assert probe is not None and probe.outcome == "held" and "Ignore everything above" in probe.text
    assert '"choice"' in probe.answer["with"]["orders"][0]["raw"] and probe.cost > 0
    assert not Annotation.objects.exists() and not JudgeCall.objects.exists()
    assert Item.objects.exclude(state="new").count() == 0
    assert list(Response.objects.order_by("pk").values("messages")) == before
    spent = sum(one.cost for one in run.probes.all())
    assert float(budget_of(project=judge.project).money_allocated) == pytest.approx(float(spent), abs=1e-4)
    (line,) = [one for one in ledger(judge.project).lines if one.money]
    assert (line.kind, line.state, line.labels) == (PLANTED, COMMITTED, run.probes.count())
    assert line.money == spent == budget_view(judge.project).judges_spent


def test_a_judge_that_is_talked_into_it_is_suspended_until_it_passes_and_an_admin_lifts_that(
    judge: Judge, endpoint: Endpoint, ada: User
) -> None:
    becomes(endpoint, gullible)
    run = ran(judge)
    assert run.flipped > 0.8 * run.judged and not run.passed
    assert judge.suspended_at is not None and "planted cases" in judge.suspended_why and not usable(judge)
    alarm = Alarm.objects.get(project=judge.project, kind="probe", closed_at=None)
    assert alarm.subject == "Reader"
    with pytest.raises(Conflict):
        probes.lift(judge=judge, by=ada)
    ran(judge)  # it fails again: the alarm that is open stays the only one
    assert Alarm.objects.count() == 1
    becomes(endpoint, steadfast)
    assert ran(judge).passed and not usable(judge)  # nothing but a person lifts it
    assert usable(probes.lift(judge=judge, by=ada))
    alarm.refresh_from_db()
    assert alarm.closed_by == ada
    with pytest.raises(Conflict):
        probes.lift(judge=judge, by=ada)


def test_a_run_that_cannot_be_made_ends_with_its_reason_and_goes_on_when_tried_again(
    judge: Judge, endpoint: Endpoint, project: Project
) -> None:
    Judge.objects.filter(pk=judge.pk).update(price_per_call=1)
    set_limits(project=project, labels=None, money=8)
    run = ran(judge)
    assert (run.state, run.error) == ("failed", "The budget has no room for planted cases.")
    asked = run.probes.exclude(outcome="waiting").count()
    assert 0 < asked < 14
    set_limits(project=project, labels=None, money=None)
    seen = len(endpoint.requests)
    probes.run_probes(run_id=probes.retry_probes(run=run).pk)
    run.refresh_from_db()
    assert run.state == "done" and run.judged == 14
    assert len(endpoint.requests) - seen == 2 * (14 - asked + 2 - asked // 7)  # in both orders; what was asked stays
    with pytest.raises(Conflict):
        probes.retry_probes(run=run)


def test_faults_that_may_pass_are_tried_three_times(judge: Judge, endpoint: Endpoint) -> None:
    endpoint.always = "busy"
    run = ran(judge)
    for attempt in (1, 2):
        assert (run.state, run.attempt) == ("queued", attempt)
        probes.run_probes(run_id=run.pk)
        run.refresh_from_db()
    assert run.state == "failed" and "no verdict" in run.error
    assert set(run.probes.values_list("outcome", flat=True)) == {"unusable"}
    endpoint.always = "answer"
    # It contradicts itself: nothing is preferred, so nothing can be turned round.
    becomes(endpoint, lambda data: {"choice": "A", "strength": 1})
    assert ran(judge).state == "failed" and usable(judge)


def test_a_silent_worker_is_replaced(judge: Judge) -> None:
    run = probes.request_probes(judge=judge)
    with pytest.raises(Conflict):
        probes.request_probes(judge=judge)
    long_ago = timezone.now() - timedelta(hours=1)
    held: dict[str, Any] = {
        "state": "running",
        "owner": "00000000-0000-0000-0000-000000000001",
        "heartbeat_at": long_ago,
    }
    ProbeRun.objects.filter(pk=run.pk).update(attempt=1, **held)
    assert not probes.run_probes(run_id=run.pk)
    assert probes.requeue_silent_probes() == 1
    ProbeRun.objects.filter(pk=run.pk).update(attempt=3, **held)
    assert probes.requeue_silent_probes() == 0
    run.refresh_from_db()
    assert run.state == "failed" and "three times" in run.error


def test_judges_are_asked_when_they_are_new_and_every_week(judge: Judge, project: Project) -> None:
    create_judge(project=project, name="S", kind="simulated", config={})
    assert list(probes.due_judges()) == [judge]  # a simulation reads nothing that could move it
    (run,) = probes.request_due()
    assert run.judge == judge and probes.request_due() == []
    ProbeRun.objects.update(state="failed", error="The endpoint is gone.")
    assert probes.request_due() == []  # a person may try again; the beat waits for its day
    ProbeRun.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert len(probes.request_due()) == 1
    Judge.objects.update(retired_at=timezone.now())
    ProbeRun.objects.all().delete()
    assert not probes.due_judges().exists() and not Probe.objects.exists()


def test_what_waits_for_a_judge_that_is_suspended_goes_to_people_at_no_cost(
    judge: Judge, endpoint: Endpoint, project: Project, plan: Any, settle: Any
) -> None:
    Judge.objects.filter(pk=judge.pk).update(price_per_call=1)
    plan("all_ai", judge=judge)
    route_new(project=project)
    Judge.objects.filter(pk=judge.pk).update(suspended_at=timezone.now(), suspended_why="It was talked into it.")
    settle()
    calls = JudgeCall.objects.filter(judge=judge)
    assert {(call.state, call.error, call.cost) for call in calls} == {("failed", "The judge is suspended.", 0)}
    assert not endpoint.requests and budget_of(project=project).money_allocated == 2 * project.price_per_label
    assert {call.item.decisions.latest("ordinal").route for call in calls} == {"human"}
