"""Every method that makes a reward model, for real on a tiny one, saved, loaded again and read as it was trained."""

from pathlib import Path
from typing import Any

import pytest

from common.plugs import load
from lm.loading import load_reward
from lm.scoring import score
from tests.methods import lessons, small
from training_bridge.methods import METHODS

SMALL = {"learning_rate": 3e-3, "epochs": 5, "batch_size": 8, "max_length": 64, "checkpoint_every": 100}
TEXTS = [small.GOOD, lessons.MIDDLE, small.BAD]
MADE: list[tuple[str, dict[str, Any]]] = [
    ("reward_model", {"ties": "rao_kupper"}),
    ("reward_model", {"ties": "davidson"}),
    ("reward_ranking", {}),
    ("reward_ranking", {"likelihood": "all_pairs"}),
    ("reward_thumbs", {}),
    ("reward_ensemble", {"members": 3}),
    ("reward_aspects", {"gate_width": 8, "gate_depth": 1, "gate_dropout": 0.0, "batch_size": 64, "epochs": 9}),
    ("reward_spans", {"segments": "token", "epochs": 8}),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.snapshot(tmp_path_factory.mktemp("judged"))


def trained(key: str, room: Path, base: Path, judged: Path, **config: Any) -> tuple[Any, list[dict[str, float]]]:
    method, reports = load(METHODS, key, "method"), []
    context = small.context(room / key, base=small.base(str(base)), snapshot=judged, reports=reports)
    result = method.train(context, method.Config(**(SMALL | config)))
    return result, [value[1] for kind, value in reports if kind == "metrics"]


@pytest.mark.parametrize(("key", "config"), MADE, ids=[f"{key}{[*config.values()][:1]}" for key, config in MADE])
def test_it_trains_is_loaded_again_and_ranks_as_people_did(
    key: str, config: dict[str, Any], policy: Path, judged: Path, tmp_path: Path
) -> None:
    result, steps = trained(key, tmp_path, policy, judged, **config)
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert result.model.kind == "reward"
    assert result.values["reward_accuracy"] > 0.6 and result.values["pairs"] == 9
    loaded = load_reward(result.model.path)
    good, middle, bad = score(loaded, [(small.asked(2), small.said(text)) for text in TEXTS])
    assert good > bad and middle > bad
