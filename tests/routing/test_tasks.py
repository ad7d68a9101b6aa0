"""The bells: one ring carries an item all the way; a second one changes nothing; the sweep rings for what was lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotation.models import Annotation, Item
from config.celery import app
from projects.models import Project
from routing import tasks
from routing.models import Decision, JudgeCall
from routing.services import calls

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Messages are delivered in the sender's process."""
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


def counts() -> tuple[int, int, int]:
    return Decision.objects.count(), JudgeCall.objects.count(), Annotation.objects.count()


def test_one_ring_routes_asks_and_reads(project: Project, items: Any, plan: Any) -> None:
    items(5)
    plan("confidence", threshold=1.0)
    tasks.route_project.delay(project.pk)
    assert counts() == (10, 5, 5)
    assert set(Item.objects.values_list("state", flat=True)) == {"open"}
    for _ in range(2):
        tasks.route_project.delay(project.pk)
        tasks.sweep.delay()
    assert counts() == (10, 5, 5)


def test_the_sweep_rings_for_what_was_lost(project: Project, items: Any, plan: Any, simulated: Any) -> None:
    items(3)
    plan("all_ai")
    tasks.sweep.delay()  # nobody rang for the items
    assert counts() == (3, 3, 3)
    JudgeCall.objects.update(state="queued")
    Annotation.objects.all().delete()
    owner, claimed = calls.claim(judge=simulated, limit=2)  # a worker that dies
    assert list(tasks.idle_judges()) == []  # while it may be alive, nobody rings for its judge
    JudgeCall.objects.filter(owner=owner).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    tasks.sweep.delay()
    assert set(JudgeCall.objects.values_list("attempt", "state")) >= {(2, "queued")}
    assert len(claimed) == 2


def test_paused_projects_are_left_alone(project: Project, items: Any, plan: Any) -> None:
    items(2)
    plan("all_ai")
    Project.objects.update(state="paused")
    tasks.sweep.delay()
    assert counts() == (0, 0, 0)


def test_every_task_has_a_queue_that_is_served() -> None:
    found = {name: task.queue for name, task in app.tasks.items() if name.startswith("routing.")}
    assert found["routing.tasks.run_judge_calls"] == "judge" and found["routing.tasks.route_project"] == "default"
    assert set(found.values()) == {"default", "judge"}
    assert {entry["task"] for entry in tasks.BEAT.values()} <= set(found)
