"""Walking over what waits, in short steps, again and again, without looking at the same waiting rows every few seconds.

What waits for budget or for a judge stays where it is; the next walk goes on behind it, and begins anew when something
has changed that it may have waited for. Where the walk stood is only a hint, kept for a few minutes in the cache.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache

from projects.models import Project
from routing.services import budgets

KEPT_SECONDS = 300
QUICK, SHARE_OF_TIME = 0.2, 0.01
"""Counting the budget again takes at most this share of the time, unless it is done in so few seconds."""


@dataclass(frozen=True)
class Step:
    """`after`: the last id that was looked at; how many rows were found, of how many something became, and how many
    wait on."""

    after: int
    found: int = 0
    done: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Walk:
    """`of`: what is walked over, and on what its rows may wait besides the budget."""

    project: Project
    of: str

    @property
    def key(self) -> str:
        return f"routing/walk/{self.project.pk}/{self.project.created_at.timestamp()}/{self.of}"

    def ground(self) -> str:
        """What the waiting may hang on, as it is now."""
        own = budgets.budget_of(project=self.project)
        known = [name.attname for name in own._meta.concrete_fields]
        return f"{self.project.overlap}/{self.project.price_per_label}/{[getattr(own, name) for name in known]}"


def over(walk: Walk, step: Callable[[int, int], Step], limit: int) -> int:
    """Steps on until there is nothing new to see, or `limit` rows were looked at; says of how many something became."""
    kept: tuple[int, str] | None = cache.get(walk.key)
    after, ground = kept or (0, walk.ground())
    seen = done = 0
    waiting, anew = kept is not None, False
    while seen < limit:
        found = step(after, limit - seen)
        seen, done, after = seen + found.found, done + found.done, found.after
        waiting = waiting or found.waiting > 0
        if found.found:
            continue
        if not waiting or anew:
            break
        _count_again(walk.project)
        now = walk.ground()
        if now == ground:
            break
        after, ground, anew = 0, now, True
    _keep(walk, after, ground, waiting)
    return done


def _keep(walk: Walk, after: int, ground: str, waiting: bool) -> None:
    if waiting:
        cache.set(walk.key, (after, ground), timeout=KEPT_SECONDS)


def _count_again(project: Project) -> None:
    """Annotation may have voided slots since, which gives back what they took."""
    key = f"routing/counted/{project.pk}/{project.created_at.timestamp()}"
    if cache.get(key):
        return
    started = time.perf_counter()
    budgets.reconcile(project=project)
    took = time.perf_counter() - started
    if took > QUICK:
        cache.set(key, True, timeout=took / SHARE_OF_TIME)
