"""Workers and their trainers without the seconds that loading torch takes: `python -m … <database>`.

A JSON line {"run", "var", "megabytes"} on standard input forks a worker, which forks its trainer: both are the
product's own, all that is left out is the exec. `megabytes` is all that the trainer may take beyond what it has at its
start, 0 for no limit. Standard output tells of both as JSON lines.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

from common.machine import die_with_parent  # noqa: E402
from training_bridge import child, execution  # noqa: E402

PAGE = os.sysconf("SC_PAGE_SIZE")


def say(**event: Any) -> None:
    os.write(1, json.dumps(event).encode() + b"\n")


class Forked(subprocess.Popen[bytes]):
    """A trainer that is this process once more."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], megabytes: int, **given: Any) -> None:
        super().__init__(command, env=env, preexec_fn=partial(_train, command[-1], env, megabytes), **given)
        say(trainer=self.pid)


def _train(folder: str, env: Mapping[str, str], megabytes: int) -> None:
    os.closerange(3, 1024)  # the worker's, its connection to the database among them
    os.environ.clear()
    os.environ.update(env)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    if megabytes:
        resource.setrlimit(resource.RLIMIT_AS, (has + megabytes * 2**20,) * 2)
    code = 1
    try:
        code = child.main([folder])
        peak = Path("/proc/self/status").read_text().partition("VmPeak:")[2].split()[0]
        Path(folder, "megabytes").write_text(str((int(peak) * 1024 - has) // 2**20))
    finally:
        os._exit(code)


def _work(nursery: int, run: int, var: str, megabytes: int) -> None:
    die_with_parent(nursery)
    settings.VAR_DIR = Path(var)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        subprocess.Popen = partial(Forked, megabytes=megabytes)  # type: ignore[assignment, misc]  # see the module's text
        say(ended=execution.execute_run(run_id=run))
    finally:
        os._exit(0)


def _warm() -> None:
    """Loads all that a run of a reward model or of DPO loads, and starts no thread."""
    from transformers.models.qwen2 import modeling_qwen2

    from training_bridge.trainer import rewarding, tuning

    assert modeling_qwen2 and rewarding and tuning


def main(database: str) -> None:
    die_with_parent()
    connections["default"].settings_dict["NAME"] = database
    execution.TICK_SECONDS = 0.05
    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    say(ready=True)
    for line in sys.stdin:
        nursery = os.getpid()
        if os.fork() == 0:
            _work(nursery, **json.loads(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
