"""The real child process: its protocol, SIGTERM, kill -9 and resume, and how it says what went wrong."""

import errno
import io
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.methods import small
from training_bridge import child
from training_bridge.trainer import checkpoints

CONFIG = {"learning_rate": 1e-3, "epochs": 7, "batch_size": 4, "checkpoint_every": 10, "max_length": 64}


def events_until(process: "subprocess.Popen[str]", done: Any) -> list[dict[str, Any]]:
    events = []
    assert process.stdout is not None
    for line in process.stdout:
        events.append(json.loads(line))
        if done(events[-1]):
            return events
    assert process.stderr is not None
    raise AssertionError(f"the child ended early: {process.stderr.read()[-2000:]}")


def rest(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    output, _ = process.communicate(timeout=120)
    return [json.loads(line) for line in output.splitlines()]


def curve(events: list[dict[str, Any]]) -> dict[int, float]:
    return {event["step"]: event["values"]["loss"] for event in events if event["type"] == "metrics"}


@pytest.fixture
def dpo_run(policy: Path, pairs: Path, tmp_path: Path) -> Any:
    def make(name: str, **given: Any) -> Path:
        given = {
            "config": CONFIG,
            "base": {"path": str(policy), "kind": "policy"},
            "snapshot": {"path": str(pairs)},
        } | given
        return small.specification(tmp_path / name, "dpo", **given)

    return make


def test_sigterm_and_kill_9_lose_no_step_and_leave_no_seam(dpo_run: Any) -> None:
    whole = rest(small.child(dpo_run("whole")))
    assert [whole[0]["type"], whole[-1]["type"]] == ["phase", "result"]
    assert {"type": "total", "steps": 35} in whole
    assert whole[-1]["model"]["kind"] == "policy"

    asked = small.child(dpo_run("halves"))
    events = events_until(asked, lambda event: event["type"] == "metrics" and event["step"] >= 12)
    asked.send_signal(signal.SIGTERM)
    events += rest(asked)
    assert asked.returncode == 0
    assert events[-1] == {"type": "cancelled"}
    checkpoint = [event for event in events if event["type"] == "checkpoint"][-1]
    assert checkpoint["step"] == max(curve(events))

    killed = small.child(dpo_run("halves", checkpoint=checkpoint))
    more = events_until(killed, lambda event: event["type"] == "checkpoint" and event["step"] > checkpoint["step"])
    killed.kill()
    killed.communicate()
    resumed = rest(small.child(dpo_run("halves", checkpoint=more[-1])))
    assert resumed[-1]["type"] == "result"
    assert curve(events) | curve(more) | curve(resumed) == curve(whole)


def test_the_child_dies_with_its_parent(dpo_run: Any, tmp_path: Path) -> None:
    import psutil

    folder = dpo_run("orphan", config={**CONFIG, "epochs": 90})
    script = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen(
        [small.sys.executable, "-c", script, small.sys.executable, "-m", "training_bridge.child", str(folder)],
        cwd=small.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**small.os.environ, "PYTHONPATH": f"{small.ROOT}:{small.ROOT / 'platform'}"},
    )
    assert parent.stdout is not None
    grandchild = psutil.Process(int(parent.stdout.readline()))
    for line in parent.stdout:
        if json.loads(line)["type"] == "metrics":
            break
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs([grandchild], timeout=10)
    assert not alive


def test_what_is_wrong_stands_on_standard_error(dpo_run: Any) -> None:
    process = small.child(dpo_run("wrong", snapshot={"path": "/nonexistent"}))
    output, error = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "is no snapshot" in error
    for line in output.splitlines():
        json.loads(line)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"config": {"learning_rat": 1}}, "Extra inputs are not permitted"),
        ({"base": {"path": "/nonexistent/model", "kind": "policy"}}, "nonexistent"),
    ],
)
def test_whatever_is_wrong_is_named(dpo_run: Any, change: dict[str, Any], why: str, capsys: Any) -> None:
    """In this process: starting another, with torch, takes seconds."""
    spec = json.loads((dpo_run("wrong", **change) / "spec.json").read_text())
    with pytest.raises(Exception, match=why) as fault:
        child._run(spec, child.Reporter(io.StringIO()))
    assert child._failed(fault.value) == 1
    assert why in capsys.readouterr().err


def test_running_out_of_memory_has_its_own_exit_code(capsys: Any) -> None:
    import torch

    assert child._failed(torch.OutOfMemoryError("CUDA out of memory")) == 77
    assert child._failed(RuntimeError("DefaultCPUAllocator: can't allocate memory")) == 77
    assert child._failed(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate")) == 77
    assert child._failed(OSError(errno.ENOMEM, "Cannot allocate memory")) == 77
    hidden = ValueError("the model could not be loaded")
    hidden.__cause__ = MemoryError()
    assert child._failed(hidden) == 77
    assert child._failed(RuntimeError("shapes differ")) == 1
    assert "shapes differ" in capsys.readouterr().err


def status_of(process: "subprocess.Popen[str]", name: str) -> str:
    return Path(f"/proc/{process.pid}/status").read_text().partition(f"{name}:")[2].split()[0]


def test_a_full_disk_is_said_in_a_sentence_and_nothing_half_written_stays(tmp_path: Path, capsys: Any) -> None:
    def fill(folder: Path) -> None:
        (folder / "half").write_bytes(b"x" * 100)
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    checkpoints.write(tmp_path / "checkpoint-2", lambda folder: None)
    with pytest.raises(RuntimeError) as fault:
        checkpoints.write(tmp_path / "checkpoint-4", fill)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]
    for full in (fault.value, OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "quota")):
        assert child._failed(full) == 1
        said = capsys.readouterr().err
        assert said.startswith("The disk is full.") and "Traceback" not in said


def test_sigterm_is_answered_while_torch_is_still_being_loaded(dpo_run: Any) -> None:
    process = small.child(dpo_run("early"))
    until = time.monotonic() + 60
    while not int(status_of(process, "SigCgt"), 16) >> (signal.SIGTERM - 1) & 1:  # it does not listen yet
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert rest(process) == [{"type": "cancelled"}] and process.returncode == 0
