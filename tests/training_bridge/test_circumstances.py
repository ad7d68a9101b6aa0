"""What a snapshot says of how its pairs were judged: votes, models, language, tags, cohort; and nothing of raters."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotation.models import Annotation, Lane
from corpus.models import Prompt, Response
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge import snapshots as files
from training_bridge.circumstances import flat, votes_for
from training_bridge.models import Snapshot


def lines(var: Path, snapshot: Snapshot, name: str = files.CIRCUMSTANCES) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (var / snapshot.path / name).read_text().splitlines()]


def test_each_pair_has_its_votes_models_language_tags_and_cohort(
    project: Project, frozen: Callable[..., Snapshot], var: Path
) -> None:
    used = {"meta": {"use_recorded": True}}
    doubled, judged, both = (settle(project, votes, **used) for votes in ("RRLT", "ll", "Lr"))
    Lane.objects.create(project=project, number=3, cohort="experts")
    type(doubled.item).objects.filter(pk=doubled.item_id).update(lane=3)
    tags = {"hard": True, "topic": "law", "kinds": ["x", "y"], "off": False, "none": None}
    Prompt.objects.filter(pk=doubled.item.prompt_id).update(language="de", tags=tags)
    Response.objects.filter(pk=doubled.value["right"]).update(model_name="big")
    Response.objects.filter(pk=doubled.value["left"]).update(model_name="small")

    made = frozen()

    rows = lines(var, made)
    pairs = lines(var, made, files.PREFERENCES_JSONL)
    assert [(row["pair_id"], row["split"]) for row in rows] == [(pair["pair_id"], pair["split"]) for pair in pairs]
    first, second, third = (
        next(row for row in rows if row["pair_id"].startswith(f"{label.item_id}-")) for label in (doubled, judged, both)
    )
    assert first["votes"] == [2, 1, 1] and first["source"] == "people"
    assert (first["language"], first["topic"], first["cohort"]) == ("de", "law", "experts")
    assert first["tags"] == [["hard", ""], ["kinds", "x"], ["kinds", "y"], ["topic", "law"]]
    assert first["authors"] == ["big", "small"]
    assert second["votes"] == [0, 0, 0] and second["source"] == "judges" and second["cohort"] == ""
    assert third["votes"] == [1, 0, 0] and third["source"] == "both"
    said = (var / made.path / files.CIRCUMSTANCES).read_text()
    raters = Annotation.objects.values_list("rater__pseudonym", flat=True)
    assert not any(pseudonym in said for pseudonym in raters)


def test_a_reviewers_word_is_no_vote_and_hides_none(
    project: Project, frozen: Callable[..., Snapshot], var: Path
) -> None:
    label = settle(project, "LR", meta={"use_recorded": True})
    word = factories.AnnotationFactory(item=label.item, choice="left", standing=Annotation.Standing.ADJUDICATED)
    label.annotation_ids, label.value = [word.pk], factories.pairwise_value(label.item, "left")
    label.soft = {"left": 1.0}
    label.save()
    (row,) = lines(var, frozen())
    assert row["votes"] == [1, 1, 0]


def test_judgments_that_came_with_an_import_are_told_apart(
    project: Project, frozen: Callable[..., Snapshot], var: Path
) -> None:
    label = settle(project, "LL", meta={"use_recorded": True})
    for annotation in Annotation.objects.filter(item=label.item).select_related("rater"):
        kind, name = "recorded_person", f"worker {annotation.rater_id}"
        type(annotation.rater).objects.filter(pk=annotation.rater_id).update(kind=kind, external_id=name, user=None)
        Annotation.objects.filter(pk=annotation.pk).update(standing=Annotation.Standing.RECORDED, slot=None)
    (row,) = lines(var, frozen())
    assert row["source"] == "import" and row["votes"] == [2, 0, 0]


@pytest.mark.parametrize(
    ("value", "votes"),
    [
        ({"choice": "left", "left": 1, "right": 2, "strength": 1.0}, (1, 0, 0)),
        ({"choice": "right", "left": 1, "right": 2, "strength": 1.0}, (0, 1, 0)),
        ({"choice": "right", "left": 2, "right": 1, "strength": 1.0}, (1, 0, 0)),
        ({"choice": "tie", "left": 1, "right": 2, "strength": 0.0}, (0, 0, 1)),
        ({"choice": "both_bad", "left": 1, "right": 2, "strength": 0.0}, (0, 0, 1)),
        ({"choice": "unsure", "left": 1, "right": 2, "strength": 0.0}, (0, 0, 0)),
        ({"choice": "left", "left": 1, "right": 3, "strength": 1.0}, (0, 0, 0)),
    ],
)
def test_a_vote_is_for_one_of_the_two_or_for_neither(value: dict[str, Any], votes: tuple[int, int, int]) -> None:
    assert votes_for([("pairwise", value)], 1, 2) == votes


def test_of_a_ranking_each_pair_is_a_vote() -> None:
    value = {"tiers": [[7], [5, 9]], "rejected": []}
    assert votes_for([("ranking", value)], 7, 9) == (1, 0, 0)
    assert votes_for([("ranking", value)], 5, 7) == (0, 1, 0)
    assert votes_for([("ranking", value)], 5, 9) == (0, 0, 1)


def test_tags_are_words_and_numbers() -> None:
    assert list(flat({"b": [1, " x ", {"no": 1}], "a": True, "c": "", "d": 0.5})) == [
        ("a", ""), ("b", "1"), ("b", "x"), ("d", "0.5"),
    ]  # fmt: skip
