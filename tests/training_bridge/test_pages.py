"""Pages, commands and the API over the same services: what a researcher does, and what they are told."""

import json
import re
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
from common.charts import Dot, Series, dot_chart, line_chart, nice_ticks, number, thinned, tick_texts
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge import charts
from training_bridge.execution import execute_run
from training_bridge.models import Metric, Run, Snapshot
from training_bridge.selectors.lineage import lineage_of
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
    # What somebody has opened or scrolled is not replaced: its contents are.
    whole = page.get(reverse("training_bridge:run", args=[project.slug, run.pk])).text
    places = re.findall(r'id="(\w+)" hx-swap-oob="innerHTML"', text)
    assert places == ["log", "numbers", "result"] and all(f' id="{place}"' in whole for place in places)
    assert "<details" not in text and 'class="log"' not in text and "hx-swap-oob" not in whole
    cancel_run(run=run)
    Run.objects.filter(pk=run.pk).update(state="cancelled", owner=None, result={"accuracy": 0.5})
    text = page.get(live).content.decode()
    assert "hx-trigger" not in text and "Try again" in text and "<h2>Result</h2>" in text
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
    assert not wrong.context["form"].asks_of_large(), "what few need stays folded"
    wrong = browse(noor).post(path, sent | {"processes": "99"})
    assert wrong.status_code == 422 and wrong.context["form"].asks_of_large()
    right = browse(noor).post(path, sent | {"learning_rate": "0.001"}, follow=True)
    assert "under way already" not in right.content.decode()
    again = browse(noor).post(path, sent | {"learning_rate": "0.001"}, follow=True)
    assert "This very run is under way already: nothing was started twice." in again.content.decode()
    run = Run.objects.get()
    assert (
        right.redirect_chain == again.redirect_chain
        and run.config["learning_rate"] == 0.001
        and run.config["use_weights"] is True
    )


def test_curves_over_n_say_so_and_carry_their_intervals(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    run = factories.RunFactory(project=project, method="best_of_n", state="succeeded")
    point = {"choice_kl": 0.1, "proxy": 1.0, "proxy_low": 0.5, "proxy_high": 1.5}
    Metric.objects.bulk_create([Metric(run=run, step=n, values=point) for n in (1, 4, 16)])
    page = browse(noor).get(reverse("training_bridge:run", args=[project.slug, run.pk]))
    drawn = [series for curve in page.context["curves"] for series in curve.series]
    assert [(one.name, len(one.band)) for one in drawn] == [
        ("distance of the choice to the policy (KL), at most", 0), ("proxy: what is chosen by", 3)
    ]  # fmt: skip
    assert drawn[1].band[0] == (1, 0.5, 1.5)
    text = page.content.decode()
    assert text.count('text-anchor="end">n</text>') == 2 and text.count("The band is its interval") == 1
    other = factories.RunFactory(project=project, method="dpo", state="succeeded")
    assert charts.counted_by(other.method) == "step" and charts.counted_by("gone") == "step"


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
    reward = factories.ModelVersionFactory(project=project, name="what people like", kind="reward")
    result = {"win_rate": 0.8, "win_rate_ci": [0.7, 0.9]}
    Run.objects.filter(pk=run.pk).update(snapshot=made, result=result, reward=reward, reference=run.base)
    run.refresh_from_db()
    page = browse(noor).get(reverse("training_bridge:model", args=[project.slug, run.produced_id]))
    text = page.content.decode()
    stages = [stage.kind for stage in page.context["lineage"] if stage.kind != "base"]
    assert stages == ["version", "run", "snapshot", "labels", "judgments", "reward"]
    assert (
        "1 label<" in text
        and "what people like" in text
        and "3 judgments" in text
        and "80.0%" in text
        and "0.7 to 0.9" in text
    )


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


@given(numbers, st.floats(1e-6, 1e9))
def test_no_two_ticks_of_an_axis_carry_the_same_text(low: float, size: float) -> None:
    ticks = nice_ticks(low, low + max(size, abs(low) * 1e-9))
    assert len(set(tick_texts(ticks))) == len(ticks)


def test_numbers_and_ticks_are_as_short_as_they_can_be_read() -> None:
    assert [number(value) for value in (999.4, 999.6, -999.9, 1000.4, 0.6934)] == [
        "999", "1,000", "-1,000", "1,000", "0.693"
    ]  # fmt: skip
    assert tick_texts(nice_ticks(100.01, 100.05, 5)) == ["100.01", "100.02", "100.03", "100.04", "100.05"]
    assert tick_texts([0, 0.5, 1]) == ["0", "0.5", "1.0"] and tick_texts([0, 5000, 10000]) == ["0", "5,000", "10,000"]
    assert tick_texts([1000, 1000.0000002]) == ["1000", "1000.0000002"]
    assert tick_texts([1e-7, 2e-7]) == ["1e-07", "2e-07"] and tick_texts([0.3]) == ["0.3"]
    assert [tick.text for tick in dot_chart([Dot("a", 1.5)], shares=False).ticks] == ["0", "0.5", "1.0", "1.5"]


def test_nothing_measured_draws_nothing(var: Path) -> None:
    assert line_chart([]) is None and line_chart([Series("loss", [])]) is None
    alone, whole = (line_chart([Series("seen", points)]) for points in ([(0.9, 0.8)], [(0.5, 0.4), (0.9, 0.8)]))
    assert alone is not None and alone.lines[0].only and whole is not None and whole.lines[0].only is None


def test_a_snapshot_of_all_rounds_says_so() -> None:
    assert ("Rounds", "all") in charts.derivation({}) and ("Rounds", "1, 2") in charts.derivation({"rounds": [1, 2]})


def test_the_lineage_tells_a_base_from_what_taught_the_model_in_any_language(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    base = factories.ModelVersionFactory(project=project, name="began with")
    made = factories.ModelVersionFactory(project=project, name="came of it", parent=base)
    path = reverse("training_bridge:model", args=[project.slug, made.pk])
    english = browse(noor).get(path)
    assert [(stage.kind, stage.title) for stage in english.context["lineage"]] == [
        ("version", "came of it"), ("base", "began with")
    ]  # fmt: skip
    german = browse(noor).get(path, headers={"Accept-Language": "de"}).content.decode()
    assert 'data-kind="base"' in german and "Basismodell" in german


def test_a_lineage_asks_once_a_version(project: Project, django_assert_num_queries: Any) -> None:
    version, part = None, factories.ModelVersionFactory(project=project, kind="reward", name="part")
    for at in range(5):
        made = factories.ModelVersionFactory(project=project, name=f"version {at}", parent=version)
        factories.RunFactory(
            project=project, produced=made, base=version, reference=version, reward=part,
            snapshot=factories.SnapshotFactory(project=project, number=at + 1), inputs={"rewards": {"x": part.pk}},
        )  # fmt: skip
        version = made
    assert version is not None
    with django_assert_num_queries(6):
        found = lineage_of(version)
    kinds = ["run", "snapshot", "labels", "judgments", "reward", "part"]
    assert [stage.kind for stage in found] == ["version", *kinds, *["base", *kinds] * 4]


def test_the_list_says_when_runs_were_asked_for(project: Project, noor: User, browse: Callable[..., Client]) -> None:
    factories.RunFactory(project=project, state="queued")
    text = browse(noor).get(reverse("training_bridge:runs", args=[project.slug])).content.decode()
    assert "<th>Asked for</th>" in text and "Started" not in text


def test_responding_draws_no_line_of_its_own_progress_and_counts_responses(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    run = factories.RunFactory(
        project=project, method="respond", state="succeeded", step=64, total_steps=64,
        result={"responses": 64, "items": 30, "skipped_equal": 2},
    )  # fmt: skip
    Metric.objects.create(run=run, step=64, values={"responses": 64.0})
    page = browse(noor).get(reverse("training_bridge:run", args=[project.slug, run.pk]))
    text = page.content.decode()
    assert page.context["curves"] == [] and "<dt>Responses</dt>" in text and "<dt>Step</dt>" not in text
    assert "Pairs left out, both are the same" in text
    link = re.search(r'<a href="([^"]+)">30 items</a>', text)
    assert link is not None
    made = factories.ItemFactory(project=project, external_id=f"run-{run.pk}:7:0-1", round=2)
    factories.ItemFactory(project=project, external_id=f"run-{run.pk}0:7:0-1")
    assert [row["item"] for row in browse(noor).get(link[1]).context["rows"]] == [made]


def test_settings_that_change_nothing_are_not_listed(
    project: Project, noor: User, browse: Callable[..., Client]
) -> None:
    config = {"trains": "whole", "adapter_rank": 16, "layer": 0, "processes": 1, "sharding": "none", "epochs": 1}

    def listed(**changed: Any) -> set[str]:
        run = factories.RunFactory(project=project, method="reward_model", config=config | changed)
        page = browse(noor).get(reverse("training_bridge:run", args=[project.slug, run.pk]))
        return {name for name, _value in page.context["settings"]}

    hidden = {"Adapter's rank", "Adapter's alpha", "Frozen weights", "Layer", "Sharding"}
    assert {"Trains", "Epochs"} <= listed() and not hidden & listed()
    assert hidden & listed(trains="adapter") == {"Adapter's rank", "Adapter's alpha", "Frozen weights"}
    assert hidden & listed(trains="head", processes=2) == {"Layer", "Sharding"}
