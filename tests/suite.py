"""`make test`: the whole suite, on SQLite and on PostgreSQL.

What runs where, and why. Tests inside one process, and journeys on a server inside the test's own process, share the
cores: as many parts at a time as there are cores, two at least, the longest first. A test that meets no database runs
once (`database` is a marker that tests/conftest.py gives to those that do), and so does one whose answer no database
changes. The tests that start the whole product then run alone, because they have many processes and some watch the
clock. Journeys run on SQLite, which is what `make run` gives a newcomer and where many processes meet in one file; on
PostgreSQL the whole product runs once more, without the browser, for the sake of its pool and its locks. Races between
claimers (marker `postgres`) need PostgreSQL: SQLite's single writer hides them.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from tests.postgres import server

HEAVY = "browser or services"
NOTHING_COLLECTED = 5


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
TOGETHER = [
    Part("SQLite: journeys", "browser and not services", postgres=False),
    Part("SQLite", f"not ({HEAVY}) and not postgres", postgres=False, without=REAL_DATA),
    Part("PostgreSQL", f"(database or postgres) and not ({HEAVY})", postgres=True, without=ONCE),
]
ALONE = [
    Part("SQLite: the whole product", "services and not postgres", postgres=False),
    Part("PostgreSQL: the whole product", "services and not browser", postgres=True),
]
LANES = max(2, min(len(TOGETHER), len(os.sched_getaffinity(0))))


class Running:
    """One part under way. `aside`: its words wait in a file until it has ended, because another part is speaking."""

    def __init__(self, part: Part, url: str, arguments: list[str], *, aside: bool) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        if part.postgres:
            environment["DATABASE_URL"] = url
        command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "--durations-min=1", "-m", part.marks]
        # Two runs side by side would overwrite each other's memory of what failed last.
        command += ["-p", "no:cacheprovider", *(f"--ignore={path}" for path in part.without), *arguments]
        self.part, self.started = part, time.monotonic()
        self.output = tempfile.TemporaryFile() if aside else None  # noqa: SIM115  it lives as long as the part
        print(f"=== {part.title}{', shown when it has ended' if aside else ''}", flush=True)
        self.popen = subprocess.Popen(command, env=environment, stdout=self.output, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """As by Ctrl-C, so that it takes its databases and folders with it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait()

    def passed(self) -> bool:
        """Waits for the end, and says how it went."""
        good = self.popen.wait() in {0, NOTHING_COLLECTED}
        seconds = time.monotonic() - self.started
        if self.output is not None:
            print(f"\n=== {self.part.title}", flush=True)
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
        print(f"=== {self.part.title}: {'passed' if good else 'FAILED'} in {seconds:.0f} s", flush=True)
        return good


def run(parts: list[Part], lanes: int, url: str, arguments: list[str]) -> list[str]:
    """`lanes` parts at a time, in order; the titles of those that failed."""
    waiting, running, failed = list(parts), list[Running](), list[str]()
    try:
        while waiting or running:
            while waiting and len(running) < lanes:
                running.append(Running(waiting.pop(0), url, arguments, aside=lanes > 1))
            for ended in [one for one in running if one.popen.poll() is not None]:
                running.remove(ended)
                if not ended.passed():
                    failed.append(ended.part.title)
            time.sleep(0.1)
    finally:
        for one in running:
            one.stop()
    return failed


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    with server() as url:
        failed = run(TOGETHER, LANES, url, arguments) + run(ALONE, 1, url, arguments)
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
