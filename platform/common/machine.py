"""What a process asks of the machine it runs on. Nothing of Django here: trainers and the supervisor use it."""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """Asks the kernel to kill this process when its parent dies, even by kill -9. Linux only; a no-op elsewhere.

    `parent`: the parent's process id, where the caller knows it; a parent that died before the asking is noticed.
    """
    if _libc is None:
        return
    expected = parent or os.getppid()
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != expected:
        os._exit(1)


def give_way() -> None:
    """Lets every other process of this machine go first: for its cores, and for its memory where that runs out."""
    os.nice(10)
    if sys.platform == "linux":
        # The kernel then ends this process, which goes on from its checkpoint, and not the database or a page.
        with contextlib.suppress(OSError), Path("/proc/self/oom_score_adj").open("w") as score:
            score.write("1000")


def out_of_memory_kills() -> int:
    """How many processes the kernel has ended for want of memory since the machine started; 0 where it does not say."""
    try:
        counters = Path("/proc/vmstat").read_text(encoding="ascii").split()
        return int(counters[counters.index("oom_kill") + 1])
    except (OSError, ValueError):
        return 0


def free_port() -> int:
    """A TCP port that nobody listens on, on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
