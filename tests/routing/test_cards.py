"""What a judge's card says, against other libraries and against cases whose truth is known; and how it is made."""

import math
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import cohen_kappa_score

from accounts.models import User
from annotation.figures import Share
from annotation.models import Annotation
from common.errors import Conflict
from projects.models import Project
from routing.calibration import Case, Proportion, Sums, Table, Tally
from routing.models import Card, Decision, Judge
from routing.services import cards
from routing.services.judges import create_judge
from tests import factories

OUTCOMES = ["left", "right", "tie", "both_bad"]


def case(judge: str, *people: str, confidence: float | None = None, weight: float = 1.0, **more: Any) -> Case:
    agreed = [float(one == judge) for one in people]
    return Case(agreed, [(judge, one) for one in people], confidence, weight=weight, **more)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(OUTCOMES), st.floats(0, 1), st.floats(0.1, 50)),
        min_size=2,
        max_size=80,
    )
)
def test_kappa_and_the_reliability_curve_are_those_of_scikit_learn(rows: list[tuple[str, str, float, float]]) -> None:
    tally = Tally()
    for judge, person, confidence, weight in rows:
        tally.add(case(judge, person, confidence=confidence, weight=weight))
    judged, said, sure, weights = (list(column) for column in zip(*rows, strict=True))
    for against, weighting in ((tally.plain, None), (tally.weighted, weights)):
        if len({*judged, *said}) > 1 and against.table.kappa is not None:
            theirs = cohen_kappa_score(judged, said, sample_weight=weighting)
            assert against.table.kappa == pytest.approx(theirs, abs=1e-9)
    agreed = np.array([a == b for a, b in zip(judged, said, strict=True)], dtype=int)
    ours = [(one.agreement.share, one.confidence) for one in tally.plain.bins if one.agreement.n]
    theirs = calibration_curve(agreed, sure, n_bins=10, strategy="uniform")
    assert np.allclose(np.array(ours).T, np.array(theirs))
    counts = [one.agreement.n for one in tally.plain.bins if one.agreement.n]
    error = np.average(np.abs(theirs[0] - theirs[1]), weights=counts)
    assert tally.plain.read()["calibration_error"] == pytest.approx(error)
    # Kept between batches, the sums go on as if they had never been put down.
    sums = Sums(fields={"f": tally})
    assert Sums.restored(sums.stored()) == sums


def test_an_interval_counts_items_and_is_wilsons_where_each_has_one_person() -> None:
    single = Proportion()
    for hit in [1.0] * 30 + [0.0] * 10:
        single.add([hit])
    assert single.interval == pytest.approx(Share(30, 40).interval)
    assert Proportion().interval == (0, 1)
    repeated, perfect = Proportion(), Proportion()
    for hit in [1.0] * 30 + [0.0] * 10:
        repeated.add([hit] * 5)  # five people who always say the same are one opinion
        perfect.add([1.0] * 5)
    assert repeated.n == 200 and repeated.interval == pytest.approx(single.interval)
    assert perfect.effective == pytest.approx(40)
    assert Table().kappa is None and Tally().read()["plain"]["agreement"]["share"] is None


def test_inverse_propensity_finds_the_truth_that_routing_hides() -> None:
    """The judge is right of 90 in 100 easy items and 50 in 100 hard ones; people see all hard ones and 5 % of easy."""
    chance, tally, inside = np.random.default_rng(3), Tally(), 0
    rounds = 30
    for _ in range(rounds):
        one = Tally()
        for hard in (False, True):
            for right in chance.random(600) < (0.5 if hard else 0.9):
                asked = 1.0 if hard else 0.05
                if chance.random() < asked:
                    for sums in (tally, one):
                        sums.add(case("left", "left" if right else "right", weight=1 / asked))
        low, high = one.weighted.agreement.interval
        inside += low <= 0.7 <= high
    read = tally.read()
    assert read["biased"] and read["heaviest"] == pytest.approx(20)
    assert read["plain"]["agreement"]["share"] < 0.54
    assert read["weighted"]["agreement"]["share"] == pytest.approx(0.7, abs=0.02)
    assert inside / rounds >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / rounds)


@pytest.fixture
def answered(project: Project, plan: Any, settle: Any) -> Judge:
    """A judge that has answered 24 items; of 12, half of them German, two people have said what they think.

    They agree with the judge on 9 of those, and with each other always. The judge, asked in both orders, is biased for
    neither place.
    """
    judge = create_judge(project=project, name="Sim", kind="simulated", config={"flip": 0, "tie_margin": 0, "seed": 5})
    prompts = [
        factories.PromptFactory(project=project, language="de" if number % 2 else "en", tags={"topic": "bikes"})
        for number in range(24)
    ]
    for number, prompt in enumerate(prompts):
        long = factories.ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": "word " * 90}])
        short = factories.ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": "Brief. Thanks"}])
        factories.ItemFactory(project=project, prompt=prompt, responses=[long, short][:: -1 if number % 3 else 1])
    plan("all_ai", judge=judge)
    settle()
    people = factories.RaterFactory.create_batch(2, project=project)
    for number, call in enumerate(judge.calls.order_by("item")[:12]):
        said = judge.rater.annotations.get(item=call.item).values["preference"]["choice"]
        other = "left" if said == "right" else "right"
        order = list(call.item.item_responses.values_list("response_id", flat=True))
        for person in people:
            choice = said if number < 9 else other
            factories.AnnotationFactory(item=call.item, rater=person, choice=choice, display_order=order)
    return judge


def test_a_card_says_what_the_rows_say(answered: Judge, django_assert_max_num_queries: Any) -> None:
    card = cards.request_card(judge=answered)
    with pytest.raises(Conflict):
        cards.request_card(judge=answered)
    with django_assert_max_num_queries(25):  # a batch takes the same few, whatever it holds
        assert cards.compute_card(card_id=card.pk)
    assert not cards.compute_card(card_id=card.pk)
    card.refresh_from_db()
    assert (card.state, card.done, card.total) == ("ready", 48, 48) and card.finished_at is not None
    (field,) = card.result["fields"]
    agreement, people = field["plain"]["agreement"], field["plain"]["people"]
    assert (field["name"], agreement["n"], agreement["items"], agreement["share"]) == ("preference", 24, 12, 0.75)
    assert (agreement["low"], agreement["high"]) == pytest.approx(Share(9, 12).interval)
    assert (people["n"], people["share"]) == (12, 1.0)
    assert field["longer"]["share"] == 0.0 and field["people_longer"]["share"] == 0.25
    assert field["people_longer"]["n"] == 24 and not field["biased"]
    told = answered.rater.annotations.order_by("item").values_list("values", flat=True)[:12]
    judged = [one["preference"]["choice"] for one in told for _ in range(2)]
    said = [one if place < 18 else {"left": "right", "right": "left"}[one] for place, one in enumerate(judged)]
    assert field["plain"]["kappa"] == pytest.approx(cohen_kappa_score(judged, said))
    slices = {(one["by"], one["value"]): one["n"] for one in field["slices"]}
    assert slices == {("language", "de"): 12, ("language", "en"): 12, ("topic", "bikes"): 24}
    habits = card.result["habits"]
    assert habits["calls"] == 24 and habits["first"]["share"] == 0.5 and habits["contradicted"]["share"] == 0.0
    assert habits["consistent"]["n"] == 0 and habits["refused"]["share"] == 0.0


def test_a_card_weighs_by_the_chance_that_people_were_asked(answered: Judge) -> None:
    """Of the first three items, which the judge got right, people were asked one time in four."""
    given = Annotation.objects.filter(standing="recorded")
    given.filter(rater=given.latest("pk").rater).delete()
    given.update(standing="adjudicated")  # in the project, not in an import: a router has chosen the items
    items = list(answered.calls.order_by("item").values_list("item", flat=True)[:12])
    for place, item in enumerate(items):
        last = Decision.objects.filter(item=item).latest("ordinal")
        Decision.objects.filter(pk=last.pk).update(route="human", asked=0.25 if place < 3 else 1.0)
    card = cards.request_card(judge=answered)
    cards.compute_card(card_id=card.pk)
    card.refresh_from_db()
    (field,) = card.result["fields"]
    assert field["biased"] and field["heaviest"] == 4.0
    assert field["plain"]["agreement"]["share"] == 0.75
    assert field["weighted"]["agreement"]["share"] == pytest.approx((3 * 4 + 6) / (3 * 4 + 9))


def test_a_card_goes_on_where_its_worker_stopped(answered: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "BATCH", 5)
    whole = cards.request_card(judge=answered)
    cards.compute_card(card_id=whole.pk)
    card, batches = cards.request_card(judge=answered), 0
    add = cards.add_answers

    def breaks(*args: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise OSError("the disk is full")
        add(*args)

    monkeypatch.setattr(cards, "add_answers", breaks)
    with pytest.raises(OSError, match="full"):
        cards.compute_card(card_id=card.pk)
    card.refresh_from_db()
    assert (card.state, card.done, card.error) == ("failed", 34, "OSError: the disk is full")
    cards.compute_card(card_id=cards.retry_card(card=card).pk)
    card.refresh_from_db()
    whole.refresh_from_db()
    assert card.state == "ready" and card.result == whole.result and batches == 6
    # A worker that fell silent is replaced, and what it then writes is lost.
    other = cards.request_card(judge=answered)
    Card.objects.filter(pk=other.pk).update(
        state="computing", owner=uuid.uuid4(), heartbeat_at=timezone.now() - timedelta(hours=1), attempt=1
    )
    assert cards.requeue_silent_cards() == 1
    other.refresh_from_db()
    assert other.state == "queued"


def test_pages_of_a_judge_worth_looking_at(
    answered: Judge, browse: Any, api: Any, noor: User, ada: User, project: Project
) -> None:
    address = reverse("routing:judge", args=[project.slug, answered.pk]).rstrip("/")
    desk_address = reverse("routing:desk", args=[project.slug])
    page = browse(noor).get(f"{address}/card/").content.decode()
    assert "has not been computed yet" in page and "Compute the card" not in page
    posted = browse(ada).post(f"{address}/card/new/", follow=True).content.decode()
    assert "Calls and answers read: 0 of 0" in posted and "every 2s" in posted
    cards.compute_card(card_id=answered.cards.get().pk)
    page = browse(noor).get(f"{address}/card/").content.decode()
    for words in ("The judge and a person", "Two people", "75", "Language: de", "not defined", "Habits over all"):
        assert (words in page) == (words != "not defined"), words
    out = api(noor).get(f"/api/v1/projects/{project.slug}/judges/{answered.pk}/cards/").json()["results"]
    assert out[0]["state"] == "ready" and out[0]["result"]["fields"][0]["plain"]["agreement"]["share"] == 0.75
    page = browse(ada).get(f"{address}/planted/").content.decode()
    assert "reads nothing that could talk it" in page and "Put planted cases" not in page
    Judge.objects.filter(pk=answered.pk).update(suspended_at=timezone.now(), suspended_why="It was talked into it.")
    desk = browse(noor).get(desk_address).content.decode()
    assert "Sim is suspended" in desk and "It was talked into it." in desk
    browse(ada).post(f"{address}/lift/")  # of a judge that nothing can persuade an admin may lift it at once
    assert "is suspended" not in browse(noor).get(desk_address).content.decode()
