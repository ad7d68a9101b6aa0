"""What judgments teach beside pairs: frozen with the snapshot, read by methods, and asked for where it is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from annotation.models import Annotation, Item
from annotation.protocols import default_config
from annotation.services import labels
from common.errors import Invalid
from corpus.models import ModelVersion, Response
from projects.models import Project
from tests import factories
from tests.training_bridge.conftest import settle
from training_bridge import lessons
from training_bridge.derivations.settings import Derivation
from training_bridge.methods import METHODS
from training_bridge.models import Snapshot
from training_bridge.services import start_run
from training_bridge.trainer.judged import read_snapshot

FORMS = {"preference": "pairwise", "like": "thumbs", "grade": "rating", "faults": "spans", "better": "edit"}


def judge(project: Project, people: int = 2) -> tuple[Item, Response]:
    """An item of a form that asks everything: `people` agree on all but the second thumb. And what they made of it."""
    fields = [
        {"name": name, "protocol": key, "title": name, "config": default_config(key)} for name, key in FORMS.items()
    ]
    form = factories.FormVersionFactory(project=project, number=project.form_versions.count() + 7, fields=fields)
    item = factories.ItemFactory(project=project)
    left, right = item.item_responses.order_by("ordinal").values_list("response_id", flat=True)
    written = factories.ResponseFactory(prompt=item.prompt)
    for number in range(people):
        values: dict[str, Any] = {
            "preference": factories.pairwise_value(item, "right") | {"rationale": f"Plainer, says {number}."},
            "like": {str(left): {"value": "down"}, str(right): {"value": "up" if number else "neutral"}},
            "grade": {
                "scores": {str(left): {"overall": 1, "tone": None}, str(right): {"overall": 4 + number, "tone": 3}},
                "scales": {key: {"min": 1, "max": 5} for key in ("overall", "tone")},
            },
            "faults": {
                "spans": [
                    {
                        "target": {"response": left},
                        "segments": [{"start": 2, "end": 5}],
                        "quote": "x",
                        "category": "false",
                    }
                ],
                # Both were there to be read for faults.
                "sha256": {f"response:{left}": "…", f"response:{right}": "…"},
            },
            "better": {"base": left, "response": written.pk, "text": "…"},
        }
        factories.AnnotationFactory(item=item, form_version=form, values=values)
    Item.objects.filter(pk=item.pk).update(label_due=True, meta={"use_recorded": True})
    labels.settle_due()
    return item, written


def rows(project: Project, **derivation: Any) -> list[dict[str, Any]]:
    return list(lessons.rows(project.pk, Derivation(**derivation), lambda: None))


def test_every_form_of_feedback_teaches_what_it_holds(project: Project) -> None:
    item, written = judge(project)
    left, right = item.item_responses.order_by("ordinal").values_list("response_id", flat=True)
    (row,) = rows(project, test_fraction=0, weights="equal")
    assert row["split"] == "train" and row["source"] == "human" and row["prompt"] == item.prompt.messages
    assert {one["id"] for one in row["responses"]} == {left, right, written.pk}
    assert row["thumbs"] == [
        {"response_id": left, "soft": 0.0, "weight": 1.0},
        {"response_id": right, "soft": 0.75, "weight": 1.0},
    ]
    assert row["scores"] == [
        {"response_id": left, "aspect": "overall", "value": 0.0, "weight": 1.0},
        {"response_id": right, "aspect": "overall", "value": 0.875, "weight": 1.0},
        {"response_id": right, "aspect": "tone", "value": 0.5, "weight": 1.0},
    ]
    assert row["spans"] == [{"response_id": left, "start": 2, "end": 5, "category": "false"}]
    assert row["marked"] == [left, right]
    assert row["texts"] == [{"response_id": written.pk, "weight": 1.0}]
    assert row["rationales"] == [{"chosen_id": right, "rejected_id": left, "text": "Plainer, says 0."}]


def test_nothing_is_taught_by_the_withdrawn_the_retracted_or_sources_not_asked_for(project: Project) -> None:
    item, _written = judge(project)
    assert rows(project, sources="judge") == [] and len(rows(project, sources="human")) == 1
    assert rows(project, rounds=[9]) == []
    Item.objects.filter(pk=item.pk).update(state="void")
    assert rows(project) == []
    Item.objects.filter(pk=item.pk).update(state="new")
    Annotation.objects.update(retracted_at="2025-01-01T00:00:00Z")
    assert rows(project) == []


def test_reasons_are_for_what_most_preferred_and_of_the_field_of_the_pairs(project: Project) -> None:
    item, _written = judge(project, people=3)
    first, *others = Annotation.objects.filter(item=item).order_by("pk")
    assert rows(project, field="faults")[0].get("rationales") is None
    for one in others:
        one.values["preference"] = factories.pairwise_value(item, "left")
        one.save(update_fields=["values"])
    assert "rationales" not in rows(project)[0], "a reason against what the pair says"
    first.values["preference"] = factories.pairwise_value(item, "left") | {"rationale": " Shorter. "}
    first.save(update_fields=["values"])
    (why,) = rows(project)[0]["rationales"]
    assert why["text"] == "Shorter." and why["chosen_id"] == first.values["preference"]["left"]


def test_more_items_ask_no_more_queries(project: Project) -> None:
    judge(project)
    with CaptureQueriesContext(
        connection,
    ) as one:
        rows(project)
    judge(project)
    judge(project)
    with CaptureQueriesContext(connection) as three:
        assert len(rows(project)) == 3
    assert len(three) == len(one)


def test_a_frozen_snapshot_is_read_back_as_it_was_judged(project: Project, frozen: Any, var: Path) -> None:
    judge(project)
    made = frozen(test_fraction=0)
    assert made.state == "ready", made.error
    assert made.counts["lessons"] == {"thumbs": 2, "scores": 3, "marked": 2, "texts": 1, "rationales": 1}
    manifest = json.loads((var / made.path / "manifest.json").read_text())
    assert manifest["files"]["lessons.jsonl"]["rows"] == 1
    (judged,) = read_snapshot(var / made.path, "train")
    assert len(judged.responses) == 3 and len(judged.relations) == 1
    (relation,), (why,) = judged.relations, judged.rationales
    assert (why.better, why.worse) == (relation.better, relation.worse)
    assert [round(thumb.soft, 2) for thumb in judged.thumbs] == [0.0, 0.75]
    assert read_snapshot(var / made.path, "test") == []


def test_whoever_starts_a_run_sees_what_a_snapshot_teaches(
    project: Project, frozen: Any, noor: User, browse: Callable[[User], Client]
) -> None:
    judge(project)
    made = frozen(test_fraction=0)
    browser = browse(noor)
    page = browser.get(reverse("training_bridge:snapshot", args=[project.slug, made.number])).content.decode()
    assert "Beside the pairs" in page and "Texts that people wrote or mended" in page
    page = browser.get(reverse("training_bridge:run_choose", args=[project.slug])).content.decode()
    assert "Learns from: thumbs or pairs of responses." in page
    assert page.count('class="panel"') == len(METHODS)
    page = browser.get(reverse("training_bridge:run_new", args=[project.slug, "kto"])).content.decode()
    assert "1 train, 0 test pairs, 2 thumbs, 3 scores by aspect" in page


def test_marks_alone_make_a_snapshot(project: Project, frozen: Any) -> None:
    judge(project)
    made = frozen(field="faults", test_fraction=0)
    assert made.state == "ready" and made.counts["pairs"] == 0 and made.counts["lessons"]["marked"] == 2


@pytest.mark.parametrize(
    ("method", "missing", "form"),
    [
        ("kto", "", ""),
        ("rationale_dpo", "reasons for a preference", "“Comparison of two responses” that asks for a rationale"),
        ("reward_spans", "read for faults", "Marks"),
    ],
)
def test_a_run_is_refused_with_what_is_missing_and_the_form_that_collects_it(
    project: Project, frozen: Any, method: str, missing: str, form: str
) -> None:
    for _ in range(5):
        settle(project, "LL")
    snapshot: Snapshot = frozen(test_fraction=0)
    base = factories.ModelVersionFactory(project=project, kind=ModelVersion.Kind.POLICY)
    if not missing:
        assert start_run(project=project, method=method, snapshot=snapshot, base=base).state == "queued"
        return
    with pytest.raises(Invalid) as refused:
        start_run(project=project, method=method, snapshot=snapshot, base=base)
    (complaint,) = refused.value.fields["snapshot"]
    assert missing in complaint and form in complaint
