"""The whole product under its supervisor: what a start makes, what dies comes back, the end leaves nothing behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from tests.stack import ROOT, Stack, running_stack

pytestmark = pytest.mark.services
NAMES = ["beat", "redis", "web", "worker-main", "worker-train"]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Its own, because its parts are killed; from nothing, as `make run` is the first time."""
    with running_stack(empty=True) as made:
        yield made


def start_again(stack: Stack, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "config.supervisor"]
    return subprocess.run(command, cwd=ROOT, env=stack.env | environment, capture_output=True, text=True, timeout=60)


def redis_of(stack: Stack) -> Redis:
    """A client of the product's own Redis, wherever that listens now."""
    return Redis.from_url((stack.var / "redis" / "url").read_text().strip())


def test_what_a_first_start_makes_is_private(stack: Stack) -> None:
    assert {path.stem for path in (stack.var / "run").iterdir()} == set(NAMES)
    for name in ("secret_key", "redis_password", "redis/redis.conf", "redis/url"):
        assert stat.S_IMODE((stack.var / name).stat().st_mode) == 0o600, name
    assert len((stack.var / "redis_password").read_text()) >= 40
    password = (stack.var / "redis_password").read_text()
    shown = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not any(password in line for line in shown), "the password is in the process list"


def test_only_the_web_listens_and_redis_wants_its_password(stack: Stack) -> None:
    port = int(stack.url.rpartition(":")[2])
    family = [psutil.Process(stack.supervisor.pid), *psutil.Process(stack.supervisor.pid).children(recursive=True)]  # type: ignore[union-attr]
    listening = {
        (process.pid, address.laddr.ip, address.laddr.port)
        for process in family
        for address in process.net_connections(kind="inet")
        if address.status == psutil.CONN_LISTEN
    }
    assert {ip for _, ip, _ in listening} == {"127.0.0.1"}
    redis_ports = {listened for pid, _, listened in listening if pid == stack.pid("redis")}
    assert {listened for _, _, listened in listening} == {port} | redis_ports and len(redis_ports) == 1
    with socket.create_connection(("127.0.0.1", redis_ports.pop()), 5) as plain:
        plain.sendall(b"PING\r\n")
        assert plain.recv(100).startswith(b"-NOAUTH")


def test_the_beat_runs_once_and_a_second_supervisor_is_refused(stack: Stack) -> None:
    refused = start_again(stack, PORT="0")
    assert refused.returncode == 1 and "already running" in refused.stdout
    assert stack.ready()[0] == 200
    children = psutil.Process(stack.supervisor.pid).children(recursive=True)  # type: ignore[union-attr]
    assert sum("config.beat.Beat" in child.cmdline() for child in children) == 1


def test_a_taken_port_is_said_so(stack: Stack, tmp_path: Path) -> None:
    refused = start_again(stack, VAR_DIR=str(tmp_path))
    assert refused.returncode == 1 and "Address already in use" in refused.stdout
    assert (tmp_path / "secret_key").exists() is False


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_killed_comes_back(stack: Stack, name: str) -> None:
    key = f"kept over kill of {name}"
    with redis_of(stack) as store:
        store.set(key, 1)
    time.sleep(1.1)  # what Redis promises to keep is older than a second
    pid = stack.kill(name)
    stack.wait(lambda: (stack.var / "run" / f"{name}.pid").exists() and stack.pid(name) != pid, 20, f"{name} back")
    stack.wait_ready(60)
    assert not psutil.pid_exists(pid)
    with redis_of(stack) as store:
        assert store.get(key) == b"1"


def test_a_worker_that_cannot_work_is_reported(stack: Stack) -> None:
    """Stopped, not killed: the process is there and the supervisor content, but nobody serves the queue."""
    os.kill(stack.pid("worker-train"), signal.SIGSTOP)
    try:
        stack.wait(lambda: stack.ready()[1].get("missing") == ["queue:train"], 40, "missing its train worker")
    finally:
        os.kill(stack.pid("worker-train"), signal.SIGCONT)
    stack.wait_ready(40)


def test_a_supervisor_killed_hard_takes_everything_with_it_and_starts_again(stack: Stack) -> None:
    assert stack.supervisor is not None
    family = psutil.Process(stack.supervisor.pid).children(recursive=True)
    assert len(family) >= 9  # five programs, and the processes that web and workers fork
    stack.supervisor.kill()
    stack.supervisor.wait()
    _, left = psutil.wait_procs(family, timeout=10)
    assert not left
    before = (stack.var / "secret_key").read_text()
    stack.start()
    assert (stack.var / "secret_key").read_text() == before


def test_the_end_is_clean(stack: Stack) -> None:
    """Last in this file: it stops the product that the others share."""
    assert stack.supervisor is not None
    family = psutil.Process(stack.supervisor.pid).children(recursive=True)
    assert stack.stop() == 0
    _, left = psutil.wait_procs(family, timeout=1)
    assert not left
    assert not list((stack.var / "run").iterdir()) and not (stack.var / "redis" / "url").exists()
    assert "Traceback" not in stack.log.read_text()
    # And from here on `manage.py` in another terminal does not ring a Redis that is gone.
    assert stack.shell("from django.conf import settings; print(settings.CELERY_BROKER_URL)").strip() == "filesystem://"
