"""The whole product, its real workers and trainers: kill -9, a full queue, cancel."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.stack import Stack, running_stack

# Asked of one database, the one that has many writers.
pytestmark = [pytest.mark.services, pytest.mark.postgres]

CONFIG = {"learning_rate": 1e-3, "epochs": 30, "batch_size": 4, "checkpoint_every": 5, "max_length": 160}
SECONDS = 240
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack() as made:
        yield made


@pytest.fixture(scope="module")
def given(stack: Stack, policy: Path) -> dict[str, Any]:
    says = stack.shell(f"from tests.training_bridge.faults import product; product.furnish({str(policy)!r})")
    return dict(json.loads(says.splitlines()[-1]))


@pytest.fixture(scope="module")
def ask(stack: Stack, given: dict[str, Any]) -> Ask:
    """`ask("runs/7/")`, `ask("runs/", {"method": …})`: the API's answer."""

    def of(path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{stack.url}/api/v1/projects/bicycles/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {given['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    return of


@pytest.fixture(scope="module")
def begin(ask: Ask, given: dict[str, Any]) -> Ask:
    def of(seed: int = 0, **config: Any) -> str:
        spec = {"method": "dpo", "snapshot": given["snapshot"], "base": given["base"], "seed": seed}
        return f"runs/{ask('runs/', spec | {'config': CONFIG | config})['id']}/"

    return of


def trainers(stack: Stack) -> list[int]:
    worker = psutil.Process(stack.pid("worker-train"))
    return [one.pid for one in worker.children(recursive=True) if "training_bridge.child" in one.cmdline()]


def learnt(ask: Ask, run: str) -> list[tuple[int, float, float]]:
    rows = ask(f"{run}metrics/?limit=500")["results"]
    return [(row["step"], row["values"]["loss"], row["values"]["grad_norm"]) for row in rows]


def test_kill_9_of_worker_and_trainer_leaves_no_trace(stack: Stack, ask: Ask, begin: Ask) -> None:
    whole = begin()
    stack.wait(lambda: ask(whole)["state"] == "succeeded", SECONDS, "trained")
    broken = begin()
    assert broken != whole

    stack.wait(lambda: ask(broken)["checkpoint_step"], SECONDS, "at a checkpoint")
    (trainer,) = trainers(stack)
    worker = stack.kill("worker-train")
    stack.wait(lambda: not psutil.pid_exists(trainer), 10, "rid of the trainer whose worker was killed")
    stack.shell("from tests.training_bridge.faults import product; product.silence()")
    stack.wait(lambda: stack.pid("worker-train") != worker, SECONDS, "running a worker again")

    reached = ask(broken)["checkpoint_step"]
    stack.wait(lambda: ask(broken)["checkpoint_step"] > reached and trainers(stack), SECONDS, "training again")
    os.kill(trainers(stack)[0], signal.SIGKILL)

    stack.wait(lambda: ask(broken)["state"] == "succeeded", SECONDS, "trained in spite of all")
    one, other = ask(whole), ask(broken)
    assert other["attempt"] == 3 and len(learnt(ask, whole)) == one["total_steps"]
    assert learnt(ask, broken) == learnt(ask, whole)
    made = [ask(f"models/{run['produced']}/")["sha256"] for run in (one, other)]
    assert made[0] == made[1]


def test_a_full_queue_delays_neither_judge_nor_program_and_cancel_answers(stack: Stack, ask: Ask, begin: Ask) -> None:
    running = begin(seed=1, epochs=100, batch_size=1, checkpoint_every=100_000)
    for seed in range(2, 22):
        begin(seed=seed)
    stack.wait(lambda: ask(running)["step"], SECONDS, "training")
    says = stack.shell("from tests.training_bridge.faults import product; product.judge(5)")
    found = json.loads(says.splitlines()[-1])
    assert found["judged"] >= 5
    assert found["states"][-21:] == ["running", *["queued"] * 20]
    ask(f"{running}cancel/", {})
    stack.wait(lambda: ask(running)["state"] == "cancelled", 30, "cancelled")
    ended = ask(running)
    assert 0 < ended["checkpoint_step"] == ended["step"] < ended["total_steps"]
