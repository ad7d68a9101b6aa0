"""The real product for tests: supervisor, Redis, web, workers and beat, on a VAR_DIR and a database of its own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from common.machine import die_with_parent, free_port
from tests import migrated

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Stack:
    """`url`: where it answers; `env`: what its processes see; `manage("command", …)`: a management command's output."""

    url: str
    env: dict[str, str]
    var: Path
    demo: bool = False
    supervisor: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.var / "supervisor.log"

    def start(self, timeout: float = 240) -> None:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "config.supervisor", *(["--demo"] if self.demo else [])]
            self.supervisor = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A test run killed hard must not leave a product running.
                preexec_fn=partial(die_with_parent, os.getpid()),
            )
        self.wait_ready(timeout)

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM and the exit status."""
        assert self.supervisor is not None
        self.supervisor.terminate()
        try:
            return self.supervisor.wait(timeout)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            raise

    def ready(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /healthz/ready; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz/ready", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)
        except OSError:
            return 0, {}

    def wait_ready(self, timeout: float = 120) -> None:
        self.wait(lambda: self.ready()[0] == 200, timeout, "ready")

    def wait(self, condition: Any, timeout: float, what: str) -> None:
        """Until `condition()` is true; fails with the end of the log where the product dies or takes too long."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert self.supervisor is None or self.supervisor.poll() is None, f"the supervisor ended\n{self.tail()}"
            assert time.monotonic() < deadline, f"not {what} within {timeout} s: {self.ready()}\n{self.tail()}"
            time.sleep(0.2)

    def manage(self, *arguments: str, check: bool = True, timeout: float = 300) -> str:
        """Runs `manage.py …` beside the running product; standard output. Fails with standard error."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert not check or done.returncode == 0, f"manage.py {arguments} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """What a piece of Python prints inside the product's Django."""
        return self.manage("shell", "--verbosity", "0", "--command", code)

    def pid(self, name: str) -> int:
        """The process id of web, worker-main, worker-train, beat or redis."""
        return int((self.var / "run" / f"{name}.pid").read_text())

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Kills a process, by default as hard as can be; returns the id it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def running_stack(*, demo: bool = False, empty: bool = False, **environment: str) -> Iterator[Stack]:
    """A product of its own, up and ready; stopped and removed at the end. `environment`: more variables for it.

    `empty`: on a database without a table, as a newcomer's; else on a migrated one where the suite has one.
    """
    with (
        tempfile.TemporaryDirectory(prefix="prefloop-stack-", ignore_cleanup_errors=True) as folder,
        database(Path(folder), empty=empty) as url,
    ):
        port = free_port()
        env = {name: value for name, value in os.environ.items() if name != "TEST_DATABASE_NAME"}
        env |= {"VAR_DIR": folder, "PORT": str(port), "DATABASE_URL": url, "LOG_JSON": "1"} | environment
        stack = Stack(url=f"http://127.0.0.1:{port}", env=env, var=Path(folder), demo=demo)
        try:
            stack.start()
            yield stack
        finally:
            if stack.supervisor is not None and stack.supervisor.poll() is None:
                stack.stop()


@contextmanager
def database(folder: Path, *, empty: bool) -> Iterator[str]:
    """A DATABASE_URL of a fresh database on the server that the tests use; "" where they use none, for SQLite."""
    server = os.environ.get("DATABASE_URL", "")
    if server:
        template = "" if empty else os.environ.get(migrated.POSTGRES, "")
        with migrated.created(server, f"stack_{os.getpid()}_{secrets.token_hex(3)}", template) as url:
            yield url
        return
    if not empty:
        migrated.copy_sqlite(folder / "prefloop.sqlite3")
    yield ""
