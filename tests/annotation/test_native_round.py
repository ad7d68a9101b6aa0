"""Native lines in, native lines out: what came with an import comes back, and says the same when read again."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from annotation.models import Annotation, Draft, Item
from annotation.services import forms, items, leases, submissions
from annotation.services.raters import rater_for
from corpus import services
from corpus.importers import importer
from corpus.importers.documents import Limits, documents
from corpus.importers.rows import Options, Row
from corpus.models import Import, Response
from projects.models import Project

TEXT = "👍🏽 Café é 日本 𝒙 end\r\nזה סוף"
FORM = [
    {"name": key, "protocol": key, "config": config}
    for key, config in {
        "ranking": {},
        "rating": {"aspects": [{"key": "helpfulness", "name": "Helpful"}]},
        "spans": {},
        "critique": {},
        "edit": {},
        "thumbs": {},
        "steps": {},
    }.items()
]
WHO = {"annotator": "p1", "annotator_kind": "human", "created_at": "2026-01-02T03:04:05Z", "duration_ms": 1200}
FEEDBACK = [
    WHO | {"kind": "ranking", "tiers": [["b"], ["a"]], "rejected": [], "unranked": [], "display_order": ["b", "a"]},
    WHO | {"kind": "rating", "each": [
        {"target": {"response_id": "a"}, "scores": {"helpfulness": 4}},
        {"target": {"response_id": "b"}, "scores": {"helpfulness": None}}],
        "scales": {"helpfulness": {"min": 1, "max": 5, "step": 1}}},
    WHO | {"kind": "spans", "spans": [
        {"target": {"response_id": "a"}, "segments": [{"start": 16, "end": 19}], "quote": "end", "category": "x"},
        {"target": {"response_id": "a"}, "segments": [{"start": 900, "end": 903}], "quote": "nowhere"},
        {"target": {"context_idx": 0}, "omission": True, "comment": "left out"}]},
    WHO | {"kind": "critique", "text": "Too short.", "target": {"response_id": "b"}, "confidence": 0.5},
    WHO | {"kind": "refinement", "base_response_id": "a", "new_response_id": "a2", "instructions": ["mend"]},
    WHO | {"kind": "thumbs", "value": "down", "reasons": ["rude"], "target": {"response_id": "a"}},
    WHO | {"kind": "steps", "labels": [{"index": 0, "value": "good"}, {"index": 1, "value": "bad"}],
           "first_error": 1, "target": {"response_id": "b"}},
    WHO | {"kind": "labels", "labels": {"topic": ["x"]}},
    {"kind": "comparison", "left": "a", "right": "b", "choice": "tie", "annotator": "m", "annotator_kind": "aggregate"},
    {"kind": "ranking", "aspect": "style", "tiers": [["a", "b"]], "annotator": "m", "annotator_kind": "aggregate"},
    WHO | {"kind": "critique", "text": "The known one.", "is_gold": True},
    WHO | {"kind": "rating", "scores": {"helpfulness": 1}, "status": "draft"},
    {"kind": "poem", "text": "?"},
]  # fmt: skip
LINE = {
    "schema_version": 1,
    "external_id": "i1",
    "group": "g",
    "lang": "he",
    "licence": "CC0-1.0",
    "tags": {"safety": True},
    "source": {"dataset": "d"},
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Sky?"}],
    "context": [{"kind": "passage", "title": "Sky", "text": "The sky… is blue.", "sentences": ["The sky… is blue."]}],
    "responses": [
        {"id": "a", "text": TEXT, "model": "m1", "sampling": {"top_p": 1}},
        {"id": "b", "messages": [{"role": "assistant", "content": "One."}, {"role": "assistant", "content": "Two."}],
         "author_kind": "human", "steps": [{"text": "One."}, {"text": "Two."}], "finish_reason": "stop", "hue": 1},
        {"id": "a2", "text": "Mended.", "author_kind": "human", "parent_response_id": "a"},
    ],
    "feedback": FEEDBACK,
    "meta": {"mine": [1]},
    "unknown": {"deep": [1]},
}  # fmt: skip
ADDED = {"annotation_id", "field", "standing", "form_version", "guideline_version", "status", "annotator"}


@pytest.fixture
def export(api: Callable[..., APIClient], project: Project, noor: User) -> Callable[[], list[dict[str, Any]]]:
    def get() -> list[dict[str, Any]]:
        answer = api(noor).get(f"/api/v1/projects/{project.slug}/items/export/")
        assert answer.status_code == 200, answer.content
        return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]

    return get


def bring(project: Project, *lines: dict[str, Any]) -> Import:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    run = services.start_import(project=project, format="native", files=[ContentFile(data, name="file")])
    services.run_import(import_id=run.pk)
    items.take_candidates(project_id=project.pk)
    run.refresh_from_db()
    return run


def row(tmp_path: Path, line: dict[str, Any]) -> Row:
    path = tmp_path / "line.jsonl"
    path.write_text(json.dumps(line) + "\n")
    [found] = importer("native").rows(documents(path, "file", Limits(10**6, 10**6)), Options())
    assert isinstance(found, Row), found
    return found


def test_everything_comes_back(project: Project, export: Any, tmp_path: Path) -> None:
    forms.set_form(project=project, fields=FORM)
    run = bring(project, LINE)
    assert (run.state, run.bad_lines, run.new_annotations) == ("succeeded", 0, 7)
    # What no field takes: labels, the comparison, one aspect of a ranking, a known answer.
    assert run.kept_feedback == {"labels": 1, "comparison": 1, "ranking": 1, "known answer": 1}

    [line] = export()
    first, second = row(tmp_path, LINE), row(tmp_path, line)
    for part in ("messages", "answers", "names", "context", "group", "language", "licence", "tags", "external_id"):
        assert getattr(second, part) == getattr(first, part), part
    assert [(edit.name, edit.parent, edit.answer) for edit in second.edits] == [
        (edit.name, edit.parent, edit.answer) for edit in first.edits
    ]
    assert (second.meta, second.raw) == (first.meta, first.raw)
    assert sorted(map(told, second.feedback)) == sorted(map(told, first.feedback))
    assert {entry["annotator"] for entry in line["feedback"] if "annotation_id" in entry} == {
        Annotation.objects.first().rater.pseudonym
    }
    assert "p1" not in json.dumps([entry for entry in line["feedback"] if "annotation_id" in entry])

    bring(project, line | {"external_id": "i2"})
    twice = export()[1]
    assert sorted(map(told, twice["feedback"])) == sorted(map(told, line["feedback"]))


def told(entry: dict[str, Any]) -> str:
    """A judgment without what an export adds and without the hashes and rules that say how its spans were found."""
    kept = {key: value for key, value in entry.items() if key not in ADDED}
    for span in kept.get("spans", []):
        for key in ("anchored_by", "unanchored"):
            span.pop(key, None)
        span.get("target", {}).pop("sha256", None)
    return json.dumps(kept, sort_keys=True)


def test_what_raters_answer_comes_out(project: Project, rosa: User, rui: User, export: Any) -> None:
    """One entry a field; a correction beside what it corrects; no draft, nothing taken back, the edit as a response."""
    fields = [{"name": "better", "protocol": "edit"}, {"name": "why", "protocol": "critique", "required": False}]
    forms.set_form(project=project, fields=fields)
    bring(project, {"external_id": "i1", "prompt": "Sky?", "responses": [{"id": "x", "text": "Red."}]})
    items.open_slots(item=Item.objects.get(), humans=3, judges=0)
    rater, other = (rater_for(project=project, user=user) for user in (rosa, rui))
    lease = leases.claim(project=project, rater=rater)
    values = {"better": {"base": "A", "text": "Blue."}, "why": {"text": "It is not red."}}
    first = submissions.submit(rater=rater, token=lease.token, values=values).annotation
    corrected = values | {"why": {"text": "It is never red."}}
    second = submissions.revise(
        rater=rater, annotation=first, values=corrected, idempotency_key=uuid.uuid4()
    ).annotation
    held = leases.claim(project=project, rater=other)
    taken_back = submissions.submit(rater=other, token=held.token, values=values).annotation
    submissions.retract(rater=other, annotation=taken_back)
    assert Draft.objects.exists()

    [line] = export()
    assert [(one["annotation_id"], one["field"], one["kind"]) for one in line["feedback"]] == [
        (first.pk, "better", "refinement"), (first.pk, "why", "critique"),
        (second.pk, "better", "refinement"), (second.pk, "why", "critique"),
    ]  # fmt: skip
    assert [one.get("superseded_by") for one in line["feedback"]] == [second.pk] * 2 + [None] * 2
    assert {one["annotator"] for one in line["feedback"]} == {rater.pseudonym}
    assert line["feedback"][0]["display_order"] == ["x"]
    assert line["feedback"][0]["form_version"] == 2
    assert line["responses"][0] == {"id": "x", "text": "Red."}
    made = {one["id"]: one for one in line["responses"][1:]}
    child = made[line["feedback"][2]["new_response_id"]]
    assert (child["text"], child["author_kind"], child["parent_response_id"]) == ("Blue.", "human", "x")
    assert Response.objects.filter(parent__isnull=False).exists()


def test_the_export_reads_a_bounded_number_of_rows(
    project: Project, export: Any, django_assert_max_num_queries: Any
) -> None:
    bring(project, *({"external_id": f"i{n}", "prompt": f"{n}?", "responses": [{"text": "a"}, {"text": f"b{n}"}]}
                     for n in range(450)))  # fmt: skip
    with django_assert_max_num_queries(40):
        lines = export()
    assert [line["external_id"] for line in lines] == [f"i{n}" for n in range(450)]


def test_an_item_of_the_api_has_everything_an_import_can_bring(
    project: Project, api: Callable[..., APIClient], noor: User, browse: Callable[..., Client]
) -> None:
    """Passages, steps, its own overlap; no response at all where people are to write one. A page exports the same."""
    forms.set_form(project=project, fields=[{"name": "better", "protocol": "edit"}])
    body = {
        "external_id": "i1",
        "prompt": [{"role": "user", "content": "Sky?"}],
        "context": [{"title": "Sky", "text": "It is blue.", "sentences": ["It is blue."]}],
        "responses": [{"text": " One. ", "steps": [" One. "]}],
        "overlap": 4,
    }
    at = f"/api/v1/projects/{project.slug}/items/"
    assert api(noor).post(at, body, format="json").status_code == 201
    assert api(noor).post(at, body | {"external_id": "i2", "responses": []}, format="json").status_code == 201
    assert list(Item.objects.order_by("pk").values_list("state", "overlap")) == [("new", 4), ("new", 4)]
    answer = browse(noor).get(f"/projects/{project.slug}/export.jsonl")
    first, second = (json.loads(line) for line in b"".join(answer.streaming_content).splitlines())
    assert first["responses"] == [{"id": "0", "text": " One. ", "steps": [{"text": " One. "}]}]
    assert (first["context"], second["responses"]) == (body["context"], [])
