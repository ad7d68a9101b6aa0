"""`python -m config.supervisor`: the whole product under one roof: Redis, web, workers and beat.

Prepares the database, starts every process, restarts whatever dies, says when all is up; Ctrl-C or SIGTERM ends it.
With `--demo` it also loads the demo project and prints its people's one-time sign-in links.
"""

import argparse
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from signal import SIGINT, SIGQUIT, SIGTERM
from types import FrameType
from typing import IO

from config import bundled_redis, probe
from config.env import BASE_DIR, env, lock_path, var_dir
from config.processes import TICK, Family, Process

CELERY = [sys.executable, "-m", "celery", "--quiet", "--app", "config"]
# Workers need no gossip among themselves: the database is the queue.
WORKER = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
# How often a start that takes long says what it waits for.
PATIENCE = 15.0


class Stopped(Exception):
    """Somebody asked for the end while something was still being prepared."""


def processes(environment: Mapping[str, str]) -> list[Process]:
    """Web, workers and beat. A worker gets SIGTERM (finish what you do), then SIGQUIT (give it back)."""

    def worker(name: str, queues: str, concurrency: int, patience: float) -> Process:
        options = ["worker", "--queues", queues, "--concurrency", str(concurrency), "--hostname", f"{name}@%h", *WORKER]
        return Process(f"worker-{name}", [*CELERY, *options], environment, ((SIGTERM, patience), (SIGQUIT, 8.0)))

    web = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    return [
        Process("web", web, environment),
        worker("main", "default,judge", env.number("WORKER_CONCURRENCY", 2), patience=10.0),
        # A run lasts hours and is resumed from its last checkpoint: nothing is gained by waiting for it.
        worker("train", "train", 1, patience=2.0),
        Process("beat", [*CELERY, "beat", "--scheduler", "config.beat.Beat"], environment),
    ]


class Supervisor:
    def __init__(self, *, demo: bool) -> None:
        self.demo = demo
        self.var = var_dir()
        self.host, self.port = env.text("HOST", "127.0.0.1"), env.number("PORT", 8000)
        self.environment = dict(os.environ) | {"VAR_DIR": str(self.var), "PYTHONUNBUFFERED": "1"}
        pids = self.var / "run"
        pids.mkdir(exist_ok=True)
        self.family = Family(say=self.say, pids=pids)
        self.stop_requested = False

    def say(self, name: str, line: str) -> None:
        try:
            print(f"{name:>12} | {line}", flush=True)
        except OSError:
            # The terminal is gone, the product is not: what nobody reads must not block whoever writes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def main(self) -> int:
        for number in (SIGINT, SIGTERM):
            signal.signal(number, self._on_signal)
        # The database and every file written from here on are this account's alone.
        os.umask(0o077)
        lock = self._lock()
        if lock is None or not self._port_is_free():
            return 1
        try:
            self._start_redis()
            self._prepare()
            self.family.members += processes(self.environment)
            links = self._links() if self.demo else None
            self._watch(links)
        except Stopped:
            pass
        except subprocess.CalledProcessError as fault:
            self.say("supervisor", f"{' '.join(fault.cmd[1:])} failed (its output is above)")
            return 1
        finally:
            self._stop()
            lock.close()
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop_requested = True

    def _lock(self) -> "IO[str] | None":
        """One supervisor a VAR_DIR, so that there is one beat. Released by the kernel however this process ends."""
        handle = lock_path().open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.say("supervisor", f"Prefloop is already running on {self.var}; another one needs another VAR_DIR.")
            return None
        return handle

    def _port_is_free(self) -> bool:
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as fault:
                self.say(
                    "supervisor", f"Cannot listen on {self.host} port {self.port}: {fault.strerror}. Choose: PORT=8001"
                )
                return False
        return True

    def _start_redis(self) -> None:
        if env.text("REDIS_URL"):
            return
        (self.var / "redis" / "url").unlink(missing_ok=True)
        server = bundled_redis.executable()
        if server is None:
            self.say("supervisor", f"No Redis for this machine; messages go through files in {self.var / 'broker'}.")
            return
        configuration, url = bundled_redis.configure()
        self.environment["REDIS_URL"] = url
        self.family.members.append(Process("redis", [server, str(configuration)], self.environment))
        self.family.watch()

    def _prepare(self) -> None:
        self.say("supervisor", "Preparing the database")
        self._step("prepare")
        if self.demo:
            self.say("supervisor", "Loading the demo project")
            self._step("load_demo")

    def _step(self, *arguments: str) -> None:
        """Runs one management command to its end while the family is watched. Raises CalledProcessError, Stopped."""
        with self._command(*arguments) as command:
            while command.poll() is None:
                self.family.watch()
                if self.stop_requested:
                    command.terminate()
                    raise Stopped
        if command.returncode:
            raise subprocess.CalledProcessError(command.returncode, command.args)

    def _command(self, *arguments: str, stdout: int | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments], env=self.environment, text=True, stdout=stdout
        )

    def _links(self) -> "subprocess.Popen[str]":
        return self._command("sign_in_links", "--address", probe.address(), stdout=subprocess.PIPE)

    def _watch(self, links: "subprocess.Popen[str] | None") -> None:
        """Until somebody asks for the end. Announces once that all is up."""
        self.say("supervisor", "Starting web, workers and beat")
        announced, asked, told = False, 0.0, time.monotonic()
        while not self.stop_requested:
            self.family.watch()
            if announced or time.monotonic() - asked < 2 * TICK:
                continue
            asked, missing = time.monotonic(), probe.missing("ready")
            if not missing:
                announced = True
                self._announce(links)
            elif asked - told > PATIENCE:
                told = asked
                self.say("supervisor", f"Still waiting for: {', '.join(missing)}")

    def _announce(self, links: "subprocess.Popen[str] | None") -> None:
        told = links.communicate()[0] if links is not None else ""
        rule = "-" * 72
        body = f"Prefloop is ready: {probe.address()}\n{told}Ctrl-C stops it; the data stays in {self.var}"
        for line in (rule, *body.splitlines(), rule):
            self.say("supervisor", line)

    def _stop(self) -> None:
        self.say("supervisor", "Stopping")
        for late in (False, True):  # Redis goes last: a worker gives its messages back to it
            self.family.stop([process for process in self.family.members if (process.name == "redis") == late])
        (self.var / "redis" / "url").unlink(missing_ok=True)
        self.say("supervisor", "Stopped")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m config.supervisor", description=__doc__)
    parser.add_argument("--demo", action="store_true", help="load the demo project and print its sign-in links")
    os.chdir(BASE_DIR)
    sys.exit(Supervisor(demo=parser.parse_args().demo).main())
