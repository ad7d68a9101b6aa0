"""Runs side by side: what differs, what is equal, curves of any length, and who may look."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Project
from tests import factories
from training_bridge import charts
from training_bridge.comparison_charts import smoothed
from training_bridge.models import Metric, Run
from training_bridge.selectors.comparisons import MOST_RUNS, compared, named
from training_bridge.selectors.curves import STRETCHES, curves_of

Ranned = Callable[..., Run]


@pytest.fixture
def ran(project: Project) -> Ranned:
    """`ran(5, beta=0.1)`: a finished run of DPO with so many measured steps and that configuration."""

    def make(steps: int = 5, *, result: dict[str, Any] | None = None, seed: int = 0, **config: Any) -> Run:
        began = timezone.now() - timedelta(seconds=100)
        run = factories.RunFactory(
            project=project, method="dpo", config=config, seed=seed, state="succeeded", result=result or {},
            started_at=began, finished_at=began + timedelta(seconds=42), step=steps, total_steps=steps,
        )  # fmt: skip
        rows = [Metric(run=run, step=step, values={"loss": 1 / step, "kl": 0.5}) for step in range(1, steps + 1)]
        Metric.objects.bulk_create(rows)
        return run

    return make


def page_of(project: Project, *runs: Run | str) -> str:
    query = "&".join(f"run={run.pk if isinstance(run, Run) else run}" for run in runs)
    return f"{reverse('training_bridge:runs_compare', args=[project.slug])}?{query}"


def test_what_differs_stands_first_and_what_is_equal_is_folded(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    one = ran(seed=1, beta=0.1, epochs=2, result={"reward_accuracy": 0.7, "reward_accuracy_ci": [0.6, 0.8], "pairs": 9})
    two = ran(seed=2, beta=0.3, epochs=2, result={"reward_accuracy": 0.5, "reward_accuracy_ci": [0.4, 0.6]})
    answer = browse(noor).get(page_of(project, one, two))
    text = answer.content.decode()
    (_, made_from, _), (_, different, equal) = answer.context["parts"]
    assert [row.name for row in different] == ["Beta"] and "Epochs" in {row.name for row in equal}
    assert {row.name: row.cells for row in made_from} == {"Seed": ["1", "2"]}
    assert "0.7 (0.6 to 0.8)" in text and "42 s" in text and "hx-trigger" not in text
    assert text.count("<polyline") == 4 and text.count('"bar-2"') == 1, (
        "two measures of two runs; one figure has intervals"
    )
    assert "Run 0" not in text and f"Leave out Run {one.pk}" in text


def test_figures_stand_in_an_order_that_no_database_decides(ran: Ranned) -> None:
    """PostgreSQL hands an object out by the length of its keys."""
    result = {"ties": 3, "win_rate": 0.7, "prompts": 9, "win_rate_by": "a", "win_rate_ci": [0.6, 0.8], "train_loss": 2}
    told = [name for name, _value in charts.facts(result)]
    assert told == ["Train loss", "Prompts", "Ties", "Win rate", "Win rate, interval", "Win rate by"]
    runs = [ran(result=result), ran(result={"pairs": 1, "accuracy": 0.5})]
    found = compared(runs)
    assert [one.key for one in found.figures] == ["train_loss", "accuracy", "pairs", "prompts", "ties", "win_rate"]
    assert list(found.curves) == ["loss", "kl"]
    told = charts.inputs({"round": 2, "pairs": "all", "rewards": {"kind": 12, "brief": 7}})
    assert told == [("Pairs", "every pair"), ("Reward models", "brief, kind"), ("Round", "2")]


def test_a_run_keeps_its_colour_where_another_lacks_the_measure(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    bare, whole = ran(0), ran(3)
    overlays = browse(noor).get(page_of(project, bare, whole)).context["overlays"]
    assert [[series.number for series in overlay.series] for overlay in overlays] == [[2], [2]]
    assert [overlay.title for overlay in overlays] == ["Loss", "Distance to the reference (KL)"]


def test_agreement_of_people_is_drawn_as_the_share_it_is(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    run = ran(result={"human_agreement": 0.8, "human_agreement_ci": [0.7, 0.9]})
    answer = browse(noor).get(page_of(project, run))
    assert [outcome.is_share for outcome in answer.context["outcomes"]] == [True] and "80.0%" in answer.text


def test_while_one_works_the_page_asks_for_what_changes(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    one, two = ran(), factories.RunFactory(project=project)
    path = page_of(project, one, two)
    page = browse(noor).get(path).text
    assert 'hx-trigger="every 5s"' in page and "hx-swap-oob" not in page
    part = browse(noor).get(path, headers={"HX-Request": "true"}).text
    assert "<html" not in part and "Configuration" not in part and "<polyline" in part
    # What somebody has opened or scrolled is not replaced: its contents are.
    places = re.findall(r'id="(\w+)" hx-swap-oob="innerHTML"', part)
    assert len(places) == 5 and all(f' id="{place}"' in page for place in places)
    assert "<details" not in part and 'class="scroll"' not in part and '<details class="panel"><summary>The c' in page


def test_each_picture_says_what_its_runs_are_counted_by(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    best = factories.RunFactory(project=project, method="best_of_n", state="succeeded")
    Metric.objects.bulk_create([Metric(run=best, step=n, values={"proxy": n, "kl": 0.1}) for n in (1, 16)])
    answer = browse(noor).get(page_of(project, ran(), best))
    assert {overlay.title: overlay.counted_by for overlay in answer.context["overlays"]} == {
        "Loss": "step", "Distance to the reference (KL)": "step / n", "Proxy: what is chosen by": "n"
    }  # fmt: skip
    assert 'text-anchor="end">n</text>' in answer.text and "n 16</td>" in answer.text


def test_only_runs_of_this_project_and_no_more_than_can_be_told_apart(
    project: Project, other_project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    page, run = browse(noor), ran()
    for odd in (factories.RunFactory(project=other_project), "x", "-1", "9" * 30, "²", ""):
        assert page.get(page_of(project, run, odd)).status_code == 404, odd
    many = [ran(1) for _ in range(MOST_RUNS + 1)]
    answer = page.get(page_of(project, *many))
    assert len(answer.context["found"].runs) == MOST_RUNS and "cannot be told apart" in answer.content.decode()
    assert page.get(page_of(project)).status_code == 200
    assert len(page.get(page_of(project, run, run)).context["found"].runs) == 1


def test_the_api_has_the_same(
    project: Project, other_project: Project, noor: User, api: Callable[..., APIClient], ran: Ranned
) -> None:
    client, path = api(noor), reverse("training_bridge-api:runs_compare", args=[project.slug])
    one, two = ran(2, beta=0.1, result={"win_rate": 0.6, "win_rate_ci": [0.5, 0.7]}), ran(1, beta=0.2)
    found = client.get(path, {"run": [one.pk, two.pk]}).json()
    assert [run["id"] for run in found["runs"]] == [one.pk, two.pk] and found["seconds"] == [42.0, 42.0]
    assert found["curves"]["loss"] == [[[1.0, 1.0], [2.0, 0.5]], [[1.0, 1.0]]]
    assert found["figures"] == [{"key": "win_rate", "name": "win rate", "values": [[0.6, 0.5, 0.7], None]}]
    assert {"name": "Beta", "values": ["0.1", "0.2"], "differs": True} in found["settings"]
    assert client.get(path, {"run": factories.RunFactory(project=other_project).pk}).status_code == 404
    assert client.get(path, {"run": list(range(1, 9))}).status_code == 422
    assert client.get(path, {"runs": one.pk}).status_code == 400
    assert client.get(path).json()["runs"] == []


def test_six_runs_take_no_more_queries_than_runs_have_curves(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned, django_assert_max_num_queries: Any
) -> None:
    runs, page = [ran() for _ in range(MOST_RUNS)], browse(noor)
    page.get(page_of(project))
    with django_assert_max_num_queries(24):
        page.get(page_of(project, *runs))


def test_a_long_curve_is_thinned_by_the_database_and_loses_no_spike(project: Project, ran: Ranned) -> None:
    run = ran(0)
    steps = range(1, 20_001)
    values = {step: {"loss": 1 / step, "odd % 'name": float(step)} for step in steps}
    values[12_345]["loss"] = 99.0
    for step in range(500, 20_001, 500):
        values[step]["test_loss"] = 2.0
    rows = [Metric(run=run, step=step, values=values[step]) for step in steps]
    Metric.objects.bulk_create(rows, batch_size=5000)
    found = curves_of(run)
    assert set(found) == {"loss", "odd % 'name", "test_loss"}
    loss = found["loss"]
    assert len(loss) == 2 * STRETCHES + 1 and max(value for _, value in loss) == 99.0
    assert loss[-1] == (20_000, 1 / 20_000) and [step for step, _ in loss] == sorted(step for step, _ in loss)
    assert min(value for _, value in found["odd % 'name"]) == 1.0


def test_a_setting_that_only_one_method_has_is_none_for_the_other(project: Project, ran: Ranned) -> None:
    reward = factories.RunFactory(project=project, config={"epochs": 3})
    found = compared(named(project, [str(ran(1, beta=0.1, epochs=3).pk), str(reward.pk)]))
    assert {row.name: row.cells for row in found.settings if row.differs}["Beta"] == ["0.1", None]


@given(st.lists(st.floats(-1e3, 1e3), max_size=200))
def test_smoothing_keeps_steps_and_bounds_and_leaves_short_curves_as_they_are(values: list[float]) -> None:
    made = smoothed(list(enumerate(values)))
    assert [step for step, _ in made] == list(range(len(values)))
    assert all(min(values) - 1e-6 <= value <= max(values) + 1e-6 for _, value in made)
    if len(values) < 40:
        assert [value for _, value in made] == pytest.approx(values, abs=1e-6)
    elif len(values) < 80:
        assert made[20][1] == pytest.approx(sum(values[19:22]) / 3, abs=1e-6)


def test_lines_too_short_to_be_smoothed_are_not_said_to_be(
    project: Project, noor: User, browse: Callable[..., Client], ran: Ranned
) -> None:
    short = browse(noor).get(page_of(project, ran(39), ran(9))).content.decode()
    assert "Lines are smoothed" not in short and "<polyline" in short
    assert "Lines are smoothed" in browse(noor).get(page_of(project, ran(40), ran(9))).content.decode()
