"""Raters at work: an item of two responses, and what answering it takes."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from annotation.models import Gold, Item, Rater, Slot
from annotation.services import golds, items, leases, raters, submissions
from annotation.watch import Watch
from projects.models import Project
from tests.factories import ItemFactory

A_MUCH_BETTER = {"preference": {"choice": "A", "strength": 3}}
B_MUCH_BETTER = {"preference": {"choice": "B", "strength": 3}}
TIE = {"preference": {"choice": "tie"}}


@pytest.fixture
def rater(project: Project, rosa: User) -> Rater:
    """rosa at work."""
    return raters.rater_for(project=project, user=rosa)


@pytest.fixture
def other_rater(project: Project, rui: User) -> Rater:
    """rui at work."""
    return raters.rater_for(project=project, user=rui)


@pytest.fixture
def open_item(project: Project) -> Callable[..., Item]:
    """`open_item(humans=1, judges=0)`: an item that wants so many answers."""

    def make(humans: int = 1, judges: int = 0) -> Item:
        item = ItemFactory(project=project)
        items.open_slots(item=item, humans=humans, judges=judges)
        return item

    return make


@pytest.fixture
def claim(project: Project) -> Callable[[Rater], leases.Lease]:
    """`claim(rater)`: their lease; fails where there is none."""

    def get(rater: Rater) -> leases.Lease:
        lease = leases.claim(project=project, rater=rater)
        assert lease is not None
        return lease

    return get


@pytest.fixture
def answer(claim: Callable[[Rater], leases.Lease]) -> Callable[..., submissions.Submission]:
    """`answer(rater)`: claims and submits."""

    def give(rater: Rater, values: object = A_MUCH_BETTER) -> submissions.Submission:
        return submissions.submit(rater=rater, token=claim(rater).token, values=values)

    return give


def run_out(token: uuid.UUID) -> None:
    """The lease's time is over."""
    assert Slot.objects.filter(token=token).update(leased_until=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def watch(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`watch(gold_rate=…, chance=…)`: sets the project's quality; the next draws are all `chance`."""

    def set_quality(chance: float = 0.0, **settings: Any) -> None:
        Watch.model_validate(settings)
        project.quality = settings
        project.save(update_fields=["quality"])
        monkeypatch.setattr("annotation.services.turns.random.SystemRandom.random", lambda _: chance)

    return set_quality


@pytest.fixture
def gold(project: Project, ada: User) -> Callable[..., Gold]:
    """`gold(answer)`: an item whose answer is known, as displayed in the item's own order."""

    def make(answer: object = None, **settings: Any) -> Gold:
        item = ItemFactory(project=project)
        return golds.make_gold(item=item, by=ada, values=answer or TIE, **settings)

    return make


def work_off(project: Project, rater: Rater, values: object = A_MUCH_BETTER) -> list[Item]:
    """Everything the rater is given, answered alike; the items in order."""
    met = []
    while (lease := leases.claim(project=project, rater=rater)) is not None:
        submissions.submit(rater=rater, token=lease.token, values=values)
        met.append(lease.item)
    return met
