"""Soft labels of real rows: whose votes count, what stands beside the pairs, what page, API and run say of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Annotation, GoldResult, Item, Label, Rater, Slot
from annotation.protocols import default_config
from annotation.services import labels
from annotation.services.known_answers import store_gold
from common import claims
from common.claims import Hold
from corpus.models import Response
from projects.models import Project
from tests import factories
from training_bridge import selectors, soft_labels
from training_bridge import snapshots as files
from training_bridge.models import Snapshot
from training_bridge.services import start_run

Frozen = Callable[..., Snapshot]
SIDES = {"L": "left", "R": "right", "T": "tie", "B": "both_bad"}


class Crowd:
    """Raters of a project by a letter, upper case for people, lower case for judges, and what they say of items."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.raters: dict[str, Rater] = {}

    def rater(self, name: str) -> Rater:
        if name not in self.raters:
            kind = {} if name.isupper() else {"kind": "judge"}
            self.raters[name] = factories.RaterFactory(project=self.project, pseudonym=f"rater {name}", **kind)
        return self.raters[name]

    def say(self, votes: str, item: Item | None = None, **more: Any) -> Item:
        """`say("AL BR cL")`: an item on which A says left, B right, and judge c left; its label settled."""
        made = item or factories.ItemFactory(project=self.project, state="done", meta={"use_recorded": True}, **more)
        for name, said in (word for word in votes.split()):
            factories.AnnotationFactory(item=made, rater=self.rater(name), choice=SIDES[said])
        labels.settle(item=made)
        return made


@pytest.fixture
def crowd(project: Project) -> Crowd:
    return Crowd(project)


def rows(var: Path, made: Snapshot) -> dict[int, dict[str, Any]]:
    found = pq.read_table(var / made.path / files.PREFERENCES).to_pylist()
    return {row["item_id"]: row for row in found}


def lines(var: Path, made: Snapshot, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (var / made.path / name).read_text().splitlines()]


def p_left(row: dict[str, Any], item: Item) -> float:
    left = item.item_responses.get(ordinal=0).response_id
    return float(row["soft"] if row["chosen_id"] == left else 1 - row["soft"])


def test_by_default_votes_count_by_reliability_and_labels_weigh_by_confidence(
    crowd: Crowd, frozen: Frozen, var: Path
) -> None:
    """A and B agree with each other, C says whatever: where A and B stand alone against C twice, C has no half."""
    for number in range(24):
        side, other = ("L", "R") if number % 2 else ("R", "L")
        crowd.say(f"A{side} B{side} C{other if number % 3 else side}")
    torn = crowd.say("AL CR")
    made = frozen(soft_labels="", test_fraction=0, ties="keep")
    assert made.derivation["soft_labels"] == "dawid_skene" and made.derivation["version"] == 2
    assert made.derivation["settings"]["smoothing"] == 20.0
    found = rows(var, made)
    assert p_left(found[torn.pk], torn) > 0.6 and all(row["weight"] == row["confidence"] for row in found.values())
    assert found[torn.pk]["confidence"] < 1
    equal = rows(var, frozen(weights="equal", ties="keep"))
    assert {row["weight"] for row in equal.values()} == {1.0} and p_left(equal[torn.pk], torn) == 0.5
    raters = {row["rater"]: row for row in lines(var, made, files.RATERS)}
    assert set(raters) == {"rater A", "rater B", "rater C"} and raters["rater A"]["votes"] == 25
    assert raters["rater C"]["high"] < raters["rater A"]["low"] and raters["rater A"]["kind"] == "person"
    assert set(raters["rater A"]["confusion"][""]) == {"left", "right", "tie", "both_bad"}
    manifest = json.loads((var / made.path / files.MANIFEST).read_text())
    assert manifest["soft_labels"][""]["votes"] == 74 and manifest["soft_labels"][""]["converged"] is True
    assert manifest["files"][files.RATERS]["rows"] == 3


def test_people_go_before_judges_who_are_measured_by_them(crowd: Crowd, frozen: Frozen, var: Path) -> None:
    """Three judges say the same; people contradict them on one item in four of those that both have judged."""
    both = [crowd.say("AL BL cL dL eL" if number % 4 else "AR BR cL dL eL") for number in range(40)]
    alone = [crowd.say("cL dL eL") for _ in range(5)]
    for name in ("vote_share", "dawid_skene", "one_coin", "weighted_vote"):
        made = frozen(soft_labels=name, test_fraction=0)
        found = rows(var, made)
        assert {p_left(found[item.pk], item) > 0.5 for item in both[1:4]} == {True}
        assert p_left(found[both[0].pk], both[0]) < 0.05 and found[both[0].pk]["source"] == "human"
        judged = found[alone[0].pk]
        assert judged["source"] == "judge"
        raters = {row["rater"]: row for row in lines(var, made, files.RATERS)}
        assert raters["rater c"]["reliability"] == pytest.approx(0.75, abs=0.01)
        assert raters["rater c"]["votes"] == 5 and raters["rater c"]["measured_by"] == 40
        if name == "dawid_skene":
            assert p_left(judged, alone[0]) == pytest.approx(0.75, abs=0.06), "as sure as one judge is reliable"


def test_judges_whom_nobody_has_checked_are_not_measured(crowd: Crowd, frozen: Frozen, var: Path) -> None:
    for _ in range(6):
        crowd.say("cL dL eR")
    made = frozen(soft_labels="dawid_skene", test_fraction=0)
    assert {row["reliability"] for row in lines(var, made, files.RATERS)} == {None}
    assert {row["soft"] for row in rows(var, made).values()} != {1.0}


def test_a_reviewers_word_is_the_answer_and_tells_who_was_right(crowd: Crowd, frozen: Frozen, var: Path) -> None:
    for _ in range(8):
        item = crowd.say("AL BR")
        factories.AnnotationFactory(item=item, rater=crowd.rater("V"), choice="right", standing="adjudicated")
        labels.settle(item=item)
    torn = crowd.say("AL BR")
    made = frozen(soft_labels="dawid_skene", test_fraction=0, ties="keep")
    found = rows(var, made)
    assert (found[item.pk]["soft"], found[item.pk]["confidence"]) == (1.0, 1.0)
    assert p_left(found[torn.pk], torn) < 0.35
    raters = {row["rater"]: row for row in lines(var, made, files.RATERS)}
    assert raters["rater A"]["reliability"] < 0.3 < 0.7 < raters["rater B"]["reliability"] and "rater V" not in raters


def test_answers_to_gold_items_count_for_reliability_and_make_no_pairs(crowd: Crowd, frozen: Frozen, var: Path) -> None:
    for _ in range(12):
        item = factories.ItemFactory(project=crowd.project, state="done")
        known = factories.AnnotationFactory(item=item, rater=crowd.rater("V"), standing="adjudicated")
        gold = store_gold(item=item, annotation=known, by=None, source="hand")
        for name, choice in (("A", "left"), ("B", "right")):
            rater = crowd.rater(name)
            slot = factories.SlotFactory.leased(item=item, rater=rater, purpose="gold")
            Slot.objects.filter(pk=slot.pk).update(state="done", leased_until=None)
            said = factories.AnnotationFactory(item=item, rater=rater, slot=slot, choice=choice, standing="test")
            result = {"purpose": "gold", "distance": choice != "left", "passed": choice == "left"}
            GoldResult.objects.create(slot=slot, gold=gold, rater=rater, annotation=said, **result)
    torn = crowd.say("AL BR")
    for name in ("dawid_skene", "one_coin", "weighted_vote"):
        made = frozen(soft_labels=name, test_fraction=0, ties="keep")
        assert made.counts["labels"] == 1 and p_left(rows(var, made)[torn.pk], torn) > 0.6
        raters = {row["rater"]: row for row in lines(var, made, files.RATERS)}
        assert raters["rater A"]["reliability"] > 0.8 > 0.2 > raters["rater B"]["reliability"]
        assert raters["rater A"]["votes"] == 1


def test_rankings_are_derived_pair_by_pair(project: Project, crowd: Crowd, frozen: Frozen, var: Path) -> None:
    """Two careful raters and a careless one; a torn pair goes with the careful."""
    asked = {"name": "order", "protocol": "ranking", "config": default_config("ranking"), "required": True}
    form = factories.FormVersionFactory(project=project, fields=[asked])

    def rank(votes: dict[str, tuple[int, ...]]) -> Item:
        item = factories.ItemFactory(project=project, responses=3, state="done", meta={"use_recorded": True})
        ids = list(item.item_responses.values_list("response_id", flat=True))
        for name, order in votes.items():
            value = {"tiers": [[ids[place]] for place in order], "rejected": []}
            factories.AnnotationFactory(item=item, rater=crowd.rater(name), values={"order": value}, form_version=form)
        labels.settle(item=item)
        return item

    for number in range(12):
        order = ((0, 1, 2), (2, 0, 1), (1, 2, 0))[number % 3]
        rank({"A": order, "B": order, "C": ((2, 1, 0), (0, 1, 2), (0, 2, 1))[number % 3]})
    torn = rank({"A": (0, 1, 2), "C": (2, 1, 0)})
    ids = list(torn.item_responses.values_list("response_id", flat=True))
    for name in ("dawid_skene", "bradley_terry"):
        made = frozen(field="order", rule="majority_each", soft_labels=name, test_fraction=0)
        every = pq.read_table(var / made.path / files.PREFERENCES).to_pylist()
        found = [row for row in every if row["item_id"] == torn.pk]
        assert len(lines(var, made, files.RATERS)) == 3
        if name == "dawid_skene":
            pairs = [(row["chosen_id"], row["rejected_id"]) for row in found]
            assert pairs == [(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])]
            assert all(0.6 < row["soft"] < 1 for row in found)


def test_models_are_compared_with_intervals(
    crowd: Crowd, frozen: Frozen, noor: User, browse: Callable[..., Client], var: Path
) -> None:
    for number in range(30):
        item = factories.ItemFactory(project=crowd.project, state="done", meta={"use_recorded": True})
        for place, row in enumerate(item.item_responses.select_related("response")):
            Response.objects.filter(pk=row.response_id).update(model_name=("strong", "weak")[place])
        crowd.say("AL BL" if number % 5 else "AR BR", item)
    made = frozen(soft_labels="bradley_terry", settings={"of": "models"}, test_fraction=0)
    strong, weak = lines(var, made, files.STRENGTHS)
    assert (strong["name"], weak["name"]) == ("strong", "weak") and strong["logit"] == -weak["logit"]
    assert strong["low"] < strong["share"] < strong["high"] and strong["comparisons"] == 60
    page = browse(noor).get(reverse("training_bridge:snapshot", args=[crowd.project.slug, made.number])).text
    assert "How often each model beats the average one" in page and ">strong<" in page
    # Every label now says what the two models are worth: 4 in 5.
    assert {round(row["soft"], 1) for row in rows(var, made).values()} == {0.8}


def test_a_label_that_changes_meanwhile_is_left_out_and_counted(
    crowd: Crowd, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = crowd.say("AL BL"), crowd.say("AL BL")
    read = soft_labels.read_votes

    def settled_meanwhile(**given: Any) -> Any:
        found = read(**given)
        crowd.say("CR", second)
        return found

    monkeypatch.setattr(soft_labels, "read_votes", settled_meanwhile)
    made = frozen(test_fraction=0)
    assert made.counts["dropped"] == {"changed": 1} and made.counts["pairs"] == 1
    assert Label.objects.get(item=first).annotation_ids != Label.objects.get(item=second).annotation_ids


def test_votes_are_read_in_a_few_queries_a_batch(crowd: Crowd, frozen: Frozen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 1e9)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert frozen(soft_labels="dawid_skene").state == "ready"
        return len(asked)

    for _ in range(3):
        crowd.say("AL BL cR")
    few = queries()
    for _ in range(12):
        crowd.say("AL BR CL dR")
    assert queries() == few


def test_what_a_worker_does_is_told_and_a_fault_is_a_named_failure(
    crowd: Crowd, frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd.say("AL BL")
    told: list[str] = []
    beat = Hold.beat

    def listen(hold: Hold[Any], **columns: Any) -> None:
        told.append(columns["phase"])
        hold.written_at = 0.0
        beat(hold, **columns)

    monkeypatch.setattr(Hold, "beat", listen)
    made = frozen(soft_labels="dawid_skene")
    assert [words.partition(":")[0] for words in told[:2]] == [
        "Reading votes", "Computing soft labels by Dawid–Skene, full confusion",
    ]  # fmt: skip
    assert any(words.startswith("Writing pairs") for words in told) and made.state == "ready" and made.phase == ""
    Annotation.objects.update(values={"preference": {"choice": "unsure"}})
    empty = frozen(soft_labels="bradley_terry", field="nothing")
    assert empty.state == "failed" and "no label" in empty.error and empty.phase == ""


def test_page_and_api_show_the_raters_and_a_run_says_what_it_trains_on(
    crowd: Crowd, frozen: Frozen, noor: User, rosa: User, browse: Any, api: Callable[..., APIClient], var: Path
) -> None:
    project = crowd.project
    for _ in range(6):
        crowd.say("AL BL CR")
    made = frozen(soft_labels="one_coin", test_fraction=0)
    page = reverse("training_bridge:snapshot", args=[project.slug, made.number])
    with CaptureQueriesContext(connection) as asked:
        text = browse(noor).get(page).content.decode()
    assert len(asked) <= 20
    assert "rater A" in text and 'class="whisker"' in text and "Dawid–Skene, one coin, version 2" in text
    assert "%%" not in text and "<dt>Settings</dt>" not in text and "<dt>Smoothing</dt><dd>20.0</dd>" in text
    assert "strengths.jsonl" not in text, "offered though empty"
    assert "raters.jsonl" in text and browse(rosa).get(page).status_code == 404
    client = api(noor)
    found = client.get(reverse("training_bridge-api:snapshot_raters", args=[project.slug, made.number])).json()
    assert found["count"] == 3 and found["results"] == lines(var, made, files.RATERS)
    empty = client.get(reverse("training_bridge-api:snapshot_strengths", args=[project.slug, made.number])).json()
    assert empty["count"] == 0
    known = client.get(reverse("training_bridge-api:derivations", args=[project.slug])).json()
    assert {one["key"] for one in known} == {one.key for one in selectors.derivations()}
    assert "smoothing" in next(one for one in known if one["key"] == "dawid_skene")["settings"]["properties"]
    base = factories.ModelVersionFactory(project=project)
    for method, config, labels_ in [
        ("reward_model", {}, {"soft_labels": "one_coin", "version": 2, "weights": "confidence"}),
        (
            "reward_model",
            {"use_soft_labels": False, "use_weights": False},
            {"soft_labels": None, "version": None, "weights": None},
        ),
        ("reward_ranking", {}, {"soft_labels": None, "version": None, "weights": "confidence"}),
    ]:
        run = start_run(project=project, method=method, snapshot=made, base=base, config=config)
        told = client.get(reverse("training_bridge-api:run", args=[project.slug, run.pk])).json()
        assert told["labels"] == labels_
        shown = browse(noor).get(reverse("training_bridge:run", args=[project.slug, run.pk])).content.decode()
        softly = labels_["soft_labels"] is not None
        assert ("Dawid–Skene, one coin, version 2" in shown) == softly
        assert ("not used: the winner alone" in shown) == (not softly)
    changed = var / made.path / files.RATERS
    changed.chmod(0o600)
    changed.write_bytes(b"{}\n")
    assert "is not what was stored" in browse(noor).get(page).content.decode()
    path = reverse("training_bridge-api:snapshot_raters", args=[project.slug, made.number])
    assert client.get(path).status_code == 409


def test_the_form_asks_for_the_settings_of_what_is_chosen(
    crowd: Crowd, noor: User, browse: Callable[..., Client]
) -> None:
    crowd.say("AL BL")
    page, client = reverse("training_bridge:snapshot_new", args=[crowd.project.slug]), browse(noor)
    plain = client.get(page).context["form"]
    assert plain["soft_labels"].value() == "dawid_skene" and "smoothing" in plain.fields
    assert not {"version", "settings"} & set(plain.fields)
    chosen = client.get(page, {"soft_labels": "bradley_terry", "name": "mine"}).context["form"]
    assert {"of", "prior_sd"} <= set(chosen.fields) and "smoothing" not in chosen.fields
    assert chosen["name"].value() == "mine"
    sent = {name: chosen[name].value() for name in chosen.fields if chosen[name].value() not in (None, "", [])}
    wrong = client.post(page, sent | {"prior_sd": "-1"})
    assert wrong.status_code == 422 and wrong.context["form"].errors.keys() == {"prior_sd"}
    assert client.post(page, sent | {"of": "models"}).status_code == 302
    made = Snapshot.objects.get()
    assert made.derivation["settings"] == {"of": "models", "prior_sd": 3.0}
    nonsense = client.post(page, sent | {"soft_labels": "nonsense"})
    assert nonsense.status_code == 422 and "soft_labels" in nonsense.context["form"].errors
