"""`make test`: the whole suite, on SQLite and on PostgreSQL.

What runs where, and why. Tests inside one process run on both databases, side by side: one core each. The journeys and
the tests that start the whole product then run alone, because they have many processes and some watch the clock. They
run on SQLite, which is what `make run` gives a newcomer and where many processes meet in one file; on PostgreSQL the
whole product runs once more, without the browser, for the sake of its pool and its locks. Races between claimers
(marker `postgres`) need PostgreSQL: SQLite's single writer hides them.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from tests.postgres import server

HEAVY = "browser or services"
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Part:
    title: str
    marks: str
    postgres: bool
    without: tuple[str, ...] = ()


# Who may do what, and in which language it is said, is the same on any database; so are tests that ask none at all.
MATRIX = "tests/access/test_matrix.py"
# PostgreSQL keeps no order of keys: whatever comes out whole there comes out whole.
REPLAY = "tests/replay"
NO_DATABASE = (
    "lm",
    "methods",
    "demo",
    "language",
    "annotation/test_pairwise.py",
    "annotation/test_spans.py",
    "annotation/test_forms_choice.py",
    "annotation/test_choices_settled.py",
    "common/test_markdown.py",
    "routing/test_curves.py",
    "routing/test_promises.py",
    "test_deployment.py",
    "test_house.py",
    "test_docs.py",
    "test_schema.py",
)
TOGETHER = [
    Part("SQLite", f"not ({HEAVY}) and not postgres", postgres=False, without=(MATRIX, REPLAY)),
    Part("PostgreSQL", f"not ({HEAVY})", postgres=True, without=tuple(f"tests/{name}" for name in NO_DATABASE)),
]
ALONE = [
    Part("SQLite: the whole product and the browser", f"({HEAVY}) and not postgres", postgres=False),
    Part("PostgreSQL: the whole product", "services and not browser", postgres=True),
]


class Running:
    """One part under way. `output`: where its words go; None: the terminal."""

    def __init__(self, part: Part, url: str, arguments: list[str], output: "IO[bytes] | None" = None) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        if part.postgres:
            environment["DATABASE_URL"] = url
        command = [sys.executable, "-m", "pytest", "-q", "--durations=12", "--durations-min=1", "-m", part.marks]
        # Two runs side by side would overwrite each other's memory of what failed last.
        command += ["-p", "no:cacheprovider", *(f"--ignore={path}" for path in part.without), *arguments]
        self.part, self.output, self.started = part, output, time.monotonic()
        self.popen = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def stop(self) -> None:
        """As by Ctrl-C, so that it takes its databases and folders with it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
            self.popen.wait()

    def passed(self) -> bool:
        """Waits for the end, and says how it went."""
        good = self.popen.wait() in {0, NOTHING_COLLECTED}
        if self.output is not None:
            self.output.seek(0)
            print(f"\n=== {self.part.title}", flush=True)
            sys.stdout.buffer.write(self.output.read())
        seconds = time.monotonic() - self.started
        print(f"=== {self.part.title}: {'passed' if good else 'FAILED'} in {seconds:.0f} s", flush=True)
        return good


def main(arguments: list[str]) -> int:
    failed = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    with server() as url, tempfile.TemporaryFile() as aside, ExitStack() as ends:
        first, second = TOGETHER
        print(f"=== {first.title} (and {second.title}, shown afterwards)", flush=True)
        pair = [Running(first, url, arguments), Running(second, url, arguments, aside)]
        for running in pair:
            ends.callback(running.stop)
        failed += [running.part.title for running in pair if not running.passed()]
        for part in ALONE:
            print(f"\n=== {part.title}", flush=True)
            running = Running(part, url, arguments)
            ends.callback(running.stop)
            if not running.passed():
                failed.append(part.title)
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
