"""The row is the truth: its owner alone writes, its trainer dies with its worker, silence hands it on."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from common.claims import Fenced
from common.errors import Conflict
from config.celery import QUEUES, app
from config.supervisor import processes
from tests.training_bridge.conftest import attempts, silence, state
from training_bridge import execution, tasks
from training_bridge.execution import execute_run
from training_bridge.models import Run
from training_bridge.services import cancel_run, retry_run
from training_bridge.services.ownership import (
    claim_run,
    end_run,
    record_progress,
    requeue_silent_runs,
)

Start = Callable[..., Run]


def test_a_waiting_run_is_cancelled_at_once(start: Start) -> None:
    run = start()
    cancel_run(run=run)
    assert execute_run(run_id=run.pk) is None and state(run) == "cancelled"
    with pytest.raises(Conflict):
        cancel_run(run=run)


def worker(run: Run) -> "subprocess.Popen[bytes]":
    """A worker in a process of its own, on this test's database and folder."""
    arguments = [str(run.pk), str(settings.VAR_DIR), str(connection.settings_dict["NAME"])]
    paths = os.pathsep.join([str(settings.BASE_DIR), str(settings.BASE_DIR / "platform")])
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": paths}
    return subprocess.Popen([sys.executable, "-m", "tests.training_bridge.worker", *arguments], env=env)


def eventually(look: Callable[[], Any], seconds: float = 60) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def trainers(run: Run) -> list[int]:
    """Process ids of trainers of this run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                command = (entry / "cmdline").read_bytes().decode().split("\0")
                is_zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if command[-2:-1] == [f"{settings.VAR_DIR}/runs/{run.pk}"] and not is_zombie:
                found.append(int(entry.name))
    return found


@pytest.mark.django_db(transaction=True)
def test_cancelling_ends_within_a_step_and_resumes_from_there(start: Start, var: Path) -> None:
    run = start(steps=5, at=3, deed="rest")  # the third step takes a minute
    process = worker(run)
    eventually(lambda: state(run) == "running" and (run.checkpoint or {}).get("step") == 2)
    cancel_run(run=run)
    assert eventually(lambda: state(run) == "cancelled", 20), "it was not broken off, and is not killed yet"
    process.wait(10)
    assert run.checkpoint["step"] == run.step == 2 and not trainers(run)
    Run.objects.filter(pk=run.pk).update(config=run.config | {"deed": ""})
    retry_run(run=run)
    assert execute_run(run_id=run.pk) == "succeeded"
    assert attempts(var, run) == [1, 3]
    assert list(run.metrics.values_list("step", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_a_trainer_that_does_not_listen_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "GRACE_SECONDS", 0.5)
    run = start(steps=10_000, seconds=0.05, deaf=True)
    real = execution.record_progress

    def cancelling(**given: Any) -> bool:
        if given["metrics"]:
            Run.objects.filter(pk=run.pk).update(state="cancelling", cancel_requested=True)
        return real(**given)

    monkeypatch.setattr(execution, "record_progress", cancelling)
    assert execute_run(run_id=run.pk) == "cancelled" == state(run)
    assert not trainers(run)


@pytest.mark.django_db(transaction=True)
def test_kill_9_of_the_worker_ends_the_trainer_and_the_run_goes_on(start: Start, var: Path) -> None:
    run = start(steps=40, seconds=0.1)
    process = worker(run)
    eventually(lambda: state(run) == "running" and run.checkpoint and run.step >= 3 and trainers(run))
    process.kill()
    process.wait()
    eventually(lambda: not trainers(run), 5)
    assert state(run) == "running" and requeue_silent_runs() == 0, (
        "it was taken back before its silence was long enough"
    )
    silence(run)
    assert requeue_silent_runs() == 1 and state(run) == "queued"
    resumed = run.checkpoint["step"] + 1
    assert execute_run(run_id=run.pk) == "succeeded"
    assert attempts(var, run) == [1, resumed]
    assert list(run.metrics.values_list("step", flat=True)) == list(range(1, 41))
    assert "fell silent" in " ".join(run.log_lines.values_list("text", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_stopped_gives_its_run_back_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(steps=10_000, seconds=0.05)
    real = execution.record_progress

    def stopped(**given: Any) -> bool:
        if given["metrics"]:
            raise SystemExit  # what Celery raises in a worker that is told to end now
        return real(**given)

    monkeypatch.setattr(execution, "record_progress", stopped)
    with pytest.raises(SystemExit):
        execute_run(run_id=run.pk)
    assert (state(run), run.attempt, run.owner) == ("queued", 0, None), "being stopped counts as no attempt"
    assert not trainers(run)


@pytest.mark.django_db(transaction=True)
def test_kill_9_of_the_trainer_is_noticed(start: Start, var: Path) -> None:
    run = start(steps=60, seconds=0.1)
    process = worker(run)
    (trainer,) = eventually(lambda: state(run) == "running" and run.step >= 2 and trainers(run))
    os.kill(trainer, signal.SIGKILL)
    process.wait(20)
    assert state(run) == "queued" and run.owner is None and run.attempt == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_run_stops_its_trainer(start: Start) -> None:
    run = start(steps=10_000, seconds=0.05)
    process = worker(run)
    eventually(lambda: state(run) == "running" and trainers(run))
    Run.objects.filter(pk=run.pk).update(owner=uuid.uuid4(), step=4242)
    process.wait(20)
    assert not trainers(run)
    assert (state(run), run.step) == ("running", 4242), "the stale owner wrote"


def test_a_stale_owner_can_write_nothing(start: Start) -> None:
    run = start()
    stale = claim_run(run_id=run.pk)
    assert stale is not None
    silence(run)
    requeue_silent_runs()
    owner = claim_run(run_id=run.pk)
    assert owner is not None and claim_run(run_id=run.pk) is None
    before = Run.objects.values().get(pk=run.pk)
    with pytest.raises(Fenced):
        record_progress(hold=stale, columns={"step": 99}, metrics={99: {"loss": 0.0}}, log=["stale"])
    with pytest.raises(Fenced):
        end_run(hold=stale, state=Run.State.SUCCEEDED)
    assert Run.objects.values().get(pk=run.pk) == before
    assert not run.metrics.exists() and "stale" not in run.log_lines.values_list("text", flat=True)
    assert record_progress(hold=owner, columns={"step": 1}, metrics={1: {"loss": 1.0}}, log=[]) is False


def test_silence_three_times_is_lost_and_a_person_may_go_on(start: Start) -> None:
    run = start()
    for attempt in range(1, 4):
        assert claim_run(run_id=run.pk) is not None
        silence(run)
        requeue_silent_runs()
        assert (state(run), run.attempt) == ("queued" if attempt < 3 else "lost", attempt)
    assert run.error and claim_run(run_id=run.pk) is None
    retry_run(run=run)
    assert claim_run(run_id=run.pk) is not None


def test_a_silent_run_that_was_to_stop_is_cancelled(start: Start) -> None:
    run = start()
    claim_run(run_id=run.pk)
    cancel_run(run=run)
    assert state(run) == "cancelling"
    silence(run)
    requeue_silent_runs()
    assert state(run) == "cancelled"


def test_a_database_restart_is_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run, real, faults = start(steps=5, seconds=0.1), execution.record_progress, [OperationalError("gone")] * 2
    monkeypatch.setattr(execution.connection, "close", lambda: None)

    def flaky(**given: Any) -> bool:
        if faults and given["metrics"]:
            raise faults.pop()
        return real(**given)

    monkeypatch.setattr(execution, "record_progress", flaky)
    assert execute_run(run_id=run.pk) == "succeeded" and not faults
    assert list(run.metrics.values_list("step", flat=True)) == [1, 2, 3, 4, 5]


def test_a_full_disk_is_a_named_failure(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(execution, "prepare", full)
    run = start()
    assert execute_run(run_id=run.pk) == "failed" == state(run) and "No space left" in run.error


def test_the_sweep_rings_for_all_that_waits(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(tasks.run, "apply_async", lambda args, **_: rung.append(args[0]))
    waiting, silent, held = start(seed=1), start(seed=2), start(seed=3)
    claim_run(run_id=silent.pk), claim_run(run_id=held.pk)
    silence(silent)
    tasks.sweep()
    assert rung == [waiting.pk, silent.pk]
    many = [start(seed=seed).pk for seed in range(4, 24)]
    rung.clear()
    tasks.sweep()
    assert rung == [waiting.pk, silent.pk, *many[:2]], "before a busy worker rings for all would pile up"


def test_training_has_a_queue_and_a_worker_of_its_own() -> None:
    """A full one delays nothing else: who trains does nothing else, and nobody else waits for it."""
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert {name for name, task in ours.items() if task.queue == "train"} == {"training_bridge.tasks.run"}
    assert {task.queue for task in ours.values()} == set(QUEUES)
    consumed = [
        command[command.index("--queues") + 1].split(",")
        for command in (process.command for process in processes({}))
        if "--queues" in command
    ]
    assert sorted(consumed) == [["default", "judge"], ["train"]]
