"""Report cards and runs side by side in a real browser: read by day and night, on a phone, and followed live."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from projects.models import Project
from tests import factories
from tests.browser import axe_by_day_and_night
from tests.journeys.test_every_page import DESKTOP, PHONE, TOO_WIDE
from tests.training_bridge import cards
from training_bridge.files import var_path
from training_bridge.models import Metric, Run
from training_bridge.report_cards import Report

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def runs_of(project: Project) -> list[Run]:
    """A reward model's training and an evaluation with both cards, and one that is still at work."""
    long = "a-model-whose-name-is-much-longer-than-anybody-would-want-it-to-be"
    reward = factories.ModelVersionFactory(project=project, kind="reward", name=f"{long}-1")
    policy, before = (factories.ModelVersionFactory(project=project, name=f"{long}-{n}") for n in (2, 3))
    trained = factories.RunFactory(project=project, produced=reward)
    tested = factories.RunFactory(project=project, method="evaluate", base=policy, reference=before, reward=reward)
    shares = {"reward_accuracy": 0.7, "reward_accuracy_ci": [0.6, 0.8], "samples": "samples.jsonl"}
    cards.give(trained, Report(reward=cards.of_reward(30)), **shares)
    cards.give(tested, Report(reward=cards.of_reward(20, members=3), policy=cards.of_policy()), **shares)
    row = {"messages": [{"role": "user", "content": "Why? " * 99}], "response": "So. " * 99, "reference": "", "win": 0}
    var_path("runs", tested.pk, "output", "samples.jsonl").write_text(json.dumps(row) + "\n")
    busy = factories.RunFactory(project=project, method="dpo")
    for run in (trained, busy):
        Metric.objects.bulk_create([Metric(run=run, step=n, values={"loss": 1 / n, "kl": n / 9}) for n in range(1, 90)])
    return [trained, tested, busy]


def test_cards_and_comparisons_read_well_everywhere_and_follow_a_run(
    live_server: Any, open_page: Callable[..., Page], project: Project, noor: User, settings: Any, tmp_path: Any
) -> None:
    settings.VAR_DIR = tmp_path
    trained, tested, busy = runs_of(project)
    page = open_page(live_server.url, user=noor, bypass_csp=True, reduced_motion="reduce")
    home, faults = f"/projects/{project.slug}", []
    compared = f"{home}/runs/compare/?run={trained.pk}&run={busy.pk}"
    beside = f"{home}/runs/{trained.pk}/report/?beside={tested.pk}"
    for path in (f"{home}/runs/{tested.pk}/report/", beside, compared, f"{home}/models/", f"{home}/runs/"):
        page.set_viewport_size(DESKTOP)
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        faults += [f"{path}: {one}" for one in axe_by_day_and_night(page)]
        page.set_viewport_size(PHONE)
        faults += [f"{path}: {one}" for one in page.evaluate(TOO_WIDE)]
    assert not faults, "\n".join(faults)

    page.set_viewport_size(DESKTOP)
    for run in (trained, busy):
        page.get_by_label(f"Compare run {run.pk}").check()
    page.get_by_role("button", name="Compare the chosen runs").click()
    expect(page.get_by_role("heading", name="Runs side by side")).to_be_visible()
    table = page.get_by_role("group", name="The runs")
    row = table.get_by_role("row", name=re.compile(f"Run {busy.pk} "))
    expect(row).to_contain_text("Waiting")
    Run.objects.filter(pk=busy.pk).update(state="succeeded", result={"win_rate": 0.625})
    expect(row).to_contain_text("Done", timeout=20_000)  # nobody has reloaded the page
    expect(page.get_by_text("0.625")).to_be_visible()
    row.get_by_role("link", name=f"Leave out Run {busy.pk}").click()
    expect(page.get_by_text("As it was started").first).to_be_visible()
