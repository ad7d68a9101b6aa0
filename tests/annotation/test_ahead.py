"""The item held ready for after the one in hand: nobody is cheated of it, and nobody is shown it twice."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Annotation, EndedLease, Slot
from annotation.services import items, leases, submissions
from projects.models import Guideline
from tests.annotation.conftest import A_MUCH_BETTER, run_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def hold(project):
    """`hold(rater, lease)`: what stands ready for after `lease`."""
    return lambda rater, lease: leases.claim(project=project, rater=rater, after=lease.token)


def test_what_is_held_ready_is_what_comes_next_under_the_same_token(rater, open_item, claim, hold):
    [open_item() for _ in range(3)]
    lease = claim(rater)
    ready = hold(rater, lease)
    assert ready.item != lease.item
    assert hold(rater, lease).token == ready.token, "a second tab is shown the same"
    assert claim(rater).token == lease.token, "what is in hand stays in hand"
    assert ready.leased_until - timezone.now() <= timedelta(seconds=leases.AHEAD_SECONDS)
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    taken_up = claim(rater)
    assert (taken_up.token, taken_up.display_order) == (ready.token, ready.display_order)
    assert taken_up.leased_until > ready.leased_until
    assert not Slot.objects.filter(ahead=True).exists()


def test_it_can_be_drafted_and_answered_before_the_one_in_hand_arrives(rater, open_item, claim, hold):
    """Two answers of one rater may overtake each other on their way."""
    [open_item() for _ in range(3)]
    lease = claim(rater)
    ready = hold(rater, lease)
    assert submissions.submit(rater=rater, token=ready.token, values=A_MUCH_BETTER).standing == "counted"
    assert claim(rater).token == lease.token
    assert submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER).standing == "counted"


def test_nobody_else_is_given_it_until_it_runs_out_and_then_anybody_is(rater, other_rater, open_item, claim, hold):
    [open_item() for _ in range(3)]
    lease = claim(rater)
    ready = hold(rater, lease)
    theirs = claim(other_rater)
    assert theirs.item not in {lease.item, ready.item}
    submissions.submit(rater=other_rater, token=theirs.token, values=A_MUCH_BETTER)
    assert leases.claim(project=rater.project, rater=other_rater) is None
    run_out(ready.token)
    taken = claim(other_rater)
    assert taken.item == ready.item and not Slot.objects.get(token=taken.token).ahead
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert leases.claim(project=rater.project, rater=rater) is None
    assert Annotation.objects.count() == 2


def test_it_is_promised_for_two_minutes_however_it_is_renewed(rater, open_item, claim, hold):
    [open_item() for _ in range(2)]
    ready = hold(rater, claim(rater))
    until = leases.renew(rater=rater, token=ready.token)
    assert until - timezone.now() <= timedelta(seconds=leases.AHEAD_SECONDS)


def test_an_order_once_shown_stays_though_the_item_was_others_meanwhile(rater, other_rater, open_item, claim, hold):
    first, second = open_item(), open_item(humans=2)
    Slot.objects.filter(item=first).update(priority=1)
    lease = claim(rater)
    ready = hold(rater, lease)
    spare = Slot.objects.filter(item=second, state="open")
    spare_id = spare.get().pk
    spare.update(state="void")
    run_out(ready.token)
    assert claim(other_rater).item == second
    Slot.objects.filter(pk=spare_id).update(state="open")
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    again = claim(rater)
    assert again.token != ready.token
    assert (again.item, again.display_order) == (second, ready.display_order)
    assert EndedLease.objects.get(token=ready.token).why == EndedLease.Why.TAKEN


def test_what_ran_out_and_nobody_took_is_still_what_comes_next(rater, open_item, claim, hold):
    [open_item() for _ in range(2)]
    lease = claim(rater)
    ready = hold(rater, lease)
    run_out(ready.token)
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert claim(rater).token == ready.token


def test_nothing_is_held_where_nothing_is_in_hand_or_the_project_lets_go(rater, project, open_item, claim, hold):
    [open_item() for _ in range(3)]
    assert leases.claim(project=project, rater=rater, after=uuid.uuid4()) is None
    lease = claim(rater)
    ready = hold(rater, lease)
    assert leases.claim(project=project, rater=rater, after=ready.token) is None, "it is not in hand yet"
    project.state = "draining"
    assert hold(rater, lease) is None
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert leases.claim(project=project, rater=rater) is None, "it was not begun, so it is not to be finished"


def test_a_change_of_the_guideline_gives_it_a_new_token(rater, project, open_item, claim, hold):
    [open_item() for _ in range(2)]
    lease = claim(rater)
    ready = hold(rater, lease)
    newer = Guideline.objects.create(project=project, number=9, text="Now prefer the short one.")
    submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    taken_up = claim(rater)
    assert (taken_up.item, taken_up.display_order) == (ready.item, ready.display_order)
    assert taken_up.token != ready.token and taken_up.guideline_id == newer.pk


def test_withdrawn_and_undone(rater, open_item, claim, hold, project):
    [open_item() for _ in range(3)]
    lease = claim(rater)
    ready = hold(rater, lease)
    items.withdraw_item(item=ready.item)
    third = hold(rater, lease)
    assert third.item not in {lease.item, ready.item}
    done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert claim(rater).token == third.token
    again = submissions.retract(rater=rater, annotation=done.annotation)
    assert (again.item, again.display_order) == (lease.item, lease.display_order)
    submissions.submit(rater=rater, token=again.token, values=A_MUCH_BETTER)
    assert (claim(rater).item, claim(rater).display_order) == (third.item, third.display_order)


def test_one_in_hand_and_one_ready_are_all_there_can_be(rater, open_item, claim, hold):
    [open_item() for _ in range(3)]
    lease = claim(rater)
    ready = hold(rater, lease)
    third = Slot.objects.get(state="open")
    held = Slot.objects.get(token=ready.token)
    for ahead in (False, True):
        with pytest.raises(IntegrityError), transaction.atomic():
            Slot.objects.filter(pk=third.pk).update(
                state="leased",
                ahead=ahead,
                rater=rater,
                token=uuid.uuid4(),
                leased_at=timezone.now(),
                leased_until=timezone.now(),
                display_order=held.display_order,
                form_version=held.form_version,
            )
    with pytest.raises(IntegrityError), transaction.atomic():
        Slot.objects.filter(pk=third.pk).update(ahead=True)


def test_holding_ready_costs_no_more_than_giving(rater, open_item, claim, hold):
    [open_item() for _ in range(2)]
    lease = claim(rater)
    with CaptureQueriesContext(connection) as asked:
        hold(rater, lease)
    said = [one["sql"] for one in asked if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(said) <= 6, "\n".join(said)


@pytest.mark.parametrize("limit", ["cap_day", "cap_total"])
def test_a_limit_counts_what_is_held_ready_once(rater, project, open_item, claim, hold, limit):
    project.quality = {limit: 3}
    project.save()
    [open_item() for _ in range(5)]
    for _ in range(3):
        lease = claim(rater)
        hold(rater, lease)
        submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert leases.claim(project=project, rater=rater) is None
    assert Annotation.objects.count() == 3


def test_by_api_and_by_the_page(api, browse, rosa, rui, rater, open_item, claim):
    [open_item() for _ in range(2)]
    lease = claim(rater)
    at = f"/api/v1/projects/bicycles/leases/{lease.token}/ahead/"
    ready = api(rosa, scope="annotate").post(at)
    assert (ready.status_code, Slot.objects.get(ahead=True).token) == (200, uuid.UUID(ready.json()["token"]))
    assert api(rui).post(at).status_code == 404
    page = browse(rosa).post(f"/projects/bicycles/annotate/{lease.token}/ahead/", headers={"X-Requested-With": "fetch"})
    assert page["Content-Location"].endswith(f"/annotate/{ready.json()['token']}/")
    done = browse(rosa).post(
        f"/projects/bicycles/annotate/{lease.token}/submit/",
        {"answer.preference": "scale:1", "ahead": ready.json()["token"]},
        headers={"X-Requested-With": "fetch"},
    )
    told = done.content.decode()
    assert "undo-place" in told and 'id="work"' not in told, "the item itself is there already"
    again = f"/api/v1/projects/bicycles/leases/{ready.json()['token']}/ahead/"
    assert api(rosa).post(again).status_code == 204, "nothing comes after it"
    assert api(rosa).post("/api/v1/projects/bicycles/next/").json()["token"] == ready.json()["token"]


def test_an_undo_that_overtakes_the_page_that_asks_ahead_is_no_fault(
    browse, rosa, rater, open_item, claim, monkeypatch
):
    """Both come from one page, so the item in hand can go between the claim and the page that is made of it."""
    [open_item() for _ in range(3)]
    first = claim(rater)
    submissions.submit(rater=rater, token=first.token, values=A_MUCH_BETTER)
    lease = claim(rater)
    claimed = leases.claim

    def overtaken(**given):
        ready = claimed(**given)
        submissions.retract(rater=rater, annotation=Annotation.objects.get())
        return ready

    monkeypatch.setattr(leases, "claim", overtaken)
    at = f"/projects/bicycles/annotate/{lease.token}/ahead/"
    assert browse(rosa).post(at, headers={"X-Requested-With": "fetch"}).status_code == 200
    assert not Slot.objects.filter(token=lease.token).exists()
