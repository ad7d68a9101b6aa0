"""Every method that tunes a policy, for real on a tiny one: it starts where theory says and learns what people said."""

import math
from pathlib import Path
from typing import Any

import pytest

from common.plugs import load
from tests.methods import lessons, small
from training_bridge.methods import METHODS

SMALL = {"learning_rate": 2e-3, "epochs": 5, "batch_size": 8, "max_length": 96, "checkpoint_every": 100}
PAIRED = ["dpo", "dpo_norm", "rdpo", "ipo", "simpo", "orpo", "lipo_lambda", "pro", "rationale_dpo"]
STARTS = {
    "dpo": math.log(2),
    "dpo_norm": math.log(2),
    "rdpo": math.log(2),
    "ipo": 25.0,
    "kto": 0.5,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.snapshot(tmp_path_factory.mktemp("judged"))


def trained(key: str, room: Path, policy: Path, judged: Path, **config: Any) -> tuple[Any, list[dict[str, float]]]:
    method, reports = load(METHODS, key, "method"), []
    context = small.context(room / key, base=small.base(str(policy)), snapshot=judged, reports=reports)
    result = method.train(context, method.Config(**(SMALL | config)))
    return result, [value[1] for kind, value in reports if kind == "metrics"]


@pytest.mark.parametrize("key", [*PAIRED, "kto", "sft", "chain_of_hindsight"])
def test_it_trains_a_real_model(key: str, policy: Path, judged: Path, tmp_path: Path) -> None:
    result, steps = trained(key, tmp_path, policy, judged)
    assert steps[-1]["loss"] < steps[0]["loss"]
    if key in STARTS:
        assert steps[0]["loss"] == pytest.approx(STARTS[key], abs=2e-3)
    if key in PAIRED:
        assert steps[-1]["margin"] > steps[0]["margin"] and steps[-1]["accuracy"] >= steps[0]["accuracy"]
    if key in PAIRED and key in STARTS:
        assert steps[-1]["accuracy"] > 0.8
    assert result.model.kind == "policy" and result.model.config["method"] == key
    assert (Path(result.model.path) / "model.safetensors").is_file()
