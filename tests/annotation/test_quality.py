"""Tests that look like any other item, repeats, and what follows from them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Annotation, GoldResult, Label, Pause, Slot
from annotation.services import golds, labels, leases, scoring, submissions
from annotation.services.turns import drawn
from annotation.watch import Watch
from common.errors import Conflict, Invalid
from tests.annotation.conftest import A_MUCH_BETTER, TIE, work_off

pytestmark = pytest.mark.django_db


def test_draws_keep_the_rates():
    watch = Watch(gold_rate=0.125, check_rate=0.0625, repeat_rate=0.25)
    found = [drawn(watch, n / 1024) for n in range(1024)]
    assert [found.count(one) for one in ("gold", "check", "repeat", "label")] == [128, 64, 256, 576]
    with pytest.raises(ValueError, match="at most half"):
        Watch(gold_rate=0.3, check_rate=0.3)


def test_a_gold_item_is_given_once_and_only_beside_real_work(project, rater, open_item, watch, gold):
    known = gold()
    watch(gold_rate=0.5)
    assert leases.claim(project=project, rater=rater) is None, "alone it would be known for what it is"
    real = open_item()
    assert work_off(project, rater) == [known.item, real]
    slot = Slot.objects.get(purpose="gold")
    assert (slot.rater, slot.state, slot.annotations.get().standing) == (rater, "done", "test")
    assert known.item.state == "done" and not Label.objects.exists()


def test_the_answer_is_scored_by_distance_once_it_stands(project, rater, other_rater, open_item, watch, gold):
    gold(TIE), [open_item(humans=2) for _ in range(2)]
    watch(gold_rate=0.5)
    work_off(project, rater, TIE), work_off(project, other_rater, A_MUCH_BETTER)
    assert scoring.score_due() == 0, "it can still be taken back"
    assert scoring.score_due(grace=timedelta(0)) == 2
    assert dict(GoldResult.objects.values_list("rater", "passed")) == {rater.pk: True, other_rater.pk: False}
    assert scoring.score_due(grace=timedelta(0)) == 0


def test_a_tolerance_of_its_own(project, rater, open_item, watch, gold):
    gold(TIE, tolerance=1.0), open_item()
    watch(gold_rate=0.5)
    work_off(project, rater, A_MUCH_BETTER)
    scoring.score_due(grace=timedelta(0))
    assert GoldResult.objects.get().passed


def test_taking_back_an_answer_looks_alike_and_is_never_scored(project, rater, open_item, watch, gold):
    gold(), open_item()
    watch(gold_rate=0.5)
    lease = leases.claim(project=project, rater=rater)
    done = submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    after = leases.claim(project=project, rater=rater)
    back = submissions.retract(rater=rater, annotation=done.annotation)
    assert (back.item, back.draft_values) == (lease.item, A_MUCH_BETTER)
    assert scoring.score_due(grace=timedelta(0)) == 0
    submissions.submit(rater=rater, token=back.token, values=TIE)
    assert leases.claim(project=project, rater=rater).item == after.item, "what was in hand comes again"
    scoring.score_due(grace=timedelta(0))
    assert GoldResult.objects.get().passed


def test_a_test_laid_down_by_an_undo_comes_again(project, rater, open_item, watch, gold):
    known, real = gold(), open_item()
    watch(chance=0.9, gold_rate=0.5)
    first = leases.claim(project=project, rater=rater)
    assert first.item == real
    done = submissions.submit(rater=rater, token=first.token, values=TIE)
    open_item()
    watch(gold_rate=0.5)
    assert leases.claim(project=project, rater=rater).item == known.item
    back = submissions.retract(rater=rater, annotation=done.annotation)
    submissions.submit(rater=rater, token=back.token, values=TIE)
    watch(chance=0.9, gold_rate=0.5)
    assert leases.claim(project=project, rater=rater).item == known.item
    assert Slot.objects.filter(purpose="gold").count() == 1


def test_a_skipped_test_is_not_given_again_and_late_work_on_it_is_taken(project, rater, open_item, watch, gold):
    gold(), open_item()
    watch(gold_rate=0.5)
    lease = leases.claim(project=project, rater=rater)
    leases.skip(rater=rater, token=lease.token, reason="other")
    assert leases.claim(project=project, rater=rater).item != lease.item
    assert submissions.submit(rater=rater, token=lease.token, values=TIE).standing == "counted", "as with a real item"


def test_under_the_bar_a_rater_is_paused_and_a_person_decides(project, rater, ada, open_item, watch, gold):
    for _ in range(3):
        gold(TIE), open_item()
    watch(gold_rate=0.5, gold_window=3, gold_bar=0.7)
    for number in range(3):
        assert not Pause.objects.exists(), number
        lease = leases.claim(project=project, rater=rater)
        submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
        scoring.score_due(grace=timedelta(0))
    pause = Pause.objects.get()
    assert (pause.rater, pause.why, pause.passed, pause.asked, pause.ended_at) == (rater, "gold", 0, 3, None)
    assert leases.claim(project=project, rater=rater) is None
    scoring.decide_pause(rater=rater, by=ada, decision="keep", note="We have asked them.")
    assert leases.claim(project=project, rater=rater) is None
    scoring.decide_pause(rater=rater, by=ada, decision="resume")
    assert leases.claim(project=project, rater=rater) is not None
    assert scoring.watch_rater(rater=rater, watch=Watch(gold_window=3)) is None, "what was decided is not held again"
    assert [one.decision for one in pause.decisions.all()] == ["keep", "resume"]
    with pytest.raises(Conflict):
        scoring.decide_pause(rater=rater, by=ada, decision="resume")


def test_attention_checks_count_apart(project, rater, open_item, watch, gold):
    for _ in range(2):
        gold(TIE, kind="check"), open_item()
    watch(check_rate=0.5, check_window=2, check_bar=1, gold_window=1)
    for _ in range(2):
        lease = leases.claim(project=project, rater=rater)
        submissions.submit(rater=rater, token=lease.token, values=A_MUCH_BETTER)
    scoring.score_due(grace=timedelta(0))
    assert Pause.objects.get().why == "check"


def test_a_known_answer_makes_no_label_unless_chosen(project, ada, gold):
    known = gold(TIE)
    labels.settle_due()
    assert not Label.objects.exists()
    golds.change_gold(gold=known, by=ada, trains=True)
    labels.settle_due()
    assert Label.objects.get().value["choice"] == "tie"
    with pytest.raises(Invalid):
        golds.change_gold(gold=known, by=ada, kind="check", trains=True)


def test_making_gold_of_an_item_that_is_out_withdraws_what_is_nobodys(project, ada, rater, open_item):
    item = open_item(humans=3)
    lease = leases.claim(project=project, rater=rater)
    golds.make_gold(item=item, by=ada, values=TIE)
    assert sorted(item.slots.values_list("state", flat=True)) == ["leased", "void", "void"]
    assert submissions.submit(rater=rater, token=lease.token, values=TIE).standing == "counted"
    item.refresh_from_db()
    assert item.state == "done"


def strip(payload):
    """The shape of a payload: keys and kinds, every value gone."""
    if isinstance(payload, dict):
        return {key: strip(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [strip(value) for value in payload]
    return type(payload).__name__


def test_a_rater_cannot_tell_a_test_from_another_item(project, rater, rosa, api, open_item, watch, gold):
    client, root = api(rosa, scope="annotate"), f"/api/v1/projects/{project.slug}"

    def day(chance, **settings):
        """next, draft, renew, flag, submit, look, correct, history: everything that comes back."""
        watch(chance=chance, **settings)
        told = []

        def ask(method, path, body=None):
            response = getattr(client, method)(f"{root}{path}", body, format="json")
            headers = sorted(name for name in response.headers if name not in {"Content-Length", "X-Request-Id"})
            body = response.json() if response.content else {}
            told.append([len(told), response.status_code, headers, strip(body)])
            return body

        lease = ask("post", "/next/")
        token = lease["token"]
        ask("put", f"/leases/{token}/draft/", {"values": TIE, "version": 0})
        ask("post", f"/leases/{token}/renew/")
        ask("post", f"/leases/{token}/flag/", {"reason": "other"})
        done = ask("post", "/annotations/", {"token": token, "values": TIE})
        ask("post", "/annotations/", {"token": token, "values": TIE})
        ask("post", "/annotations/", {"token": token, "values": A_MUCH_BETTER})
        ask("get", f"/annotations/{done['id']}/")
        undone = ask("post", f"/annotations/{done['id']}/retract/")
        done = ask("post", "/annotations/", {"token": undone["token"], "values": TIE})
        key = f"00000000-0000-4000-8000-{done['id']:012}"
        ask("post", f"/annotations/{done['id']}/revise/", {"values": A_MUCH_BETTER, "idempotency_key": key})
        ask("get", "/annotations/mine/")
        told[-1][3] = told[-1][3][0]
        standings = {entry["standing"] for entry in client.get(f"{root}/annotations/mine/").json()}
        return told, standings, Slot.objects.get(annotations__pk=done["id"]).purpose

    for _ in range(3):
        open_item()
    plain, standings, purpose = day(0.99)
    assert (purpose, standings) == ("label", {"counted"})
    gold(TIE), gold(TIE, kind="check")
    for wanted in ("gold_rate", "check_rate"):
        told, standings, purpose = day(0.0, **{wanted: 0.5})
        assert purpose == wanted[:-5], "this was the test"
        assert told == plain and standings == {"counted"}
    Slot.objects.filter(purpose="label").update(leased_at=timezone.now() - timedelta(days=3))
    told, standings, purpose = day(0.0, repeat_rate=0.5)
    assert told == plain and (purpose, standings) == ("repeat", {"counted"})


# Repeats


def test_an_own_earlier_item_comes_again_in_the_opposite_order(project, rater, open_item, watch):
    first, _ = open_item(), open_item()
    watch(chance=0.99, repeat_rate=0.5)
    before = leases.claim(project=project, rater=rater)
    submissions.submit(rater=rater, token=before.token, values=A_MUCH_BETTER)
    watch(repeat_rate=0.5)
    real = leases.claim(project=project, rater=rater)
    assert real.item != before.item, "not before the set time"
    leases.skip(rater=rater, token=real.token, reason="other"), open_item()
    Slot.objects.filter(item=before.item).update(leased_at=timezone.now() - timedelta(hours=49))
    again = leases.claim(project=project, rater=rater)
    assert (again.item, again.display_order) == (before.item, tuple(reversed(before.display_order)))
    submissions.submit(rater=rater, token=again.token, values=A_MUCH_BETTER)
    assert set(Annotation.objects.values_list("standing", flat=True)) == {"counted", "repeat"}
    labels.settle_due()
    assert Label.objects.get().human_count == 1, "a repeat has no vote"
    assert leases.claim(project=project, rater=rater).item not in (before.item, real.item)
    assert first.slots.filter(purpose="repeat").count() + real.item.slots.filter(purpose="repeat").count() <= 1


# Review


def test_a_reviewers_word_settles_and_overwrites_nothing(project, rev, rater, other_rater, open_item, answer):
    item = open_item(humans=2)
    answer(rater), answer(other_rater, A_MUCH_BETTER)
    labels.settle_due()
    word = golds.adjudicate(item=item, by=rev, values=TIE)
    labels.settle_due()
    label = Label.objects.get()
    assert (label.value["choice"], label.confidence, label.annotation_ids) == ("tie", 1.0, [word.pk])
    again = golds.adjudicate(item=item, by=rev, values=A_MUCH_BETTER)
    assert again.revises == word and Annotation.objects.count() == 4
    assert golds.make_gold(item=item, by=rev, trains=True, source="adjudicated").annotation == again
    labels.settle_due()
    assert Label.objects.get().annotation_ids == [again.pk]
