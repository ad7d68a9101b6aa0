"""Whom an item is for: lanes, overlap, and how much one rater may do."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.models import Annotation, Item, Lane, Rater, Slot
from annotation.services import items, lanes
from annotation.watch import overlap_of
from projects.models import Membership
from tests.annotation.conftest import work_off
from tests.factories import ItemFactory

pytestmark = pytest.mark.django_db


def member(rater: Rater, **fields) -> None:
    Membership.objects.filter(project=rater.project, user=rater.user).update(**fields)


def in_lane(item: Item, **wanted) -> Item:
    number = lanes.number_of(project=item.project, wanted=lanes.Wanted(**wanted))
    Item.objects.filter(pk=item.pk).update(lane=number)
    Slot.objects.filter(item=item).update(lane=number)
    return item


def test_an_item_goes_to_those_who_read_its_language_take_its_topic_and_are_of_its_cohort(
    project, rater, other_rater, open_item
):
    german, medicine, experts, anybody = (open_item(humans=2) for _ in range(4))
    in_lane(german, language="de"), in_lane(medicine, topic="medicine"), in_lane(experts, cohort="experts")
    member(rater, languages=["en"], topics=["law"])
    assert work_off(project, rater) == [anybody]
    member(rater, languages=["de-AT"], topics=[])
    assert set(work_off(project, rater)) == {german, medicine}
    member(rater, cohort="experts")
    assert work_off(project, rater) == [experts]
    assert set(work_off(project, other_rater)) == {german, medicine, anybody}, "none named stands for all"


def test_priority_and_the_stored_order_hold_across_lanes(project, rater, open_item):
    made = [open_item() for _ in range(6)]
    for number, item in enumerate(made):
        in_lane(item, language="de" if number % 2 else "en")
        Slot.objects.filter(item=item).update(priority=number // 2, random_key=number)
    member(rater, languages=["de", "en"])
    assert work_off(project, rater) == [made[n] for n in (4, 5, 2, 3, 0, 1)]


def test_lanes_come_from_the_import(project):
    from corpus.models import Candidate
    from tests.factories import CandidateFactory

    for number, (language, tags, cohort) in enumerate(
        [("de", {"topic": "law"}, ""), ("de", {"topic": "law"}, "experts"), ("", {}, ""), ("de", {"law": True}, "")]
    ):
        made = CandidateFactory(project=project, external_id=f"c{number}", meta={"cohort": cohort} if cohort else {})
        type(made.prompt).objects.filter(pk=made.prompt_id).update(language=language, tags=tags)
    assert items.take_candidates() == Candidate.objects.count() == 4
    found = dict(Item.objects.values_list("external_id", "lane"))
    assert found["c0"] == found["c3"] != found["c1"] and found["c2"] == 0
    assert str(Lane.objects.get(number=found["c1"])) == "de · law · experts"


def test_more_lanes_than_can_be_looked_through_keep_the_cohort(project, monkeypatch):
    monkeypatch.setattr(lanes, "LIMIT", 2)
    numbers = [lanes.number_of(project=project, wanted=lanes.Wanted(topic=t, cohort="x")) for t in "abcd"]
    assert len(set(numbers)) == 3 and numbers[2] == numbers[3]
    assert Lane.objects.get(number=numbers[3]).cohort == "x"


def test_overlap_is_the_items_own_or_the_shares_or_the_projects(project):
    item = ItemFactory(project=project, random_key=2**30)
    project.quality = {"share": 0.4, "share_overlap": 5}
    assert overlap_of(project, item) == 1
    project.quality = {"share": 0.6, "share_overlap": 5}
    assert overlap_of(project, item) == 5
    item.overlap = 2
    assert overlap_of(project, item) == 2


def test_caps(project, rater, open_item, watch, answer):
    for _ in range(5):
        open_item()
    watch(cap_total=3, cap_day=2)
    assert len(work_off(project, rater)) == 2
    Annotation.objects.update(submitted_at=timezone.now() - timedelta(days=1))
    assert len(work_off(project, rater)) == 1, "the day is another, the total stands"
    watch(cap_total=4)
    assert len(work_off(project, rater)) == 1
