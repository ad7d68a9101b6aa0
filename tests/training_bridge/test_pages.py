"""Pages, commands and the API over the same services: what a researcher does, and what they are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from common.charts import Series, line_chart, nice_ticks, thinned
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge.execution import execute_run
from training_bridge.models import Run, Snapshot
from training_bridge.services import cancel_run
from training_bridge.services.ownership import claim_run, mark_running, record_progress


def test_a_live_page_asks_again_until_the_run_has_ended(
    project: Project, noor: User, browse: Callable[..., Client], start: Callable[..., Run]
) -> None:
    run, page = start(), browse(noor)
    hold = claim_run(run_id=run.pk)
    assert hold is not None
    mark_running(hold=hold)
    metrics = {step: {"loss": 1 / step, "accuracy": 0.5} for step in range(1, 6)}
    columns = {"step": 5, "total_steps": 10, "phase": "Training <b>hard</b>"}
    record_progress(hold=hold, columns=columns, metrics=metrics, log=["<script>alert(1)</script>"])
    live = reverse("training_bridge:run_live", args=[project.slug, run.pk])
    text = page.get(live, headers={"HX-Request": "true"}).content.decode()
    assert 'hx-trigger="every 2s"' in text and text.count("<polyline") == 2 and "5 of 10" in text
    assert "<script>" not in text and "&lt;script&gt;" in text and "<html" not in text and "style=" not in text
    cancel_run(run=run)
    Run.objects.filter(pk=run.pk).update(state="cancelled", owner=None)
    text = page.get(live).content.decode()
    assert "hx-trigger" not in text and "Try again" in text
    whole = page.get(reverse("training_bridge:run", args=[project.slug, run.pk])).content.decode()
    assert "<html" in whole and "0.2" in whole


def test_wrong_settings_are_said_at_their_fields(
    project: Project, noor: User, browse: Callable[..., Client], frozen: Callable[..., Snapshot]
) -> None:
    for _ in range(6):
        settle(project, "LL")
    made, base = frozen(test_fraction=0), factories.ModelVersionFactory(project=project)
    path = reverse("training_bridge:run_new", args=[project.slug, "reward_model"])
    form = browse(noor).get(f"{path}?base={base.pk}").context["form"]
    sent = {name: form[name].value() for name in form.fields}
    assert sent["snapshot"] == made.pk and sent["base"] == str(base.pk)
    sent = {name: value for name, value in sent.items() if value is not None and value is not False}
    wrong = browse(noor).post(path, sent | {"learning_rate": "7"})
    assert wrong.status_code == 422 and "learning_rate" in wrong.context["form"].errors
    right = browse(noor).post(path, sent | {"learning_rate": "0.001"})
    run = Run.objects.get()
    assert right.status_code == 302 and run.config["learning_rate"] == 0.001 and run.config["use_weights"] is True


def test_the_api_tells_every_wrong_field_and_starts_once(
    project: Project, other_project: Project, noor: User, api: Callable[..., APIClient], frozen: Callable[..., Snapshot]
) -> None:
    client = api(noor)
    for _ in range(6):
        settle(project, "LL")
    made, base = frozen(test_fraction=0), factories.ModelVersionFactory(project=project)
    foreign = factories.ModelVersionFactory(project=other_project)
    path = reverse("training_bridge-api:runs", args=[project.slug])
    given = {"method": "reward_model", "snapshot": made.number, "base": base.pk}
    for change, field in [
        ({"config": {"epochs": -1}}, "epochs"),
        ({"config": {"output_dir": "../x"}}, "output_dir"),
        ({"config": {"batch_size": 10**9}}, "batch_size"),
        ({"base": foreign.pk}, "base"),
        ({"snapshot": 99}, "snapshot"),
        ({"owner": "me"}, "owner"),
        ({"config": "x"}, "config"),
    ]:
        answer = client.post(path, given | change, format="json")
        assert answer.status_code == 422 and field in answer.json()["errors"], change
    first, second = (client.post(path, given, format="json") for _ in range(2))
    assert first.status_code == 202 and first.json()["id"] == second.json()["id"]
    assert client.get(path, {"state": "queued"}).json()["count"] == 1
    assert client.get(path, {"state": "nonsense"}).status_code == 422
    assert client.get(path, {"owner__username": "ada"}).status_code == 400


def test_a_models_page_leads_back_to_the_judgments(
    project: Project, noor: User, browse: Callable[..., Client], start: Callable[..., Run], frozen: Any
) -> None:
    settle(project, "LLR")
    made = frozen(test_fraction=0)
    run = start()
    execute_run(run_id=run.pk)
    Run.objects.filter(pk=run.pk).update(snapshot=made, result={"win_rate": 0.8, "win_rate_ci": [0.7, 0.9]})
    run.refresh_from_db()
    page = browse(noor).get(reverse("training_bridge:model", args=[project.slug, run.produced_id]))
    text = page.content.decode()
    stages = [stage.kind for stage in page.context["lineage"]]
    assert stages == ["model version", "run", "snapshot", "labels", "judgments"]
    assert "1 labels" in text and "3 judgments" in text and "80.0%" in text and "0.7 to 0.9" in text


def test_commands_do_what_pages_do(project: Project, scripted: None, capsys: pytest.CaptureFixture[str]) -> None:
    settle(project, "LL")
    call_command("snapshot", project=project.slug, derivation={"test_fraction": 0}, here=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["counts"]["train"] == 1
    call_command("train", "scripted", project=project.slug, config={"steps": 2}, here=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["result"] == {"steps": 2}
    with pytest.raises(CommandError, match="the wheels came off"):
        call_command("train", "scripted", project=project.slug, config={"at": 1, "deed": "crash"}, here=True)
    with pytest.raises(CommandError, match="needs a base model"):
        call_command("respond", project=project.slug)
    with pytest.raises(CommandError, match="no model called"):
        call_command("evaluate", project=project.slug, reward="none")


numbers = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(st.lists(numbers, min_size=1, max_size=900))
def test_a_chart_loses_no_extreme_and_stays_in_its_frame(values: list[float]) -> None:
    points = list(enumerate(map(float, values)))
    kept = thinned(points)
    assert len(kept) <= 402 and kept[-1] == points[-1]
    assert {min(values), max(values)} <= {y for _, y in kept}
    chart = line_chart([Series("loss", points)])
    assert chart is not None
    for pair in chart.lines[0].path.split():
        x, y = map(float, pair.split(","))
        assert chart.left <= x <= chart.right and chart.top <= y <= chart.bottom


@given(numbers, st.floats(1e-6, 1e9))
def test_ticks_are_few_and_inside(low: float, size: float) -> None:
    ticks, slack = nice_ticks(low, low + size), size * 1e-6 + abs(low) * 1e-12
    assert len(ticks) <= 12 and all(low - slack <= tick <= low + size + slack for tick in ticks)


def test_nothing_measured_draws_nothing(var: Path) -> None:
    assert line_chart([]) is None and line_chart([Series("loss", [])]) is None
