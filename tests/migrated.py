"""Databases that are migrated already: one of each kind for a whole suite, copied by whoever needs one.

Migrating an empty SQLite database takes ten seconds of a core, and every part of the suite and every product that a
test starts begins with one. So the suite makes one, by `manage.py migrate`, and names it in the environment; what runs
without a suite migrates for itself. tests/test_supervisor.py starts the product on an empty database in any case.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
SQLITE, POSTGRES = "MIGRATED_SQLITE", "MIGRATED_POSTGRES"


@contextmanager
def databases(server: str) -> Iterator[dict[str, str]]:
    """Environment variables that name a migrated SQLite file and a migrated database on `server` (a URL)."""
    name = f"migrated_{os.getpid()}_{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="prefloop-migrated-") as folder, created(server, name) as url:
        with _migrate(folder, "sqlite", "") as one, _migrate(folder, "postgres", url) as other:
            pass  # both at once; leaving waits for them
        if one.returncode or other.returncode:
            sys.exit("The migrations failed.")
        yield {SQLITE: str(Path(folder) / "sqlite" / "prefloop.sqlite3"), POSTGRES: name}


def _migrate(folder: str, kind: str, url: str) -> "subprocess.Popen[bytes]":
    room = Path(folder) / kind
    room.mkdir()
    given = os.environ | {"VAR_DIR": str(room), "DATABASE_URL": url}
    return subprocess.Popen([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=given)


@contextmanager
def created(server: str, name: str, template: str = "") -> Iterator[str]:
    """The URL of a new database on `server`, empty or a copy of `template`; dropped at the end."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def copy_sqlite(target: Path) -> bool:
    """Puts the suite's migrated SQLite file at `target`; False where there is none."""
    if made := os.environ.get(SQLITE):
        shutil.copyfile(made, target)
    return bool(made)
