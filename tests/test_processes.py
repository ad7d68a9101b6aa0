"""Children die with their parent, are stopped politely first, and come back ever more slowly."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.processes import LONGEST_PAUSE, Family, Process


@pytest.fixture
def family(tmp_path: Path) -> Family:
    lines: list[tuple[str, str]] = []
    made = Family(say=lambda name, line: lines.append((name, line)), pids=tmp_path)
    made.lines = lines  # type: ignore[attr-defined]
    return made


def python(name: str, code: str, **options: object) -> Process:
    return Process(name, [sys.executable, "-u", "-c", code], dict(os.environ), **options)  # type: ignore[arg-type]


def until(family: Family, condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, family.lines  # type: ignore[attr-defined]
        family.watch()


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_output_is_passed_on_line_by_line_and_the_dead_come_back(family: Family) -> None:
    family.members.append(python("one", "print('half', end=''); print(' line'); print('last', end='')"))
    until(family, lambda: family.lines.count(("one", "last")) == 2, 30)  # type: ignore[attr-defined]
    said = family.lines  # type: ignore[attr-defined]
    assert said[:2] == [("one", "half line"), ("one", "last")], said
    assert ("supervisor", "one ended with code 0; it starts again in 0.5 s") in said


def test_each_death_doubles_the_pause_up_to_a_limit() -> None:
    process = python("one", "raise SystemExit(3)")
    pauses = []
    for _ in range(9):
        process.start().wait()
        pauses.append(float(process.bury().split()[-2]))
        assert not process.due
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses[-1] == LONGEST_PAUSE


def test_whoever_ignores_the_first_signal_gets_the_next_and_then_the_last(family: Family, tmp_path: Path) -> None:
    stubborn = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("term"))
signal.signal(signal.SIGQUIT, lambda *_: print("quit"))
print("up")
while True: time.sleep(0.05)
"""
    process = python("one", stubborn, stopping=((signal.SIGTERM, 0.5), (signal.SIGQUIT, 0.5)))
    family.members.append(process)
    until(family, lambda: ("one", "up") in family.lines)  # type: ignore[attr-defined]
    assert (tmp_path / "one.pid").read_text().strip() == str(process.popen.pid)  # type: ignore[union-attr]
    family.stop([process])
    assert [line for name, line in family.lines if name == "one"] == ["up", "term", "quit"]  # type: ignore[attr-defined]
    assert process.popen is not None and process.popen.returncode == -signal.SIGKILL
    assert not (tmp_path / "one.pid").exists() and not family.members


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_dies_with_a_parent_killed_hard() -> None:
    parent = """
import sys, time
from config.processes import Process
child = Process("child", [sys.executable, "-c", "import time; time.sleep(60)"], {}).start()
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as popen:
        assert popen.stdout is not None
        child = int(popen.stdout.readline())
        assert alive(child)
        popen.kill()
    deadline = time.monotonic() + 5
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)
