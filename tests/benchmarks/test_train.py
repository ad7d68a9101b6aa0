"""The harness of `make bench-train` on a tiny model: sides take turns, read the same pairs, count what is needed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import train_setting
from benchmarks.train_flops import work_of
from benchmarks.train_setting import Lengths, make_model, make_pairs, read_pairs, write_pairs
from benchmarks.train_turns import Worker
from lm.loading import load_causal
from training_bridge.trainer.forward import ResponseLogps
from training_bridge.trainer.groups import PromptGroup

PAIRS_EACH = 4
SHORT = Lengths(12, 0.5, 3, 30)
Made = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A specification, its files written."""
    folder = tmp_path_factory.mktemp("bench")
    make_model(folder / "model", "tiny")
    write_pairs(folder / "pairs.jsonl", make_pairs(3 * PAIRS_EACH, 512, prompts=SHORT, responses=SHORT))
    common = {"model": str(folder / "model"), "pairs": str(folder / "pairs.jsonl"), "pairs_each": PAIRS_EACH}
    own = {"seed": 0, "learning_rate": 1e-3, "device": "cpu", "threads": 1, "output": str(folder / "out")}
    return lambda **given: {"name": "bench"} | common | own | given


@pytest.mark.parametrize("task", ["dpo", "reward"])
def test_our_side_takes_two_steps_and_waits(made: Made, task: str) -> None:
    with Worker(sys.executable, made(side="ours", task=task), threads=1) as worker:
        assert worker.facts == {"form": "shared"}
        first, second = worker.run(1), worker.run(1)
    assert first["seconds"] > 0
    assert [len(one["values"]) for one in (first, second)] == [1, 1]
    assert second["values"] != first["values"]
    assert worker.process.returncode == 0


def test_a_worker_that_fails_says_so(made: Made) -> None:
    with pytest.raises(RuntimeError, match="bench ended with 1"):
        Worker(sys.executable, made(side="ours", task="dpo", model="nowhere"), threads=1)


def test_pairs_are_read_as_they_were_written(made: Made) -> None:
    written = make_pairs(3 * PAIRS_EACH, 512, prompts=SHORT, responses=SHORT)
    assert read_pairs(Path(made()["pairs"])) == written
    assert json.loads(Path(made()["pairs"]).read_text().splitlines()[0]).keys() == {"prompt", "chosen", "rejected"}


def test_lengths_have_the_mean_that_they_are_asked_for() -> None:
    drawn = Lengths(150, 0.6, 1, 10_000).draw(20_000, torch.Generator().manual_seed(0))
    assert sum(drawn) / len(drawn) == pytest.approx(150, rel=0.02)


def test_the_products_counted_are_those_of_the_forward_pass(made: Made) -> None:
    """Against torch's own count of a packed pass: the layers' products and the head's, once forward."""
    from torch.utils.flop_counter import FlopCounterMode

    groups = [PromptGroup([5, 6, 7], [[8, 9], [10, 11, 12, 13]], 1.0)]
    network = ResponseLogps(load_causal(made()["model"]).model, pad_id=0)
    assert network.choose(16) == "shared"
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(groups)
    found = counter.get_flop_counts()["Global"]
    products = sum(value for operator, value in found.items() if "mm" in str(operator))
    work = work_of("tiny", "dpo", groups)
    assert products == sum(one.flops for one in work.products) // 3
    seen = 6 + (6 + 3) + (12 + 10)  # of the prompt; of each response its prompt and itself
    assert work.attention == 3 * 4 * seen * train_setting.SHAPES["tiny"].hidden_size * 2
