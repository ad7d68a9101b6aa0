"""How a trainer is started: as one process, or as several that train one model together on this machine.

`python -m training_bridge.launch <run folder>` starts as many as the specification's `processes` by torch's own process
manager (what torchrun is made of), passes SIGTERM on, and ends as the first that failed ended: all end with one. They
find each other by a file in the run's folder and talk over loopback, so that no port is open to anybody else. The first
reports on this process's standard output; what each prints to standard error is in a file of its own.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.words import gettext_noop as _
from training_bridge.child import OUT_OF_MEMORY

if TYPE_CHECKING:  # the parent of a trainer reads this file and never loads torch
    from torch.distributed.elastic.multiprocessing.api import PContext, RunProcsResult

LOOPBACK = {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
LAST_BYTES = 8000
ROOM = ".ranks-"


def command(alone: Sequence[str], folder: Path, config: Mapping[str, Any]) -> list[str]:
    """What to execute for the run in `folder` under a method's `config`; `alone`: for a run of one process."""
    several = int(config.get("processes", 1)) > 1
    return [*([sys.executable, "-m", "training_bridge.launch"] if several else alone), str(folder)]


def main(arguments: list[str]) -> int:
    """Starts all processes of a run and stays to their end.

    Returns the exit code (training_bridge/child.py), or ends by the signal that ended one of them.
    """
    from common.machine import die_with_parent

    die_with_parent()
    folder = Path(arguments[0])
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    processes = int(spec["config"]["processes"])
    if processes > (most := _most()):
        print(_("This machine has room for %(most)s processes at once.") % {"most": most}, file=sys.stderr)
        return 1
    for left in folder.glob(f"{ROOM}*"):  # by an attempt that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=ROOM, dir=folder) as room:
        context = _start(folder, Path(room), processes, spec.get("threads"))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_given: _tell(context, signal.SIGTERM))
        ended = context.wait(timeout=-1, period=0.1)
        assert ended is not None  # it has no timeout
        code = _conclude(ended)
    if code < 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _most() -> int:
    """As many processes as there are GPUs or, where there is none, cores."""
    import torch

    return torch.cuda.device_count() or len(os.sched_getaffinity(0))


def _start(folder: Path, room: Path, processes: int, threads: int | None) -> "PContext":
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std, start_processes

    each = threads or max(1, len(os.sched_getaffinity(0)) // processes)
    shared = LOOPBACK | {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "OMP_NUM_THREADS": str(each),
    }
    places, module = range(processes), ("-m", "training_bridge.rank")
    return start_processes(
        name="trainer",
        entrypoint=sys.executable,
        args={place: (*module, str(folder), str(place), str(processes), str(room / "meeting")) for place in places},
        envs={place: {**shared, "RANK": str(place), "LOCAL_RANK": str(place)} for place in places},
        logs_specs=DefaultLogsSpecs(log_dir=str(room / "logs"), redirects=Std.ERR),
    )


def _tell(context: "PContext", number: signal.Signals) -> None:
    for pid in context.pids().values():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _conclude(ended: "RunProcsResult") -> int:
    """The exit code of whoever failed first, below 0 for a signal; its last words go to standard error."""
    failed = list(ended.failures.values())
    if not failed:
        return 0
    said = {one.local_rank: Path(ended.stderrs[one.local_rank]) for one in failed}
    # The others fail for want of the first one: they write their complaints later.
    failed.sort(key=lambda one: (one.exitcode == -signal.SIGTERM, said[one.local_rank].stat().st_mtime_ns))
    failed.sort(key=lambda one: one.exitcode != OUT_OF_MEMORY)
    first = failed[0]
    words = said[first.local_rank].read_bytes()[-LAST_BYTES:].decode("utf-8", "replace")
    print(f"Process {first.local_rank} of {len(ended.stderrs)}:\n{words}", file=sys.stderr, flush=True)
    return int(first.exitcode)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
