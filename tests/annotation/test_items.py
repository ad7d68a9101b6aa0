"""From candidates to items, from recorded judgments to annotations, from annotations to labels."""

import gzip
import json
import uuid
from itertools import combinations

import pytest

from annotation import selectors, tasks
from annotation.models import Annotation, Item, Label, Pace, Rater, Slot
from annotation.services import items, labels, leases, pace, recorded, submissions
from corpus.models import Candidate, Import, Prompt, Response
from tests.annotation.conftest import A_MUCH_BETTER, TIE
from tests.factories import CandidateFactory, ImportFactory, ResponseFactory

pytestmark = pytest.mark.django_db


def candidate(project, *said, meta=None, **kwargs):
    """A candidate with judgments: (annotator, kind, choice) each, on its two responses."""
    made = CandidateFactory(project=project, meta=meta or {}, **kwargs)
    left, right = (Response.objects.get(pk=pk).external_id for pk in made.response_ids[:2])
    made.feedback = [
        {"annotator": who, "annotator_kind": kind, "kind": "comparison", "left": left, "right": right, "choice": choice}
        for who, kind, choice in said
    ]
    made.save()
    return made


def test_candidates_become_items_once(project, form):
    source = ImportFactory(project=project, state=Import.State.STORED)
    made = [
        candidate(
            project, ("p1", "human", "left"), ("gpt", "ai", "tie"), source=source, meta={"round": 2, "priority": 9}
        )
        for _ in range(5)
    ]
    assert items.take_candidates(limit=2) == 2
    source.refresh_from_db()
    assert source.state == "stored"
    assert [items.take_candidates(limit=2) for _ in range(3)] == [2, 1, 0]
    source.refresh_from_db()
    assert (source.state, source.new_items, source.new_annotations) == ("succeeded", 5, 10)
    item = Item.objects.get(candidate=made[0])
    assert (item.state, item.round, item.priority, item.external_id) == ("new", 2, 9, made[0].external_id)
    assert [row.response_id for row in item.item_responses.all()] == made[0].response_ids
    assert sorted(Rater.objects.values_list("kind", "external_id")) == [
        ("recorded_judge", "gpt"),
        ("recorded_person", "p1"),
    ]
    said = item.annotations.get(rater__external_id="p1")
    assert (said.standing, said.form_version, said.slot) == ("recorded", form, None)
    assert said.values["preference"]["choice"] == "left"


def test_killed_in_the_middle_nothing_is_half_taken(project, monkeypatch):
    made = candidate(project, ("p1", "human", "left"))

    def die(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(recorded.RecordedAnnotations, "of", die)
        items.take_candidates()
    made.refresh_from_db()
    assert made.taken_at is None and not Item.objects.exists()
    assert items.take_candidates() == 1 and Annotation.objects.count() == 1


def test_a_candidate_that_the_form_cannot_ask_about_is_withdrawn_and_says_why(project):
    made = CandidateFactory(project=project, responses=3)
    items.take_candidates()
    item = Item.objects.get(candidate=made)
    assert item.state == "void" and "two responses" in item.meta["void_reason"]


def test_an_id_that_is_taken_adds_nothing(project):
    first = CandidateFactory(project=project, external_id="a")
    items.take_candidates()
    Item.objects.update(candidate=None)
    first.delete()
    CandidateFactory(project=project, external_id="a")
    assert items.take_candidates() == 1
    assert Item.objects.count() == 1 and not Candidate.objects.filter(taken_at=None).exists()


def test_the_task_takes_all_there_is_and_rings_again_for_more(project, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.take_candidates, "delay", lambda *args: rung.append(args))
    monkeypatch.setattr(items.take_candidates, "__kwdefaults__", {"project_id": None, "limit": 1})
    CandidateFactory.create_batch(12, project=project)
    tasks.take_candidates()
    assert (Item.objects.count(), rung) == (10, [(None,)])
    tasks.take_candidates()
    assert (Item.objects.count(), len(rung)) == (12, 1)


@pytest.mark.parametrize("use_recorded", [True, False, None])
def test_recorded_judgments_count_only_where_the_import_says_so(project, use_recorded):
    made = candidate(project, ("p1", "human", "left"), ("p2", "human", "unsure"), meta={"use_recorded": use_recorded})
    items.take_candidates()
    labels.settle_due()
    found = Label.objects.filter(item__candidate=made).first()
    if use_recorded is not True:
        assert found is None
        return
    assert (found.value["choice"], found.confidence, found.human_count) == ("left", 1.0, 1)
    assert len(found.annotation_ids) == 1, "a verdict that cannot be used has no vote"


def test_labels_follow_the_judgments(project, rater, other_rater, open_item, answer):
    item = open_item(humans=2)
    first = answer(rater).annotation
    assert labels.settle_due() == 1 and labels.settle_due() == 0
    label = Label.objects.get()
    assert (label.confidence, label.annotation_ids) == (1.0, [first.pk])
    answer(other_rater, TIE)
    labels.settle_due()
    label.refresh_from_db()
    assert (label.value["choice"], label.confidence, label.soft["tie"]) == ("split", 0.5, 0.5)
    done = submissions.revise(rater=rater, annotation=first, values=TIE, idempotency_key=uuid.uuid4())
    labels.settle_due()
    label.refresh_from_db()
    assert (label.value["choice"], label.human_count) == ("tie", 2)
    assert first.pk not in label.annotation_ids and done.annotation.pk in label.annotation_ids
    Annotation.objects.filter(item=item).update(retracted_at=done.annotation.submitted_at)
    assert labels.settle(item=item) == [], "no judgment stands: no label"


def test_extras_never_count(project, rater, other_rater, open_item, claim):
    item = open_item()
    lost = claim(rater)
    Slot.objects.update(leased_until="2020-01-01T00:00Z")
    taken = claim(other_rater)
    submissions.submit(rater=rater, token=lost.token, values=A_MUCH_BETTER, as_extra=True)
    submissions.submit(rater=other_rater, token=taken.token, values=TIE)
    assert labels.settle(item=item)[0].value["choice"] == "tie"


def test_a_lease_lasts_three_times_the_median(project, rater, open_item, claim):
    def seconds():
        lease = claim(rater)
        return round((lease.leased_until - Slot.objects.get(pk=lease.slot_id).leased_at).total_seconds(), -1)

    for _ in range(7):
        open_item()
    assert seconds() == leases.FIRST_LEASE_SECONDS
    for active_ms in (1000, 100_000, 200_000, 300_000, 3_600_000):
        submissions.submit(rater=rater, token=claim(rater).token, values=TIE, active_ms=active_ms)
    assert pace.measure_all() == 1 and Pace.objects.get().median_active_ms == 200_000
    assert seconds() == 600
    project.lease_seconds_max = 300
    assert leases.lease_seconds(project, 200_000) == 300
    assert leases.lease_seconds(project, 1) == project.lease_seconds_min


def test_people_of_pandalm_agree_as_published(project, shared_data):
    """Pairs of the three annotators agree on .91 to .93 of the 999 items, through the product's own tables."""
    with gzip.open(shared_data("pandalm") / "testset-v1.json.gz", "rt") as file:
        rows = json.load(file)
    verdict = {0: "tie", 1: "left", 2: "right"}
    prompt = Prompt.objects.create(project=project, external_id="p", group="p", messages=[])
    two = [ResponseFactory(prompt=prompt) for _ in range(2)]
    pair = {"kind": "comparison", "annotator_kind": "human", "left": two[0].external_id, "right": two[1].external_id}
    Candidate.objects.bulk_create(
        Candidate(
            project=project,
            external_id=str(row["idx"]),
            prompt=prompt,
            response_ids=[response.pk for response in two],
            feedback=[pair | {"annotator": f"p{n}", "choice": verdict[row[f"annotator{n}"]]} for n in (1, 2, 3)],
        )
        for row in rows
    )
    while items.take_candidates():
        pass
    (found,) = selectors.agreement(project=project)
    by_hand = [
        sum(row[f"annotator{a}"] == row[f"annotator{b}"] for row in rows) / 999 for a, b in combinations((1, 2, 3), 2)
    ]
    assert sorted(pair.raw for pair in found.pairs) == pytest.approx(sorted(by_hand))
    assert found.items == 999 and all(0.905 < pair.raw < 0.935 and pair.items == 999 for pair in found.pairs)
    assert 0.8 < found.alpha < found.raw
