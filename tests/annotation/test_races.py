"""Many at once, on PostgreSQL: SQLite's single writer would hide what this looks for."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from annotation.models import Annotation, EndedLease, FormVersion, Item, Label, Rater, Slot
from annotation.services import departures, forms, items, labels, leases, raters, submissions
from common.errors import Conflict
from corpus.models import Candidate, Import
from projects.models import Project
from tests import factories
from tests.annotation.conftest import A_MUCH_BETTER, B_MUCH_BETTER

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)"),
]
CLAIMERS, ITEMS, OVERLAP = 64, 60, 3


@pytest.fixture
def project(db):
    made = factories.ProjectFactory()
    FormVersion.objects.create(project=made, number=1, fields=factories.FormVersionFactory.build(project=made).fields)
    return made


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """`act(0)` … `act(count - 1)`, all let go at the same moment, each with a connection of its own."""
    gate = threading.Barrier(count)

    def one(number: int) -> object:
        try:
            gate.wait(30)
            return act(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def open_items(project: Project, count: int, humans: int) -> list[Item]:
    made = [factories.ItemFactory(project=project) for _ in range(count)]
    for item in made:
        items.open_slots(item=item, humans=humans, judges=0)
    return made


class Crowd:
    """Raters who judge, submit twice, dawdle until their lease runs out, pass and come back late."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.raters = [factories.RaterFactory(project=project) for _ in range(CLAIMERS)]
        self.acknowledged: set[int] = set()
        self.guard = threading.Lock()

    def hand_in(self, rater: Rater, token: uuid.UUID, chance: random.Random) -> None:
        values = chance.choice([A_MUCH_BETTER, B_MUCH_BETTER])
        for _ in range(chance.choice([1, 1, 2])):
            try:
                done = submissions.submit(rater=rater, token=token, values=values)
            except Conflict as conflict:
                assert conflict.code == "lease-lost"
                if chance.random() < 0.5:
                    continue
                # Counted after all where whoever had taken the item has just passed on it.
                done = submissions.submit(rater=rater, token=token, values=values, as_extra=True)
            with self.guard:
                self.acknowledged.add(done.annotation.pk)

    def look_ahead(self, rater: Rater, lease: leases.Lease, chance: random.Random) -> None:
        """Has the next item held ready, and lets that run out now and then."""
        ready = leases.claim(project=self.project, rater=rater, after=lease.token)
        if ready is not None and chance.random() < 0.3:
            late = timezone.now() - timedelta(seconds=1)
            Slot.objects.filter(token=ready.token).update(leased_until=late)

    def work(self, number: int) -> None:
        chance, rater = random.Random(number), self.raters[number]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            lease = leases.claim(project=self.project, rater=rater)
            if lease is None:
                if not Slot.objects.filter(project=self.project).exclude(state="done").exists():
                    return
                time.sleep(0.01)
                continue
            if chance.random() < 0.6:
                self.look_ahead(rater, lease, chance)
            luck = chance.random()
            if luck < 0.05 and Slot.objects.filter(state="done").count() < CLAIMERS:
                leases.skip(rater=rater, token=lease.token, reason="other")
            elif luck < 0.3:
                late = timezone.now() - timedelta(seconds=1)
                Slot.objects.filter(token=lease.token).update(leased_until=late)
                time.sleep(chance.random() * 0.02)
                self.hand_in(rater, lease.token, chance)
            else:
                self.hand_in(rater, lease.token, chance)
        pytest.fail("the queue was not worked off")


def test_64_claimers_overlap_3_nothing_over_assigned_lost_or_repeated(project):
    open_items(project, ITEMS, OVERLAP)
    crowd = Crowd(project)
    at_once(CLAIMERS, crowd.work)
    counted = Annotation.objects.filter(standing="counted")
    per_item = Counter(counted.values_list("item", flat=True))
    assert set(per_item.values()) == {OVERLAP} and len(per_item) == ITEMS
    assert set(Annotation.objects.values_list("pk", flat=True)) == crowd.acknowledged, "what was acknowledged is stored"
    everything = Counter(Annotation.objects.values_list("item", "rater"))
    assert max(everything.values()) == 1, "nobody judged an item twice, extras included"
    assert not Item.objects.exclude(state="done").exists()
    assert EndedLease.objects.filter(why="taken").exists(), "leases were lost: the test has tested that"
    while labels.settle_due():
        pass
    assert Label.objects.count() == ITEMS


def test_50_identical_submits_are_one_row(project):
    open_items(project, 1, 1)
    rater = factories.RaterFactory(project=project)
    lease = leases.claim(project=project, rater=rater)
    found = at_once(50, lambda _: submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER))
    assert Annotation.objects.count() == 1
    assert len({done.annotation.pk for done in found}) == 1
    assert Counter(done.replayed for done in found) == {True: 49, False: 1}


def test_50_claims_by_one_rater_are_one_lease(project):
    open_items(project, 60, 1)
    rater = factories.RaterFactory(project=project)
    found = at_once(50, lambda _: leases.claim(project=project, rater=rater))
    assert len({lease.token for lease in found}) == 1
    assert Slot.objects.filter(state="leased").count() == 1


def test_the_last_two_answers_at_once_finish_the_item(project):
    for _ in range(10):
        (item,) = open_items(project, 1, 2)
        pair = [factories.RaterFactory(project=project) for _ in range(2)]
        tokens = [leases.claim(project=project, rater=rater).token for rater in pair]
        at_once(
            2,
            lambda n, pair=pair, tokens=tokens: submissions.submit(
                rater=pair[n], token=tokens[n], values=A_MUCH_BETTER
            ),
        )
        item.refresh_from_db()
        assert item.state == "done"


def test_withdrawing_while_answers_come_in_never_deadlocks(project):
    for _ in range(5):
        (item,) = open_items(project, 1, 8)
        crowd = [factories.RaterFactory(project=project) for _ in range(8)]
        tokens = [leases.claim(project=project, rater=rater).token for rater in crowd]

        def act(number, item=item, crowd=crowd, tokens=tokens):
            if number == 8:
                return items.withdraw_item(item=item)
            try:
                return submissions.submit(rater=crowd[number], token=tokens[number], values=A_MUCH_BETTER)
            except Conflict as conflict:
                assert conflict.code == "item-void"

        at_once(9, act)
        item.refresh_from_db()
        assert item.state == "void"
        stored = Annotation.objects.filter(item=item, standing="counted").count()
        assert stored == item.slots.filter(state="done").count()


def test_two_takers_at_once_make_each_item_once(project):
    source = factories.ImportFactory(project=project, state=Import.State.STORED)
    for number in range(40):
        prompt = factories.PromptFactory(project=project)
        ids = [factories.ResponseFactory(prompt=prompt).pk for _ in range(2)]
        names = [factories.ResponseFactory._meta.model.objects.get(pk=pk).external_id for pk in ids]
        said = {"annotator": f"p{number % 3}", "annotator_kind": "human", "kind": "comparison"}
        Candidate.objects.create(
            project=project,
            external_id=f"c{number}",
            prompt=prompt,
            response_ids=ids,
            source=source,
            feedback=[said | {"left": names[0], "right": names[1], "choice": "left"}],
        )

    def take(_):
        while items.take_candidates(limit=7):
            pass

    at_once(8, take)
    items.take_candidates()
    assert (Item.objects.count(), Annotation.objects.count(), Rater.objects.count()) == (40, 40, 3)
    source.refresh_from_db()
    assert (source.state, source.new_items, source.new_annotations) == ("succeeded", 40, 40)


def test_a_person_is_deleted_while_they_work_and_the_form_changes(project):
    """Two tabs each of eight people, four of whom are deleted in between, under a form that changes all the time."""
    people = [factories.MembershipFactory(project=project).user for _ in range(8)]
    at_work = [raters.rater_for(project=project, user=user) for user in people]
    open_items(project, 30, 2)

    def tab(rater: Rater) -> None:
        for number in range(6):
            # Taken back, lost or late: any refusal will do, and nothing else.
            with suppress(Conflict):
                lease = leases.claim(project=project, rater=rater)
                if lease is None:
                    return
                leases.claim(project=project, rater=rater, after=lease.token)
                done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
                if number % 3 == 1:
                    submissions.retract(rater=rater, annotation=done.annotation)

    def act(number: int) -> None:
        if number < 16:
            tab(at_work[number % 8])
        elif number == 16:
            for user in people[:4]:
                departures.delete_person(user=user)
        else:
            for points in (7, 8, 9) * 3:
                config = {"points": points, "rationale": "optional"}
                forms.set_form(
                    project=project, fields=[{"name": "preference", "protocol": "pairwise", "config": config}]
                )

    at_once(18, act)
    assert Rater.objects.filter(user=None).count() == 4 and Annotation.objects.exists()
