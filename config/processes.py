"""Child processes that never outlive their parent, and come back, ever more slowly, when they die."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from common.machine import die_with_parent

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A process that lived this long has recovered: its next death starts with the shortest pause again.
RECOVERED = 60.0
TICK = 0.2


@dataclass
class Process:
    """One program kept running. `stopping`: (signal, seconds to wait after it), tried in turn before SIGKILL."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    stopping: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10.0),)
    popen: "subprocess.Popen[bytes] | None" = None
    _started: float = 0.0
    _pause: float = FIRST_PAUSE
    _not_before: float = 0.0

    @property
    def due(self) -> bool:
        return self.popen is None and time.monotonic() >= self._not_before

    def start(self) -> "subprocess.Popen[bytes]":
        """Starts it in a session of its own: Ctrl-C reaches only the supervisor, which then stops all in order."""
        self._started = time.monotonic()
        self.popen = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Safe although it runs between fork and exec: the supervisor has one thread.
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
        return self.popen

    def bury(self) -> str:
        """Plans the restart of a process found dead and says so in words."""
        assert self.popen is not None
        code, self.popen = self.popen.returncode, None
        if time.monotonic() - self._started > RECOVERED:
            self._pause = FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        self._not_before = time.monotonic() + pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"{self.name} {how}; it starts again in {pause:g} s"


@dataclass
class Family:
    """Processes watched together. `say(name, line)` receives every line they print and what happens to them.

    `pids`: a folder with one `<name>.pid` for each that runs.
    """

    say: Callable[[str, str], None]
    pids: Path
    members: list[Process] = field(default_factory=list)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _rest: dict[int, bytes] = field(default_factory=dict)

    def watch(self) -> None:
        """One turn, a fifth of a second at most: passes on output, buries the dead, starts what is due."""
        self._read(TICK)
        for process in self.members:
            if process.popen is not None and process.popen.poll() is not None:
                self._pid_file(process).unlink(missing_ok=True)
                # Its last words first: they say why. Only what is there, since its children may hold the pipe open,
                # and with an end, since others go on talking.
                for _ in range(20):
                    if not self._read(0):
                        break
                self.say("supervisor", process.bury())
            if process.due:
                self._start(process)

    def stop(self, processes: list[Process]) -> None:
        """Stops `processes` together, each by its own signals in turn; returns when none is left."""
        steps = {process.name: list(process.stopping) for process in processes}
        deadline = dict.fromkeys(steps, 0.0)
        while alive := [process for process in processes if process.popen is not None and process.popen.poll() is None]:
            for process in alive:
                if time.monotonic() < deadline[process.name]:
                    continue
                number, patience = steps[process.name].pop(0) if steps[process.name] else (signal.SIGKILL, 5.0)
                assert process.popen is not None
                process.popen.send_signal(number)
                deadline[process.name] = time.monotonic() + patience
            self._read(TICK)
        for process in processes:
            self._pid_file(process).unlink(missing_ok=True)
            self.members.remove(process)

    def _start(self, process: Process) -> None:
        popen = process.start()
        assert popen.stdout is not None
        os.set_blocking(popen.stdout.fileno(), False)
        self._selector.register(popen.stdout, selectors.EVENT_READ, process.name)
        self._pid_file(process).write_text(f"{popen.pid}\n")

    def _read(self, seconds: float) -> bool:
        """Passes on what the processes print, waiting up to `seconds` for it; whether there was anything."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            chunk = os.read(key.fd, 65536)
            *lines, rest = (self._rest.pop(key.fd, b"") + chunk).split(b"\n")
            if chunk:
                self._rest[key.fd] = rest
            else:
                lines.append(rest)
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]  # the pipe's reader, registered above
            for line in lines:
                if line.strip():
                    self.say(key.data, line.decode(errors="replace"))
        return bool(ready)

    def _pid_file(self, process: Process) -> Path:
        return self.pids / f"{process.name}.pid"
