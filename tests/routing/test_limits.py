"""No more requests at a time or in a minute than were set, whoever asks."""

import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from routing.judges import limits
from routing.judges.limits import Limits, NoRoom


@pytest.fixture(autouse=True)
def own_cache(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits"}}
    limits.cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that only sleeping moves."""
    made = SimpleNamespace(now=1_000_000.0)
    made.time = made.monotonic = lambda: made.now
    made.sleep = lambda seconds: setattr(made, "now", made.now + seconds)
    monkeypatch.setattr(limits, "time", made)
    return made


@pytest.mark.parametrize("per_minute", [7, 90, 400])
def test_a_minute_holds_no_more_than_its_share_and_hardly_less(clock: Any, per_minute: int) -> None:
    line, came = Limits("m", at_once=4, per_minute=per_minute), []
    began = clock.now
    for _ in range(4 * per_minute):
        with line.place(seconds=10, deadline=clock.now + 600):
            came.append(clock.now)
    counts = Counter(int(at) for at in came)
    for second in counts:
        assert sum(counts[second + i] for i in range(60)) <= per_minute
    assert came[-1] - began <= 4 * 60 + 2


def test_who_waits_in_vain_is_told_and_leaves_no_place_behind(clock: Any) -> None:
    line, other = Limits("m", at_once=1), Limits("m", at_once=1)
    first = line.place(seconds=10, deadline=clock.now + 1)
    with first, pytest.raises(NoRoom), other.place(seconds=10, deadline=clock.now + 1):
        pytest.fail("two at once")
    line.hold(30)
    with pytest.raises(NoRoom), other.place(seconds=10, deadline=clock.now + 20):
        pytest.fail("it wants to be left")
    began = clock.now
    with other.place(seconds=10, deadline=clock.now + 60):
        assert clock.now - began >= 29
    with Limits("another", at_once=1).place(seconds=10, deadline=clock.now + 1):
        pass


def test_threads_of_several_workers_keep_to_one_number() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def work(line: Limits) -> None:
        nonlocal now, most
        for _ in range(3):
            with line.place(seconds=30, deadline=time.monotonic() + 30):
                with lock:
                    now += 1
                    most = max(most, now)
                time.sleep(0.01)
                with lock:
                    now -= 1

    lines = [Limits("shared", at_once=3) for _ in range(8)]
    threads = [threading.Thread(target=work, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 3 and now == 0
