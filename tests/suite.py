"""`make test`: the whole suite, on SQLite and on PostgreSQL.

What runs where, and why. Tests inside one process run on both databases, two at a time. The journeys and the tests that
start the whole product run on SQLite, because that is what `make run` gives a newcomer and where many processes meet in
one file; on PostgreSQL the whole product runs again, without the browser, for the sake of its pool and its locks.
Races between claimers (marker `postgres`) need PostgreSQL: SQLite's single writer hides them.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.postgres import server

HEAVY = "browser or services"


@dataclass(frozen=True)
class Part:
    title: str
    marks: str
    postgres: bool
    parallel: bool


PARTS = [
    Part("SQLite", f"not ({HEAVY}) and not postgres", postgres=False, parallel=True),
    Part("SQLite: the whole product and the browser", f"({HEAVY}) and not postgres", postgres=False, parallel=False),
    Part("PostgreSQL", f"not ({HEAVY})", postgres=True, parallel=True),
    Part("PostgreSQL: the whole product", "services and not browser", postgres=True, parallel=False),
]
NOTHING_COLLECTED = 5


def run(part: Part, postgres_url: str, arguments: list[str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if part.postgres:
        environment["DATABASE_URL"] = postgres_url
    command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "--durations-min=1", "-m", part.marks]
    if part.parallel:
        command += ["-n", "2", "--dist", "loadfile"]
    print(f"\n=== {part.title}", flush=True)
    started = time.monotonic()
    status = subprocess.run([*command, *arguments], env=environment, check=False).returncode
    status = 0 if status == NOTHING_COLLECTED else status
    print(f"=== {part.title}: {'failed' if status else 'passed'} in {time.monotonic() - started:.0f} s", flush=True)
    return status


def main(arguments: list[str]) -> int:
    with server() as url:
        failed = [part.title for part in PARTS if run(part, url, arguments)]
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
