"""Databases and servers of a benchmark's own: made at its beginning, gone at its end, whatever happens in between."""

import getpass
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "platform"))

from common.machine import die_with_parent, free_port  # noqa: E402  the line above finds it

HARNESS = ROOT.parent / "shared" / "bench" / "load"
WORKERS = 4
"""Web processes, of the product and of the bound alike."""
OURS = "made by a benchmark of Prefloop"


SECRET = secrets.token_urlsafe(64)


class Absent(Exception):
    """What a benchmark needs is not on this machine; the text says what."""


def server_url() -> str:
    """A database server that lets us make databases. Raises Absent."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    for user in (getpass.getuser(), "postgres"):
        url = f"postgres://{user}@127.0.0.1:5432/postgres"
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                row = connection.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
            if row and row[0]:
                return url
        except psycopg.Error:
            continue
    raise Absent("There is no PostgreSQL on 127.0.0.1:5432 that lets us make databases; set DATABASE_URL.")


def postmaster(url: str) -> int | None:
    """The server's main process, for its share of the CPU; None where it runs out of our sight."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        try:
            return int(psutil.Process(row[0]).ppid()) if row else None
        except psutil.Error:
            return None


@contextmanager
def database(name: str) -> Iterator[str]:
    """The URL of a fresh database `name`. Raises Absent where there is one that is not ours."""
    url = server_url()
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
        ).fetchone()
        if found and found[0] != OURS:
            raise Absent(f"There is a database {name!r} already that no benchmark of ours made; it is left alone.")
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
        connection.execute(f"COMMENT ON DATABASE \"{name}\" IS '{OURS}'")
        try:
            yield url.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@dataclass
class Server:
    """`pid`: the process whose tree serves; `pids`: by name, of all parts of a product."""

    url: str
    pid: int
    pids: dict[str, int]


@contextmanager
def process(command: list[str], environment: Mapping[str, str], log: Path, cwd: Path) -> Iterator[int]:
    with log.open("ab") as out:
        started = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=partial(die_with_parent, os.getpid()),
        )
    try:
        yield started.pid
    finally:
        started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for(url: str, log: Path, seconds: float = 120) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer\n" + log.read_text(errors="replace")[-3000:])


def environment(url: str, var: Path) -> dict[str, str]:
    """Of the product as it runs in production, but for the certificate. One secret for all processes of a benchmark."""
    kept = {name: value for name, value in os.environ.items() if name not in {"TEST_DATABASE_NAME", "DEBUG"}}
    return kept | {
        "DATABASE_URL": url,
        "VAR_DIR": str(var),
        "PRODUCTION": "1",
        "INSECURE_HTTP": "1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": SECRET,
        "WEB_WORKERS": str(WORKERS),
    }


@contextmanager
def product(url: str, var: Path, **more: str) -> Iterator[Server]:
    """The whole product as its supervisor runs it: gunicorn, workers, beat and Redis, on the database at `url`."""
    port, log = free_port(), var / "supervisor.log"
    env = environment(url, var) | {"PORT": str(port)} | more
    with process([sys.executable, "-m", "config.supervisor"], env, log, ROOT) as pid:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/healthz/ready", log)
        pids = {path.stem: int(path.read_text()) for path in (var / "run").glob("*.pid")}
        yield Server(address, pids["web"], pids | {"supervisor": pid})


@contextmanager
def bound(var: Path) -> Iterator[tuple[Server, dict[str, Any]]]:
    """The one-file Django + DRF app under the same gunicorn. It knows the role `postgres` and the database `bench`."""
    where = urlsplit(server_url())
    if where.hostname not in {"127.0.0.1", "localhost"}:
        raise Absent("The bound asks for PostgreSQL on 127.0.0.1.")
    dsn = f"postgres://postgres@127.0.0.1:{where.port or 5432}/bench"
    port, log = free_port(), var / "bound.log"
    command = ["-m", "gunicorn", "-w", str(WORKERS), "-b", f"127.0.0.1:{port}", "minidjango:application"]
    with ExitStack() as stack:
        stack.enter_context(database("bench"))
        try:
            psycopg.connect(dsn).close()
        except psycopg.Error as fault:
            raise Absent(f"The bound cannot sign in as postgres: {fault}") from fault
        env = dict(os.environ) | {"PGPORT": str(where.port or 5432)}
        pid = stack.enter_context(process([sys.executable, *command], env, log, HARNESS / "bounds"))
        wait_for(f"http://127.0.0.1:{port}/empty", log)
        yield Server(f"http://127.0.0.1:{port}", pid, {}), {"dsn": dsn}


@contextmanager
def django_on(url: str, var: Path) -> Iterator[None]:
    """This process as one of the product's, for what is seeded. Once a process."""
    os.environ |= environment(url, var) | {"DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "WARNING"}
    import django

    django.setup()
    try:
        yield
    finally:
        from django.db import connections

        for connection in connections.all():
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()
