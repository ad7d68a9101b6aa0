"""Several processes that train one model come to what one comes to, stop together and go on from each other's files."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import Trainer

from tests.methods import small
from training_bridge import launch
from training_bridge.trainer import ranks
from training_bridge.trainer.checkpoints import digest_of

# 20 groups in steps of 3, of which the last holds 2: one of two processes always has less to read, or nothing.
CONFIG = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 3,
    "token_budget": 64,
    "max_length": 64,
    "checkpoint_every": 6,
}
WAYS: dict[str, dict[str, Any]] = {"each holds all": {"sharding": "none"}, "spread": {"sharding": "full"}}
two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two processes want two cores")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small.snapshot(tmp_path_factory.mktemp("pairs"))


def started(folder: Path, policy: Path, pairs: Path, **given: Any) -> "subprocess.Popen[str]":
    config = CONFIG | given.pop("config", {})
    models = {"snapshot": {"path": str(pairs)}, "base": {"path": str(policy), "kind": "policy"}}
    small.specification(folder, given.pop("method", "dpo"), config, **(models | given))
    return subprocess.Popen(
        launch.command([sys.executable, "-m", "training_bridge.child"], folder, config),
        cwd=small.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{small.ROOT}:{small.ROOT / 'platform'}"},
    )


def told(process: "subprocess.Popen[str]") -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    return map(json.loads, process.stdout)


def finished(folder: Path, policy: Path, pairs: Path, **given: Any) -> list[dict[str, Any]]:
    process = started(folder, policy, pairs, **given)
    found, errors = process.communicate(timeout=280)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in found.splitlines()]


def curve(events: list[dict[str, Any]]) -> dict[int, dict[str, float]]:
    speed = {"tokens_per_second", "memory"}
    return {
        one["step"]: {name: value for name, value in one["values"].items() if name not in speed}
        for one in events
        if one["type"] == "metrics"
    }


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = (load_file(room / "output" / "model" / "model.safetensors") for room in (one, other))
    assert first.keys() == second.keys()
    # Adam divides a gradient by its size, so of one that is as good as nought its rounding is left; a step is 1e-3.
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 3e-5


def kept(room: Path) -> dict[str, Any]:
    """The checkpoint before the last one."""
    folder = min((room / "output" / "checkpoints").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))
    return {"path": str(folder), "step": int(folder.name.rpartition("-")[2]), "sha256": digest_of(folder)}


@pytest.fixture(scope="module")
def alone(policy: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, Any]]:
    """What one process comes to."""
    room = tmp_path_factory.mktemp("alone")
    return room, curve(finished(room, policy, pairs))


@two_cores
@pytest.mark.parametrize("way", WAYS)
def test_two_processes_come_to_what_one_comes_to(
    way: str, alone: tuple[Path, dict[int, Any]], policy: Path, pairs: Path, tmp_path: Path
) -> None:
    room, expected = alone
    events = finished(tmp_path, policy, pairs, config={"processes": 2, **WAYS[way]})
    found = curve(events)
    assert len(expected) == 14 and found.keys() == expected.keys()
    for step, values in expected.items():
        assert found[step] == pytest.approx(values, abs=1e-5), f"step {step}"
    assert_same_weights(room, tmp_path)
    assert [one["type"] for one in events].count("result") == 1, "the first alone speaks"
    assert not list(tmp_path.glob(".ranks-*"))


@two_cores
def test_all_stop_at_the_step_where_one_is_asked_to(policy: Path, pairs: Path, tmp_path: Path) -> None:
    process = started(tmp_path, policy, pairs, config={"processes": 2, "sharding": "full", "epochs": 40})
    events = []
    for event in told(process):
        events.append(event)
        if event["type"] == "metrics" and event["step"] == 4:
            both = psutil.Process(process.pid).children()
            assert len(both) == 2
            asked = next(one for one in both if one.environ()["RANK"] == "1")
            asked.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    assert events[-1]["type"] == "cancelled" and len(curve(events)) < 200
    checkpoint = next(one for one in reversed(events) if one["type"] == "checkpoint")
    assert checkpoint["step"] == max(curve(events))
    folder = Path(checkpoint["path"])
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    assert json.loads((folder / "configuration.json").read_text())["config"]["sharding"] == "full"


@two_cores
def test_one_goes_on_from_a_checkpoint_of_several_and_several_from_one_of_one(
    alone: tuple[Path, dict[int, Any]], policy: Path, pairs: Path, tmp_path: Path
) -> None:
    room, expected = alone
    several = {"processes": 2, "sharding": "full"}
    for source, place, config in ((room, "several", several), (tmp_path / "several", "one", {})):
        checkpoint = kept(source)
        found = curve(finished(tmp_path / place, policy, pairs, config=config, checkpoint=checkpoint))
        assert found.keys() == set(range(checkpoint["step"] + 1, 15))
        for step, values in found.items():
            assert values == pytest.approx(expected[step], abs=1e-5), f"step {step}"
        assert_same_weights(room, tmp_path / place)


@two_cores
def test_one_that_is_killed_takes_the_others_with_it(policy: Path, pairs: Path, tmp_path: Path) -> None:
    process = started(tmp_path, policy, pairs, config={"processes": 2, "epochs": 40})
    both: list[psutil.Process] = []
    for event in told(process):
        if event["type"] == "metrics" and not both:
            both = psutil.Process(process.pid).children()
            both[1].kill()
    assert process.wait(timeout=60) == -signal.SIGKILL, "it ends as the first that failed ended"
    assert len(both) == 2 and not any(one.is_running() for one in both)


def test_more_processes_than_the_machine_has_room_for_are_refused(
    policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        process = started(tmp_path, policy, pairs, config={"processes": 2})
    finally:
        os.sched_setaffinity(0, cores)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1 and "room for 1 processes" in errors


@given(st.lists(st.integers(1, 500), min_size=1, max_size=40), st.integers(1, 6))
def test_a_step_is_dealt_out_whole_evenly_and_always_alike(sizes: list[int], parts: int) -> None:
    dealt = ranks.shares(sizes, parts)
    assert sorted(index for part in dealt for index in part) == list(range(len(sizes)))
    totals = [sum(sizes[index] for index in part) for part in dealt]
    assert max(totals) - min(totals) <= max(sizes)
    assert dealt == ranks.shares(sizes, parts) and all(part == sorted(part) for part in dealt)
    assert ranks.shares(sizes, 1) == [list(range(len(sizes)))]


PINNED = {
    "create_accelerator_and_postprocess": ["self"],
    "create_optimizer": ["self", "model"],
    "_save_checkpoint": ["self", "model", "trial"],
    "_load_from_checkpoint": ["self", "resume_from_checkpoint", "model"],
    "_load_optimizer_and_scheduler": ["self", "checkpoint"],
    "_load_rng_state": ["self", "checkpoint"],
    "_load_scaler": ["self", "checkpoint"],
    "floating_point_ops": ["self", "inputs"],
    "training_step": ["self", "model", "inputs", "num_items_in_batch"],
    "log": ["self", "logs", "start_time"],
    "get_train_dataloader": ["self"],
}


def test_what_the_trainer_takes_the_place_of_is_still_there() -> None:
    """An override of a method that transformers no longer calls would be passed over without a word."""
    from training_bridge.trainer.trainer import FeedbackTrainer

    own = {
        name for name in vars(FeedbackTrainer) if callable(getattr(FeedbackTrainer, name)) and hasattr(Trainer, name)
    }
    assert own - {"__init__"} == set(PINNED)
    for name, parameters in PINNED.items():
        assert list(signature(getattr(Trainer, name)).parameters) == parameters, name
    source = Path(sys.modules[Trainer.__module__].__file__ or "").read_text()
    for name in PINNED:
        assert source.count(f"self.{name}(") >= 1, f"Trainer no longer calls {name}"
