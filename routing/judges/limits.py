"""How many requests may go to one endpoint at once and in a minute, shared by all workers through Django's cache.

With a cache of one process alone (no Redis) every process keeps the limit for itself.
"""

import math
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.core.cache import cache

from common.words import gettext_noop as _

Found = TypeVar("Found")
LONGEST_HOLD = 3600
POLL = 0.1


class NoRoom(Exception):
    """The limit, or the endpoint itself, left no room before the deadline."""


class Limits:
    """`name`: of what is asked; whoever uses the same shares it. `at_once`: requests at a time; `per_minute`: 0: any.

    Requests of a minute are spread evenly: the share of each second is what `per_minute` adds up to by then.
    """

    def __init__(self, name: str, *, at_once: int, per_minute: int = 0) -> None:
        self._name, self._at_once, self._per_minute = name, at_once, per_minute

    @contextmanager
    def place(self, *, seconds: float, deadline: float) -> Iterator[None]:
        """Waits for a place and keeps it, for `seconds` at most. `deadline`: of the monotonic clock. Raises NoRoom."""
        token = uuid.uuid4().hex
        # Who dies in the queue or while asking leaves the place to others after so long.
        left = max(0.0, deadline - time.monotonic())
        taken = self._waited(lambda: self._take(token, math.ceil(left + seconds)), deadline)
        try:
            self._waited(self._may_go, deadline)
            cache.touch(taken, math.ceil(seconds))
            yield
        finally:
            if cache.get(taken) == token:
                cache.delete(taken)

    def hold(self, seconds: float) -> None:
        """Nobody asks for so long: the endpoint wants it."""
        seconds = min(seconds, LONGEST_HOLD)
        cache.set(f"judge-hold:{self._name}", time.time() + seconds, math.ceil(seconds) + 1)

    @property
    def held(self) -> float:
        """Seconds until the endpoint may be asked again."""
        return max(0.0, float(cache.get(f"judge-hold:{self._name}", 0.0)) - time.time())

    def _waited(self, attempt: Callable[[], Found | None], deadline: float) -> Found:
        while (found := attempt()) is None:
            pause = max(self.held, POLL * random.uniform(0.5, 1.5))  # noqa: S311  so that not all come at once
            if time.monotonic() + pause >= deadline:
                raise NoRoom(_("The endpoint's limit left no room in time."))
            time.sleep(pause)
        return found

    def _take(self, token: str, seconds: int) -> str | None:
        names = (f"judge-place:{self._name}:{number}" for number in range(self._at_once))
        return next((name for name in names if cache.add(name, token, seconds)), None)

    def _may_go(self) -> bool | None:
        if self.held:
            return None
        if not self._per_minute:
            return True
        second = int(time.time())
        share = (second + 1) * self._per_minute // 60 - second * self._per_minute // 60
        if not share:
            return None
        name = f"judge-tickets:{self._name}:{second}"
        cache.add(name, 0, 60)
        return True if cache.incr(name) <= share else None
