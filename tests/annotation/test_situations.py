"""Every row of the table of situations: what a rater meets, and what must never go wrong (server side)."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation import selectors
from annotation.models import Annotation, Draft, EndedLease, Item, Skip, Slot
from annotation.services import drafts, flags, items, leases, submissions
from annotation.standings import current
from common.errors import Conflict, Invalid, NotFound
from projects.models import Guideline, Project
from tests.annotation.conftest import A_MUCH_BETTER, B_MUCH_BETTER, TIE, run_out
from tests.factories import ItemFactory

pytestmark = pytest.mark.django_db


def test_double_click_is_one_annotation_and_two_successes(rater, open_item, claim):
    open_item()
    lease = claim(rater)
    first = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    again = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.annotation == again.annotation == Annotation.objects.get()


def test_reload_and_second_tab_get_the_same_item_in_the_same_order(rater, open_item, claim):
    [open_item() for _ in range(5)]
    first, again = claim(rater), claim(rater)
    assert (first.token, first.item, first.display_order) == (again.token, again.item, again.display_order)
    assert again.leased_until >= first.leased_until


def test_back_after_submit_shows_the_saved_answer_and_edits_it(rater, open_item, answer):
    open_item()
    saved = answer(rater).annotation
    shown = selectors.answered(rater=rater, annotation_id=saved.pk)
    assert shown.values == A_MUCH_BETTER
    key = uuid.uuid4()
    new = submissions.revise(rater=rater, annotation=saved, values=B_MUCH_BETTER, idempotency_key=key)
    same = submissions.revise(rater=rater, annotation=saved, values=B_MUCH_BETTER, idempotency_key=key)
    assert same.replayed and same.annotation == new.annotation
    assert Annotation.objects.get(pk=saved.pk).values == saved.values, "the old answer is kept as it was"
    assert current().get() == new.annotation
    assert selectors.answered(rater=rater, annotation_id=saved.pk).values == B_MUCH_BETTER
    assert [entry.annotation_id for entry in selectors.history(rater=rater)] == [new.annotation.pk]


def test_two_corrections_of_one_answer_show_both_versions(rater, open_item, answer):
    open_item()
    saved = answer(rater).annotation
    submissions.revise(rater=rater, annotation=saved, values=B_MUCH_BETTER, idempotency_key=uuid.uuid4())
    with pytest.raises(Conflict) as found:
        submissions.revise(rater=rater, annotation=saved, values=TIE, idempotency_key=uuid.uuid4())
    assert found.value.code == "revised"
    assert (found.value.extra["saved"], found.value.extra["yours"]) == (B_MUCH_BETTER, TIE)


@pytest.mark.parametrize("own_key", [False, True], ids=["key of the lease", "a key of each tab"])
def test_a_second_different_submit_shows_both_versions(rater, open_item, claim, own_key):
    open_item()
    lease = claim(rater)
    key = uuid.uuid4() if own_key else None
    first = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    with pytest.raises(Conflict) as found:
        submissions.submit(rater=rater, token=lease.token, values=B_MUCH_BETTER, idempotency_key=key)
    assert (found.value.code, found.value.status) == ("already-answered", 409)
    extra = found.value.extra
    assert (extra["saved"], extra["yours"], extra["annotation_id"]) == (
        A_MUCH_BETTER,
        B_MUCH_BETTER,
        first.annotation.pk,
    )
    assert Draft.objects.get().values == B_MUCH_BETTER, "what was typed in the other tab is kept"
    assert Annotation.objects.count() == 1


def test_the_same_answer_from_two_tabs_with_keys_of_their_own_is_one(rater, open_item, claim):
    open_item()
    lease = claim(rater)
    first = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER, idempotency_key=uuid.uuid4())
    second = submissions.submit(
        rater=rater, token=lease.token, values={"preference": {"scale": 1}}, idempotency_key=uuid.uuid4()
    )
    assert second.replayed and second.annotation == first.annotation


def test_a_key_belongs_to_one_rater(rater, other_rater, open_item, claim):
    open_item(humans=2)
    key = uuid.uuid4()
    for one in (rater, other_rater):
        assert not submissions.submit(
            rater=one, token=claim(one).token, values=A_MUCH_BETTER, idempotency_key=key
        ).replayed


def test_two_tabs_never_overwrite_each_others_draft(rater, open_item, claim):
    open_item()
    lease = claim(rater)
    assert drafts.save(rater=rater, token=lease.token, values={"preference": {"choice": "A"}}, version=0) == 1
    with pytest.raises(Conflict) as found:
        drafts.save(rater=rater, token=lease.token, values={"preference": {"choice": "B"}}, version=0)
    assert found.value.code == "draft-stale"
    assert (found.value.extra["version"], found.value.extra["values"]) == (1, {"preference": {"choice": "A"}})
    assert drafts.save(rater=rater, token=lease.token, values={"preference": {"choice": "B"}}, version=1) == 2
    assert drafts.save(rater=rater, token=lease.token, values={"preference": {"choice": "B"}}, version=0) == 2


def test_a_lease_that_ran_out_but_was_not_taken_still_serves(rater, open_item, claim):
    open_item()
    lease = claim(rater)
    run_out(lease.token)
    assert leases.renew(rater=rater, token=lease.token) > timezone.now()
    run_out(lease.token)
    done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert done.standing == "counted"


def test_own_expired_lease_comes_back_under_a_new_token_and_the_old_page_still_works(rater, open_item, claim):
    open_item()
    old = claim(rater)
    drafts.save(rater=rater, token=old.token, values=TIE, version=0)
    run_out(old.token)
    new = claim(rater)
    assert new.token != old.token
    assert (new.item, new.display_order, new.draft_values, new.draft_version) == (old.item, old.display_order, TIE, 1)
    assert leases.renew(rater=rater, token=old.token) > timezone.now()
    assert submissions.submit(rater=rater, token=old.token, values=A_MUCH_BETTER).standing == "counted"
    assert submissions.submit(rater=rater, token=new.token, values=A_MUCH_BETTER).replayed


def test_a_lost_lease_keeps_the_text_and_takes_it_as_an_extra(rater, other_rater, open_item, claim):
    item = open_item()
    lost = claim(rater)
    run_out(lost.token)
    taken = claim(other_rater)
    assert taken.item == item and taken.token != lost.token
    with pytest.raises(Conflict) as late:
        leases.renew(rater=rater, token=lost.token)
    assert late.value.code == "lease-lost"
    with pytest.raises(Conflict) as found:
        submissions.submit(rater=rater, token=lost.token, values=A_MUCH_BETTER)
    assert (found.value.code, found.value.extra["draft_version"]) == ("lease-lost", 1)
    assert Draft.objects.get(rater=rater).values == A_MUCH_BETTER
    extra = submissions.submit(rater=rater, token=lost.token, values=A_MUCH_BETTER, as_extra=True)
    assert extra.standing == "extra"
    assert submissions.submit(rater=rater, token=lost.token, values=A_MUCH_BETTER, as_extra=True).replayed
    counted = submissions.submit(rater=other_rater, token=taken.token, values=B_MUCH_BETTER)
    assert counted.standing == "counted"
    item.refresh_from_db()
    assert item.state == Item.State.DONE
    chosen = extra.annotation.values["preference"]
    assert chosen[chosen["choice"]] == lost.display_order[0], "A is what the loser was shown as A"


def test_who_handed_in_an_extra_is_not_asked_again(project, rater, other_rater, open_item, claim):
    item = open_item()
    lost = claim(rater)
    run_out(lost.token)
    claim(other_rater)
    submissions.submit(rater=rater, token=lost.token, values=TIE, as_extra=True)
    items.open_slots(item=item, humans=1, judges=0)
    assert leases.claim(project=project, rater=rater) is None


def test_leaving_the_page_frees_the_item_and_coming_back_finds_it(project, rater, other_rater, open_item, claim):
    open_item()
    lease = claim(rater)
    drafts.save(rater=rater, token=lease.token, values=TIE, version=0)
    leases.release(rater=rater, token=lease.token)
    back = claim(rater)
    assert (back.item, back.draft_values) == (lease.item, TIE)
    leases.release(rater=rater, token=lease.token)
    assert Slot.objects.get().leased_until > timezone.now(), "an old tab that closes takes nothing from the new one"
    leases.release(rater=rater, token=back.token)
    assert claim(other_rater).item == lease.item


def test_a_withdrawn_item_says_so_and_keeps_what_was_typed(rater, open_item, claim):
    item = open_item()
    lease = claim(rater)
    items.withdraw_item(item=item, reason="personal data")
    items.withdraw_item(item=item, reason="on second thoughts")
    with pytest.raises(Conflict) as found:
        submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    assert found.value.code == "item-void" and "withdrawn" in found.value.detail
    assert Draft.objects.get().values == A_MUCH_BETTER
    assert submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER, as_extra=True).standing == "extra"
    item.refresh_from_db()
    assert item.state == Item.State.VOID and item.meta["void_reason"] == "personal data"


def test_a_submission_says_which_guideline_and_form_it_saw(project, rater, open_item, claim, guideline, form):
    open_item()
    lease = claim(rater)
    Guideline.objects.create(project=project, number=2, text="Prefer brevity.")
    done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER, hint_visible=True, active_ms=4200)
    stored = done.annotation
    assert done.guideline_changed
    assert (stored.guideline, stored.form_version, stored.display_order) == (guideline, form, list(lease.display_order))
    assert stored.hint_visible and stored.active_ms == 4200


def test_a_skip_gives_the_item_to_others_and_never_back(project, rater, other_rater, open_item, claim):
    item = open_item()
    lease = claim(rater)
    leases.skip(rater=rater, token=lease.token, reason="unclear", note="?")
    assert leases.claim(project=project, rater=rater) is None
    assert claim(other_rater).item == item
    assert Skip.objects.get().reason == "unclear"
    with pytest.raises(Invalid):
        leases.skip(rater=other_rater, token=claim(other_rater).token, reason="bored")


def test_a_flag_does_not_end_the_work(rater, open_item, claim):
    open_item()
    lease = claim(rater)
    first = flags.raise_flag(rater=rater, token=lease.token, reason="private", note="an address")
    assert flags.raise_flag(rater=rater, token=lease.token, reason="private", note="an address") == first
    assert submissions.submit(rater=rater, token=lease.token, values=TIE).standing == "counted"


def test_undo_gives_the_item_back_with_the_answer_as_draft(rater, open_item, claim, answer):
    item, _ = open_item(), open_item()
    done = answer(rater)
    item = done.annotation.item
    displaced = claim(rater)
    assert displaced.item != item
    lease = submissions.retract(rater=rater, annotation=done.annotation)
    assert (lease.item, lease.draft_values) == (item, A_MUCH_BETTER)
    assert lease.display_order == tuple(done.annotation.display_order)
    assert not current().exists() and selectors.history(rater=rater) == []
    assert submissions.submit(rater=rater, token=lease.token, values=B_MUCH_BETTER).standing == "counted"
    assert claim(rater).item == displaced.item


def test_undo_ends_after_ten_seconds_and_with_a_correction(rater, open_item, answer):
    open_item(), open_item()
    old = answer(rater).annotation
    Annotation.objects.filter(pk=old.pk).update(submitted_at=timezone.now() - timedelta(seconds=11))
    with pytest.raises(Conflict) as late:
        submissions.retract(rater=rater, annotation=old)
    assert late.value.code == "too-late"
    fresh = answer(rater).annotation
    submissions.revise(rater=rater, annotation=fresh, values=TIE, idempotency_key=uuid.uuid4())
    with pytest.raises(Conflict) as revised:
        submissions.retract(rater=rater, annotation=fresh)
    assert revised.value.code == "revised"


def test_tokens_and_answers_of_others_do_not_exist(rater, other_rater, open_item, claim, answer):
    open_item()
    lease = claim(rater)
    for act in (
        lambda: submissions.submit(rater=other_rater, token=lease.token, values=TIE),
        lambda: leases.renew(rater=other_rater, token=lease.token),
        lambda: leases.release(rater=other_rater, token=lease.token),
        lambda: leases.skip(rater=other_rater, token=lease.token, reason="other"),
        lambda: drafts.save(rater=other_rater, token=lease.token, values=TIE, version=0),
        lambda: submissions.submit(rater=rater, token=uuid.uuid4(), values=TIE),
    ):
        with pytest.raises(NotFound):
            act()
    mine = answer(rater).annotation
    for act in (
        lambda: submissions.revise(rater=other_rater, annotation=mine, values=TIE, idempotency_key=uuid.uuid4()),
        lambda: submissions.retract(rater=other_rater, annotation=mine),
        lambda: selectors.answered(rater=other_rater, annotation_id=mine.pk),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize("state", [Project.State.PAUSED, Project.State.ARCHIVED])
def test_a_resting_project_gives_nothing_out_but_takes_what_is_in_hand(
    project, rater, other_rater, open_item, claim, state
):
    open_item(humans=2)
    lease = claim(rater)
    project.state = state
    assert leases.claim(project=project, rater=other_rater) is None
    assert submissions.submit(rater=rater, token=lease.token, values=TIE).standing == "counted"


def test_overlap_is_a_number_of_rows(project, rater, other_rater, open_item, claim, answer):
    item = open_item(humans=1)
    items.open_slots(item=item, humans=2, judges=0)
    answer(rater)
    assert leases.claim(project=project, rater=rater) is None, "nobody is asked twice"
    in_hand = claim(other_rater)
    assert items.void_slots(slots=item.slots.filter(state="open")) == 1
    submissions.submit(rater=other_rater, token=in_hand.token, values=TIE)
    item.refresh_from_db()
    assert item.state == Item.State.DONE
    items.open_slots(item=item, humans=1, judges=0)
    assert item.state == Item.State.OPEN


def test_higher_priority_first_then_the_stored_order(project, rater, claim, answer):
    made = [ItemFactory(project=project, priority=priority) for priority in (0, 5, 0, -1)]
    for item in made:
        items.open_slots(item=item, humans=1, judges=0)
    keys = dict(Slot.objects.values_list("item", "random_key"))
    expected = sorted(made, key=lambda item: (-item.priority, keys[item.pk]))
    assert [answer(rater).annotation.item for _ in made] == expected


def test_the_order_shown_is_random_and_frozen(project, rater, open_item, answer):
    for _ in range(40):
        open_item()
    orders = [answer(rater).annotation.display_order for _ in range(40)]
    swapped = sum(order != sorted(order) for order in orders)
    assert 5 < swapped < 35
    assert EndedLease.objects.count() == 0
