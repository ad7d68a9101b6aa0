"""TRL's side of `make bench-train`, where TRL is installed (tests/conftest.py leaves this out elsewhere).

`make test-trl` installs it into an environment of its own and runs this.
"""

import sys
from pathlib import Path

import pytest

from benchmarks.train_setting import Lengths, make_model, make_pairs, write_pairs
from benchmarks.train_turns import Worker

SHORT = Lengths(12, 0.5, 3, 30)


@pytest.mark.parametrize("task", ["dpo", "reward"])
def test_trl_is_given_the_same_pairs_in_the_same_order(task: str, tmp_path: Path) -> None:
    make_model(tmp_path / "model", "tiny")
    write_pairs(tmp_path / "pairs.jsonl", make_pairs(12, 512, prompts=SHORT, responses=SHORT))
    losses = []
    for side in ("ours", "trl"):
        spec = {
            "name": side, "side": side, "task": task, "batch": 2, "pairs_each": 4, "seed": 0, "learning_rate": 1e-3,
            "device": "cpu", "threads": 1, "model": str(tmp_path / "model"), "pairs": str(tmp_path / "pairs.jsonl"),
            "output": str(tmp_path / side),
        }  # fmt: skip
        with Worker(sys.executable, spec, threads=1) as worker:
            losses.append(worker.run(3)["values"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
