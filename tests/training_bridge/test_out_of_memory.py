"""What becomes of a run whose trainer ran out of memory (that it learns the same: faults/test_memory.py)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from common import machine
from tests.training_bridge.conftest import attempts, state
from training_bridge import execution
from training_bridge.execution import execute_run
from training_bridge.models import Run
from training_bridge.services import retry_run

Start = Callable[..., Run]
MEMORY = {"steps": 3, "at": 2, "deed": "memory", "token_budget": 8192, "tokens": 3000}


def test_it_goes_on_once_by_itself_and_then_a_person_decides(start: Start, var: Path) -> None:
    run = start(**MEMORY)
    hashed = run.spec_hash
    assert execute_run(run_id=run.pk) == "queued" == state(run)
    assert (run.token_budget, run.attempt, run.error) == (1500, 1, ""), "half of what was read, not of what was allowed"
    assert run.config["token_budget"] == 8192 and run.spec_hash == hashed, "it is still the run that was asked for"
    assert "The next attempt takes 1500 and learns the same." in run.log_lines.last().text  # type: ignore[union-attr]
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert run.token_budget == 750 and "again, with 1500 tokens at once. Trying again takes 750" in run.error
    Run.objects.filter(pk=run.pk).update(config=run.config | {"deed": ""})
    retry_run(run=run)
    assert execute_run(run_id=run.pk) == "succeeded" and attempts(var, run) == [1, 2, 2]


def test_one_prompt_alone_cannot_be_cut(start: Start) -> None:
    run = start(**MEMORY, items=1)
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert "one prompt and its responses, 3000 tokens" in run.error and run.token_budget is None


def test_the_least_budget_is_not_cut(start: Start) -> None:
    run = start(**MEMORY | {"token_budget": 64})
    assert execute_run(run_id=run.pk) == "failed" == state(run) and run.token_budget is None


def test_a_trainer_that_the_kernel_ended_is_cut_smaller(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "out_of_memory_kills", lambda: machine.out_of_memory_kills() + 1)
    run = start(**MEMORY | {"deed": "die", "once": True})
    assert execute_run(run_id=run.pk) == "queued" == state(run) and run.token_budget == 1500
    assert execute_run(run_id=run.pk) == "succeeded"


def test_the_kernel_is_asked_how_often_it_ended_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    assert machine.out_of_memory_kills() == int(counters["oom_kill"])
    (tmp_path / "vmstat").write_text("pgfault 5\noom_kill 7\ndrop_pagecache 0\n")
    monkeypatch.setattr(machine, "Path", lambda _name: tmp_path / "vmstat")
    assert machine.out_of_memory_kills() == 7, "most machines have never ended anybody"
