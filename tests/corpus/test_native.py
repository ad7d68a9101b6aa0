"""Native JSON lines: what a record becomes, every kind of judgment in it, and what is said of one that is no item."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus.importers.rows import Fault, Json, Row
from tests.corpus.conftest import item, lines
from tests.corpus.reading import fault, read, rows, staged

FULL = {
    "schema_version": 1,
    "external_id": "i1",
    "lang": "en",
    "licence": "CC0-1.0",
    "tags": ["safety"],
    "group": "g",
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Sky?"}],
    "context": [{"kind": "passage", "text": "The sky…"}],
    "responses": [
        {"id": "a", "messages": [{"role": "assistant", "content": "Blue."}], "model": "m1", "sampling": {"top_p": 1}},
        {"id": 7, "text": "Red.", "author_kind": "human", "colour": "red"},
    ],
    "feedback": [
        {"kind": "comparison", "annotator_id": "p1", "annotator_kind": "human", "left": 7, "right": "a",
         "choice": "right", "strength": 2, "rationale": "true", "display_order": ["a", 7]},
        {"kind": "rating", "annotator_id": "p1", "scores": {"helpfulness": 3}},
        {"kind": "comparison", "annotator_id": "p2", "left": "a", "right": 7, "choice": "left", "status": "draft"},
    ],
    "meta": {"mine": True},
    "unknown": {"deep": [1]},
}  # fmt: skip


def test_native_keeps_everything(tmp_path: Path) -> None:
    [row] = rows(read(tmp_path, "native", lines(FULL)))
    body = staged(row, "native")
    assert body["feedback"] == [
        {"annotator": "p1", "annotator_kind": "human", "kind": "comparison", "left": 7, "right": "a",
         "choice": "right", "strength": 2, "rationale": "true", "display_order": ["a", 7]},
        {"annotator": "p1", "annotator_kind": "unknown", "kind": "rating", "scores": {"helpfulness": 3}},
    ]  # fmt: skip
    assert body["meta"]["response_ids"] == ["a", "7"]
    assert body["meta"]["raw"]["native"] == {"unknown": {"deep": [1]}, "feedback": FULL["feedback"][2:]}
    assert (body["meta"]["licence"], body["meta"]["mine"], body["meta"]["use_recorded"]) == ("CC0-1.0", True, False)
    assert body["prompt"]["group"] == "g"
    assert body["prompt"]["tags"] == {"safety": True}
    assert body["responses"][0]["sampling"] == {"top_p": 1}
    assert body["responses"][1]["meta"] == {"id": 7, "raw": {"native": {"colour": "red"}}}


def test_recorded_judgments_count_only_where_nobody_is_known_to_have_made_them(tmp_path: Path) -> None:
    entry = {"kind": "comparison", "left": "a", "right": "b", "choice": "tie"}
    known = entry | {"annotator": "p1", "annotator_kind": "human"}
    found = rows(read(tmp_path, "native", lines(item(1), item(2, feedback=[entry]), item(3, feedback=[entry, known]))))
    assert [staged(row, "native")["meta"]["use_recorded"] for row in found] == [False, True, False]
    assert staged(found[2], "native", use_recorded=True)["meta"]["use_recorded"] is True


def test_the_same_text_twice_in_an_item_stays_two_responses(tmp_path: Path) -> None:
    [row] = rows(read(tmp_path, "native", lines(item(responses=[{"text": "x"}, {"text": "x"}]))))
    body = staged(row, "native")
    assert len({response["external_id"] for response in body["responses"]}) == 2
    assert body["meta"]["flags"] == ["equal_responses"]


def pair(**entry: Any) -> Json:
    return item(feedback=[{"kind": "comparison", "left": "a", "right": "b", "choice": "left"} | entry])


def said(kind: str, **entry: Any) -> Json:
    return item(feedback=[{"kind": kind} | entry])


EVERY_KIND = [
    {"kind": "comparison", "left": "a", "right": "b", "choice": "unsure"},
    {"kind": "ranking", "tiers": [["a"], ["b"]], "rejected": [], "unranked": []},
    {"kind": "rating", "each": [{"target": {"response_id": "a"}, "scores": {"h": 4, "x": None}}], "scales": {}},
    {"kind": "spans", "spans": [{"target": {"response_id": "a"}, "start": 0, "end": 6, "quote": "Answer"},
                                {"omission": True, "target": {"context_idx": 0}}]},
    {"kind": "critique", "text": "Too short.", "target": {"response_id": "a"}},
    {"kind": "refinement", "base_response_id": "a", "new_response_id": "a2"},
    {"kind": "refinement", "base_response_id": None, "text": "Better."},
    {"kind": "thumbs", "value": "down", "reasons": ["rude"]},
    {"kind": "labels", "labels": {"safe": [True], "topic": ["x", "y"]}, "is_gold": True},
    {"kind": "steps", "labels": [{"index": 0, "value": "good"}], "first_error": 1, "is_attention_check": True},
]  # fmt: skip


def test_every_kind_of_feedback_is_taken_as_it_came(tmp_path: Path) -> None:
    """A text that a judgment made is kept as a child of what it was made of, and is not there to be judged."""
    record = item(feedback=EVERY_KIND, context=[{"text": "The sky…", "title": "Sky", "sentences": ["The sky…"]}])
    record["responses"].append(
        {"id": "a2", "text": "Answer, mended.", "parent_response_id": "a", "author_kind": "human"}
    )
    [row] = rows(read(tmp_path, "native", lines(record)))
    body = staged(row, "native")
    who = {"annotator": "unknown", "annotator_kind": "unknown"}
    made = {"new_response_id": "edit-1"}
    assert body["feedback"] == [one | who | (made if one.get("text") == "Better." else {}) for one in EVERY_KIND]
    assert body["meta"]["response_ids"] == ["a", "b"]
    names = [response["external_id"] for response in body["responses"]]
    assert [(one["messages"][0]["content"], one["parent"], one["author_kind"]) for one in body["edits"]] == [
        ("Answer, mended.", names[0], "human"),
        ("Better.", "", "human"),
    ]
    assert body["meta"]["edit_ids"] == {
        name: one["external_id"] for name, one in zip(("a2", "edit-1"), body["edits"], strict=True)
    }
    assert not row.warnings


@pytest.mark.parametrize(
    ("record", "pointer", "reason"),
    [
        ({}, "/prompt", "missing"),
        (item(prompt=7), "/prompt", "expected a list, found a whole number"),
        (item(prompt=[]), "/prompt", "empty list"),
        (item(prompt=[{"role": "user"}]), "/prompt/0/content", "without content"),
        (item(responses=[{"text": "a"}] * 65), "/responses", "more than 64"),
        (item(responses=[{"text": "a", "steps": [{"n": 1}]}]), "/responses/0/steps/0/text", "expected a string"),
        (item(context=[{"text": "a", "sentences": [1]}]), "/context/0/sentences/0", "expected a string"),
        (item(responses=[{"text": "a"}, {"text": None}]), "/responses/1/text", "expected a string, found null"),
        (item(responses=[{"id": "a", "text": "a"}, {"id": "a", "text": "b"}]), "/responses/1/id", "same id"),
        (item(external_id="x" * 201), "/external_id", "longer than 200"),
        (item(external_id=True), "/external_id", "found true or false"),
        (item(schema_version=9), "/schema_version", "expected 1"),
        (item(tags=[1]), "/tags/0", "expected a string"),
        (pair(left="c"), "/feedback/0/left", "not the id"),
        (pair(right="a"), "/feedback/0/right", "with itself"),
        (pair(choice="up"), "/feedback/0/choice", "expected one of"),
        (pair(strength=5), "/feedback/0/strength", "0 to 4"),
        (pair(strength=0), "/feedback/0/strength", "tie"),
        (pair(strength=True), "/feedback/0/strength", "0 to 4"),
        (pair(annotator_kind=[]), "/feedback/0/annotator_kind", "expected one of"),
        (pair(is_gold="yes"), "/feedback/0/is_gold", "expected true or false"),
        (pair(display_order=["a", "x"]), "/feedback/0/display_order/1", "not the id"),
        (said("ranking", tiers=[["a"], ["b", "a"]]), "/feedback/0/tiers/1/1", "has a place already"),
        (said("ranking", tiers=[["a"], []]), "/feedback/0/tiers/1", "empty tier"),
        (said("ranking"), "/feedback/0/tiers", "no response"),
        (said("rating", scores={"h": "5"}), "/feedback/0/scores/h", "expected a number"),
        (said("rating", scores={"h": 9}, scales={"h": {"max": 5}}), "/feedback/0/scores/h", "outside of its scale"),
        (
            said("rating", each=[{"target": {"response_id": "c"}, "scores": {}}]),
            "/feedback/0/each/0/target/response_id",
            "not the id",
        ),
        (said("spans", spans=[{"segments": [{"start": 3, "end": 2}]}]), "/feedback/0/spans/0/segments/0/end", "before"),
        (
            said("spans", spans=[{"segments": [{"start": -1, "end": 2}]}]),
            "/feedback/0/spans/0/segments/0/start",
            "whole number",
        ),
        (said("spans", spans=[{"category": "wrong"}]), "/feedback/0/spans/0", "no omission"),
        (
            said("spans", spans=[{"target": {"context_idx": "1"}, "omission": True}]),
            "/feedback/0/spans/0/target/context_idx",
            "whole number",
        ),
        (said("critique"), "/feedback/0/text", "missing"),
        (said("refinement", base_response_id="a"), "/feedback/0/new_response_id", "neither"),
        (said("refinement", base_response_id="c", text="x"), "/feedback/0/base_response_id", "not the id"),
        (said("thumbs", value="sideways"), "/feedback/0/value", "expected one of"),
        (said("thumbs", value="up", reasons=[1]), "/feedback/0/reasons/0", "expected a string"),
        (said("labels", labels={"q": [None]}), "/feedback/0/labels/q/0", "expected a text"),
        (said("steps", labels=[{"index": 0, "value": True}]), "/feedback/0/labels/0/value", "expected one of"),
        (said("steps", labels=[{"value": "good"}]), "/feedback/0/labels/0/index", "whole number"),
    ],
)
def test_native_lines_that_are_no_item(tmp_path: Path, record: Json, pointer: str, reason: str) -> None:
    found = fault(read(tmp_path, "native", lines(record)))
    assert found.pointer == pointer
    assert reason in found.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"prompt": NaN}', "NaN"),
        (b'{"prompt": 1e999}', "infinity"),
        (b'{"prompt": "\\ud800"}', "lone surrogate"),
        (b'{"prompt": "a\\u0000b"}', "NUL"),
        (b'{"prompt": "\xff"}', "not UTF-8"),
        (b'{"prompt": 1, "prompt": 2}', "stands twice"),
        (b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeper than 64"),
        (b'{"prompt": ' + b"9" * 10_000 + b"}", "10000 digits"),
        (b'{"prompt": "a"', "not JSON"),
        (b"<script>alert(1)</script>", "not JSON"),
    ],
)
def test_what_is_not_strict_json_is_named(tmp_path: Path, line: bytes, reason: str) -> None:
    good = json.dumps(item()).encode()
    found = read(tmp_path, "native", good + b"\n" + line + b"\n" + good + b"\n")
    assert isinstance(found[1], Fault)
    assert (found[1].line, found[1].fatal) == (2, False)
    assert reason in found[1].reason
    assert isinstance(found[2], Row)
