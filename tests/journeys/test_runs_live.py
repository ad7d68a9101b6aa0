"""Pages of runs that work are asked for again every few seconds: what somebody reads in them stays where it is."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from projects.models import Project
from tests import factories
from training_bridge.models import LogLine, Metric, Run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def working(project: Project) -> Run:
    now = timezone.now()
    run = factories.RunFactory(
        project=project, method="dpo", state="running", owner=uuid.uuid4(), heartbeat_at=now, started_at=now,
        step=40, total_steps=50,
    )  # fmt: skip
    rows = [Metric(run=run, step=step, values={"loss": 1 / step, "accuracy": 0.5}) for step in range(1, 41)]
    Metric.objects.bulk_create(rows)
    LogLine.objects.bulk_create([LogLine(run=run, text=f"line {at}") for at in range(100)])
    return run


def test_a_runs_log_and_numbers_stay_in_sight_and_its_result_comes_by_itself(
    page_of: Callable[..., Any], project: Project, noor: User, working: Run
) -> None:
    page = page_of(noor)
    page.goto(f"/projects/{project.slug}/runs/{working.pk}/")
    page.click("summary >> text=The measured numbers")
    page.evaluate("document.getElementById('log').scrollTop = 300")
    LogLine.objects.create(run=working, text="the last word")
    Run.objects.filter(pk=working.pk).update(
        state="succeeded", owner=None, result={"reward_accuracy": 0.7, "reward_accuracy_ci": [0.6, 0.8]}
    )
    page.wait_for_selector("#result >> text=0.6 to 0.8")
    assert "the last word" in page.text_content("#log")
    assert page.evaluate("document.getElementById('log').scrollTop") == 300
    assert page.is_visible("#numbers table")


def test_runs_side_by_side_refresh_without_closing_what_is_open(
    page_of: Callable[..., Any], project: Project, noor: User, working: Run
) -> None:
    page = page_of(noor, viewport={"width": 390, "height": 844})
    page.goto(f"/projects/{project.slug}/runs/compare/?run={working.pk}")
    page.click("summary >> text=The curves as a table")
    page.evaluate("document.getElementById('heads').scrollLeft = 60")
    Metric.objects.create(run=working, step=41, values={"loss": 0.0123, "accuracy": 0.5})
    page.wait_for_selector("#numbers >> text=0.0123")
    assert page.evaluate("document.getElementById('heads').scrollLeft") == 60
