"""The best of n: its closed form against every subset, what a policy keeps by it, and the curves of a run."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lm.loading import load_reward_base, save
from tests.methods import small
from training_bridge.methods.best_of_n import METHOD, BestOfNConfig
from training_bridge.methods.interface import ModelFolder, Refused
from training_bridge.methods.respond import METHOD as RESPOND
from training_bridge.methods.respond import RespondConfig
from training_bridge.report_cards.bon import best_of, chances, curve, divergence, sizes_up_to


def test_worked_values() -> None:
    found = best_of(np.array([[1.0, 2, 3, 4]]), np.array([[0.1, 0.4, 0.2, 0.9]]), [2])
    assert found[0, 0] == pytest.approx(0.583333, abs=1e-6)
    assert [divergence(n) for n in (1, 2, 4, 16)] == pytest.approx([0, 0.193147, 0.636294, 1.835089], abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-5, 5)), min_size=1, max_size=7), st.data())
def test_it_is_the_mean_over_all_subsets_with_draws_shared(pairs: list[tuple[int, float]], data: Any) -> None:
    n = data.draw(st.integers(1, len(pairs)))
    proxy, values = (np.array([column], dtype=float) for column in zip(*pairs, strict=True))
    means = []
    for subset in combinations(range(len(pairs)), n):
        top = max(proxy[0, one] for one in subset)
        means.append(np.mean([values[0, one] for one in subset if proxy[0, one] == top]))
    assert best_of(proxy, values, [n])[0, 0] == pytest.approx(np.mean(means), abs=1e-9)


def test_chances_of_many_add_up_and_do_not_overflow() -> None:
    for n in (1, 2, 777, 12_500, 12_600):
        found = chances(12_600, n)
        assert found.sum() == pytest.approx(1) and found.min() >= 0
    assert chances(12_600, 12_600)[-1] == pytest.approx(1)


def test_a_curve_names_its_points_and_intervals() -> None:
    drawn = np.random.default_rng(0).normal(size=(20, 64))
    points = curve(drawn, -drawn, sizes_up_to(64))
    assert [point["n"] for point in points] == sizes_up_to(64) and points[-1]["n"] == 64
    assert points[0]["proxy"] == pytest.approx(drawn.mean()) and points[-1]["proxy"] == pytest.approx(
        drawn.max(1).mean()
    )
    assert all(point["proxy_low"] <= point["proxy"] <= point["proxy_high"] for point in points)
    rising = [point["proxy"] for point in points]
    assert rising == sorted(rising) and points[-1]["gold"] == pytest.approx(-rising[-1])
    assert "gold" not in curve(drawn, None, [1])[0]


@pytest.fixture(scope="module")
def rewards(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ModelFolder]:
    """Two reward models of random heads."""
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        folder = tmp_path_factory.mktemp("reward") / "model"
        save(load_reward_base(str(policy)), folder)
        made.append(ModelFolder(str(folder), "reward"))
    return made


def asked(room: Path, count: int = 3) -> dict[str, str]:
    prompts = [{"id": str(n), "messages": small.asked(n)} for n in range(count)]
    return {"prompts": str(small.write_lines(room / "prompts.jsonl", prompts))}


def responses(policy: Path, room: Path, reward: ModelFolder | None, **config: Any) -> tuple[list[Any], dict[str, Any]]:
    context = small.context(room / "out", base=small.base(str(policy)), reward=reward, input=asked(room))
    result = RESPOND.train(context, RespondConfig(max_new_tokens=12, max_prompt_tokens=32, **config))
    assert result.responses is not None
    return [json.loads(line) for line in result.responses.read_text().splitlines()], result.values


def test_a_policy_keeps_the_best_of_what_it_drew(policy: Path, rewards: list[ModelFolder], tmp_path: Path) -> None:
    from lm.loading import load_reward
    from lm.scoring import score

    kept = {}
    for best_of_n, batch in ((2, 3), (2, 64), (6, 4)):
        lines, values = responses(
            policy, tmp_path / f"{best_of_n}-{batch}", rewards[0], best_of=best_of_n, batch_size=batch
        )
        kept[best_of_n, batch] = lines
        assert values["best_reward"] > values["mean_reward"] and values["choice_kl"] == pytest.approx(
            divergence(best_of_n)
        )
    said = [[one["messages"] for one in lines] for lines in kept.values()]
    assert said[0] == said[1], "the batch decided what was kept"
    own = [one["sampling"]["reward"] for one in kept[6, 4]]
    assert all(more >= fewer["sampling"]["reward"] for more, fewer in zip(own, kept[2, 3], strict=True))
    assert all(one["sampling"]["best_of"] == 6 for one in kept[6, 4])
    again = [(small.asked(int(one["prompt_id"])), one["messages"]) for one in kept[6, 4]]
    assert score(load_reward(rewards[0].path), again) == pytest.approx(own, abs=1e-4)


def test_nobody_chooses_without_a_reward_model(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Choose the reward model"):
        responses(policy, tmp_path, None, best_of=2)
    lines, values = responses(policy, tmp_path, None)
    assert "best_of" not in lines[0]["sampling"] and "best_reward" not in values


def test_a_run_draws_the_curves_of_what_chooses_and_of_what_does_not(
    policy: Path, rewards: list[ModelFolder], tmp_path: Path
) -> None:
    reports: list[tuple[str, Any]] = []
    given = asked(tmp_path) | {"rewards": {"gold": rewards[1].path}}
    context = small.context(
        tmp_path / "out", base=small.base(str(policy)), reward=rewards[0], input=given, reports=reports
    )
    config = BestOfNConfig(measured_by="gold", samples=8, prompts=2, max_new_tokens=8, max_prompt_tokens=32)
    assert METHOD.rewards_named(config.model_dump()) == ["gold"] and METHOD.rewards_named({"measured_by": ""}) == []
    result = METHOD.train(context, config)
    points = dict(value for kind, value in reports if kind == "metrics")
    assert list(points) == sizes_up_to(8) and points[8].keys() == {
        "choice_kl", "proxy", "proxy_low", "proxy_high", "gold", "gold_low", "gold_high"
    }  # fmt: skip
    assert all(point["gold_low"] <= point["gold"] <= point["gold_high"] for point in points.values())
    assert points[8]["proxy"] == pytest.approx(result.values["proxy"]) and points[1]["choice_kl"] == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "samples.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and np.mean([row["proxy"] for row in rows]) == pytest.approx(result.values["proxy"])
