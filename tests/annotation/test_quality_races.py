"""Tests, caps and repeats under many at once, on PostgreSQL: SQLite's single writer would hide what this looks for."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotation.models import FormVersion, GoldResult, Pause, Slot
from annotation.services import golds, items, leases, scoring, submissions
from common.errors import Conflict
from tests import factories
from tests.annotation.conftest import A_MUCH_BETTER, TIE
from tests.annotation.test_races import at_once

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)"),
]
CLAIMERS = 12


@pytest.fixture
def project(db):
    made = factories.ProjectFactory()
    FormVersion.objects.create(project=made, number=1, fields=factories.FormVersionFactory.build(project=made).fields)
    return made


@pytest.fixture
def crowd(project):
    made = [factories.RaterFactory(project=project) for _ in range(CLAIMERS)]
    for rater in made:
        factories.MembershipFactory(project=project, user=rater.user)
    return made


def quality(project, **settings) -> None:
    project.quality = settings
    project.save(update_fields=["quality"])


def open_items(project, count, humans=1):
    for _ in range(count):
        items.open_slots(item=factories.ItemFactory(project=project), humans=humans, judges=0)


def test_every_claimer_gets_the_one_gold_item_and_none_of_the_work_is_given_twice(project, crowd, monkeypatch):
    known = golds.make_gold(item=factories.ItemFactory(project=project), by=factories.UserFactory(), values=TIE)
    open_items(project, CLAIMERS)
    quality(project, gold_rate=0.5, gold_window=1, gold_bar=1)
    monkeypatch.setattr("annotation.services.turns.random.SystemRandom.random", lambda _: 0.0)

    def work(number):
        """Two tabs of one rater, both asking and handing in."""
        rater = crowd[number % CLAIMERS]
        try:
            lease = leases.claim(project=project, rater=rater)
            return submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER).annotation.pk
        except Conflict as conflict:
            return conflict.code

    at_once(2 * CLAIMERS, work)
    tests = Slot.objects.filter(purpose="gold")
    assert tests.count() == CLAIMERS and set(tests.values_list("item", "state")) == {(known.item_id, "done")}
    real = Slot.objects.filter(purpose="label")
    assert real.count() == CLAIMERS, "not one slot more than was opened"
    at_once(4, lambda _: scoring.score_due(grace=timedelta(0)))
    assert (GoldResult.objects.count(), Pause.objects.filter(ended_at=None).count()) == (CLAIMERS, CLAIMERS)


def test_a_cap_holds_however_many_tabs_ask(project, crowd):
    open_items(project, 40, humans=2)
    quality(project, cap_day=3, cap_total=5)
    rater = crowd[0]

    def work(_):
        for _ in range(4):
            lease = leases.claim(project=project, rater=rater)
            if lease is not None:
                submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)

    at_once(8, work)
    assert rater.annotations.count() == 3 and rater.slots.filter(state="leased").count() == 0


def test_a_repeat_is_given_once(project, crowd, monkeypatch):
    rater = crowd[0]
    open_items(project, 1)
    first = leases.claim(project=project, rater=rater)
    submissions.submit(rater=rater, token=first.token, values=TIE)
    open_items(project, 3)
    Slot.objects.update(leased_at=timezone.now() - timedelta(days=3))
    quality(project, repeat_rate=0.5)
    monkeypatch.setattr("annotation.services.turns.random.SystemRandom.random", lambda _: 0.0)
    found = at_once(8, lambda _: leases.claim(project=project, rater=rater))
    assert len({lease.token for lease in found}) == 1
    repeat = Slot.objects.get(purpose="repeat")
    assert repeat.item == first.item and repeat.display_order == list(reversed(first.display_order))


def test_lanes_share_the_work_without_meeting(project, crowd):
    from annotation.models import Item
    from annotation.services import lanes

    for language in ("de", "en", "fr"):
        number = lanes.number_of(project=project, wanted=lanes.Wanted(language=language))
        for _ in range(8):
            item = factories.ItemFactory(project=project, lane=number)
            items.open_slots(item=item, humans=1, judges=0)
    for number, rater in enumerate(crowd):
        rater.user.memberships.update(languages=[["de"], ["en"], ["fr", "en"]][number % 3])

    def work(number):
        while (lease := leases.claim(project=project, rater=crowd[number])) is not None:
            submissions.submit(rater=crowd[number], token=lease.token, values=TIE)

    at_once(CLAIMERS, work)
    assert not Item.objects.exclude(state="done").exists()
    german = {rater.pk for rater in crowd[0::3]}
    lane = lanes.number_of(project=project, wanted=lanes.Wanted(language="de"))
    assert set(Slot.objects.filter(lane=lane).values_list("rater", flat=True)) <= german
