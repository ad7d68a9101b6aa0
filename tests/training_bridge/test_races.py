"""What many do at once: PostgreSQL only, since SQLite's single writer hides every race."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from common.claims import Fenced
from common.errors import Conflict
from projects.models import Project
from tests.training_bridge.conftest import silence
from training_bridge import tasks
from training_bridge.models import ACTIVE, Run
from training_bridge.services import cancel_run, retry_run, start_run
from training_bridge.services.ownership import claim_run, record_progress, requeue_silent_runs

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def real_races() -> Iterator[None]:
    if connection.vendor != "postgresql":
        pytest.skip("needs PostgreSQL")
    yield


def together(*deeds: Callable[[], Any]) -> list[Any]:
    """Does all at once, each in a thread with a connection of its own; what each returned or raised."""
    gate, found = threading.Barrier(len(deeds)), [None] * len(deeds)

    def do(place: int, deed: Callable[[], Any]) -> None:
        gate.wait()
        try:
            found[place] = deed()
        except Exception as fault:
            found[place] = fault
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_workers_one_gets_the_run(start: Callable[..., Run]) -> None:
    for seed in range(5):
        run = start(seed=seed)
        holds = [hold for hold in together(*[partial(claim_run, run_id=run.pk)] * 8) if hold]
        run.refresh_from_db()
        assert len(holds) == 1 and run.owner == holds[0].token and run.attempt == 1


def test_starting_the_same_at_the_same_moment_is_one_run(project: Project, scripted: None) -> None:
    for seed in range(5):
        same = partial(start_run, project=project, method="scripted", seed=seed)
        runs = [run.pk for run in together(*[same] * 8)]
        assert len(set(runs)) == 1 and Run.objects.filter(seed=seed).count() == 1


def test_a_double_click_here_and_a_program_there_start_one_run(
    project: Project,
    noor: User,
    browse: Callable[..., Client],
    api: Callable[..., APIClient],
    scripted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[int] = []
    monkeypatch.setattr(tasks.run, "delay", rung.append)
    page = reverse("training_bridge:run_new", args=[project.slug, "scripted"])
    form = browse(noor).get(page).context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not None and value is not False}
    posts = [partial(browse(noor).post, page, sent) for _ in range(4)]
    address = reverse("training_bridge-api:runs", args=[project.slug])
    posts += [partial(api(noor).post, address, {"method": "scripted"}, format="json") for _ in range(4)]
    answers = together(*posts)
    run = Run.objects.get()
    shown = reverse("training_bridge:run", args=[project.slug, run.pk])
    assert [answer.headers.get("Location", shown) for answer in answers] == [shown] * 8
    assert [answer.status_code for answer in answers] == [302] * 4 + [202] * 4
    assert rung == [run.pk] * 8, "each may ring: the run is claimed once"


def test_trying_again_and_starting_the_same_at_the_same_moment_is_one_active_run(start: Callable[..., Run]) -> None:
    for seed in range(10):
        ended = start(seed=seed)
        cancel_run(run=ended)
        tried, *started = together(partial(retry_run, run=ended), *[partial(start, seed=seed)] * 3)
        active = Run.objects.get(seed=seed, state__in=ACTIVE)
        assert {run.pk for run in started} == {active.pk}
        assert isinstance(tried, Conflict) if active.pk != ended.pk else tried.pk == ended.pk


def test_a_claim_and_a_cancellation_never_both_win_silently(start: Callable[..., Run]) -> None:
    for seed in range(10):
        run = start(seed=seed)
        hold, _ = together(partial(claim_run, run_id=run.pk), partial(cancel_run, run=Run.objects.get(pk=run.pk)))
        run.refresh_from_db()
        if hold is None:
            assert run.state == "cancelled"
        else:
            assert run.state == "cancelling" and run.cancel_requested and run.owner == hold.token


def test_the_sweep_and_the_owner_agree_on_who_has_the_run(start: Callable[..., Run]) -> None:
    for seed in range(10):
        run = start(seed=seed)
        hold = claim_run(run_id=run.pk)
        assert hold is not None
        silence(run)
        wrote, swept = together(
            partial(record_progress, hold=hold, columns={"step": 5}, metrics={5: {"loss": 1.0}}, log=[]),
            requeue_silent_runs,
        )
        run.refresh_from_db()
        if isinstance(wrote, Fenced):
            assert (run.state, run.owner, swept) == ("queued", None, 1) and not run.metrics.exists()
        elif swept:
            assert run.state == "queued" and run.metrics.count() == 1
        else:
            assert run.owner == hold.token and run.step == 5
