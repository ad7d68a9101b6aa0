"""`make test`: the whole suite, on SQLite and on PostgreSQL.

What runs where, and why. Tests inside one process, on both databases, and journeys through a browser run side by side:
three parts, also on two cores, which none of them leaves idle. A test that meets no database runs once (`database` is a
marker that tests/conftest.py gives to those that do), and so does one whose answer no database changes. Journeys have
minutes to wait in, those on the whole product too, so a crowd does them no harm; they run on SQLite, which is what
`make run` gives a newcomer and where many processes meet in one file. The other tests of the whole product watch the
clock, so they run after the crowd has gone: on SQLite and, for the sake of its pool and its locks, on PostgreSQL. Races
between claimers (marker `postgres`) need PostgreSQL: SQLite's single writer hides them.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass

from tests import browser, migrated
from tests.postgres import server

HEAVY = "browser or services"
NOTHING_COLLECTED = 5
# Each part has its own: two that shared a folder would share a database.
OF_ONE_RUN = {"DATABASE_URL", "TEST_DATABASE_NAME", "VAR_DIR"}


@dataclass(frozen=True)
class Part:
    title: str
    marks: str
    postgres: bool
    without: tuple[str, ...] = ()


# Asked on PostgreSQL only, which keeps no order of keys: real data that come out whole there come out whole.
REAL_DATA = ("tests/replay", "tests/routing/test_pandalm.py")
# Asked on SQLite only: who may do what, and in which language it is said, is the same on any database.
ONCE = tuple(
    f"tests/{name}"
    for name in (
        "access/test_matrix.py",
        "access/test_requests.py",
        "demo",
        "language",
        "lm",
        "methods",
        "test_schema.py",
    )
)
STAGES = [
    [
        Part("SQLite", f"not ({HEAVY}) and not postgres", postgres=False, without=REAL_DATA),
        Part("PostgreSQL", f"(database or postgres) and not ({HEAVY})", postgres=True, without=ONCE),
        Part("SQLite: journeys", "browser", postgres=False),
    ],
    [
        Part("SQLite: the whole product", "services and not browser and not postgres", postgres=False),
        Part("PostgreSQL: the whole product", "services and not browser", postgres=True),
    ],
]


class Running:
    """One part under way. `aside`: its words wait in a file until it has ended, because another part is speaking."""

    def __init__(self, part: Part, url: str, arguments: list[str], *, aside: bool) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in OF_ONE_RUN}
        if part.postgres:
            environment["DATABASE_URL"] = url
        command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "--durations-min=1", "-m", part.marks]
        # Two runs side by side would overwrite each other's memory of what failed last.
        command += ["-p", "no:cacheprovider", *(f"--ignore={path}" for path in part.without), *arguments]
        self.part = part
        self.output = tempfile.TemporaryFile() if aside else None  # noqa: SIM115  it lives as long as the part
        print(f"=== {part.title}{', shown afterwards' if aside else ''}", flush=True)
        self.popen = subprocess.Popen(command, env=environment, stdout=self.output, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """As by Ctrl-C, so that it takes its databases and folders with it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait()

    def passed(self) -> bool:
        """Waits for the end, and says how it went."""
        good = self.popen.wait() in {0, NOTHING_COLLECTED}
        if self.output is not None:
            print(f"\n=== {self.part.title}", flush=True)
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
        print(f"=== {self.part.title}: {'passed' if good else 'FAILED'}", flush=True)
        return good


def run(parts: list[Part], url: str, arguments: list[str]) -> list[str]:
    """All at once; the first speaks, the others afterwards. The titles of those that failed."""
    running: list[Running] = []
    with ExitStack() as ends:
        for part in parts:
            running.append(Running(part, url, arguments, aside=part is not parts[0]))
            ends.callback(running[-1].stop)
        return [one.part.title for one in running if not one.passed()]


def verdict(failed: list[str], chromium: str | None) -> str:
    """The last line. `chromium`: where the browser is; without one the journeys were skipped, whatever else passed."""
    said = f"Failed: {', '.join(failed)}." if failed else "All passed."
    return said if chromium else f"{said} Journeys were skipped: no {' or '.join(browser.NAMES)} is on PATH."


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    with server() as url, migrated.databases(url) as made:
        os.environ.update(made)
        failed = [title for parts in STAGES for title in run(parts, url, arguments)]
    print(f"\n{verdict(failed, browser.executable())}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
