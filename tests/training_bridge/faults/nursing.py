"""The tests' end of the nursery (nursery.py), and what is asked of runs afterwards."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.training_bridge.conftest import silence, state
from training_bridge.models import Run
from training_bridge.services import retry_run
from training_bridge.services.ownership import requeue_silent_runs

SECONDS = 120


@dataclass
class Nursery:
    """`begin` a run; the ids of its worker and trainer follow, and how it ended unless they are killed."""

    process: "subprocess.Popen[str]"
    events: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def heard(self, name: str, seconds: float = SECONDS) -> Any:
        """The next event's value, which must be of that name."""
        event = self.events.get(timeout=seconds)
        assert name in event, event
        return event[name]

    def begin(self, run: Run, megabytes: int = 0) -> tuple[int, int]:
        """(worker, trainer): process ids of an attempt. `megabytes`: all the trainer may take, 0 for no limit."""
        assert self.process.stdin is not None
        asked = {"run": run.pk, "var": str(settings.VAR_DIR), "megabytes": megabytes}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        trainer = self.heard("trainer")
        return int(Path(f"/proc/{trainer}/stat").read_text().rpartition(")")[2].split()[1]), trainer

    def ended(self, run: Run, seconds: float = SECONDS) -> str:
        """The state in which the attempt ends."""
        ended = str(self.heard("ended", seconds))
        assert ended == state(run)
        return ended

    def finish(self, run: Run) -> None:
        """One attempt, which must succeed."""
        self.begin(run)
        assert self.ended(run) == "succeeded", run.error


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Its processes are on the test's database."""
    paths = os.pathsep.join([str(settings.BASE_DIR), str(settings.BASE_DIR / "platform")])
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training_bridge.faults.nursery", str(connection.settings_dict["NAME"])],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        made = Nursery(process)
        made.heard("ready")
        yield made
    finally:
        process.kill()
        process.wait()


def curve(run: Run) -> dict[int, dict[str, float]]:
    """What was measured at each step of what is learnt: neither speed nor memory."""
    return {
        step: {name: value for name, value in values.items() if name not in {"tokens_per_second", "memory"}}
        for step, values in run.metrics.values_list("step", "values")
    }


def take_up(run: Run) -> None:
    """What the sweep and a person do to a run that ended before its work did: it waits again."""
    if state(run) in {"starting", "running", "cancelling"}:
        silence(run)
        requeue_silent_runs()
    if state(run) in {"failed", "lost", "cancelled"}:
        retry_run(run=run)
    assert state(run) == "queued", run.error
