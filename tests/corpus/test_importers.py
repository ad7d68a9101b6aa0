"""Formats: what a record becomes, and what is said of one that can become nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.importers import IMPORTERS, importer
from corpus.importers.documents import Document, Limits
from corpus.importers.hh import parsed, transcript
from corpus.importers.rows import Fault, Json, Options, Row, compiled
from corpus.importers.trl_preference import split_prompt
from tests.corpus.conftest import item, lines


def read(tmp_path: Path, key: str, *files: bytes, **options: Any) -> list[Row | Fault]:
    documents = []
    for number, data in enumerate(files):
        path = tmp_path / str(number)
        path.write_bytes(data)
        documents.append(Document(f"file{number}", path, Limits(10**9, 10**7)))
    return list(importer(key).rows(documents, Options(**options)))


def rows(found: list[Row | Fault]) -> list[Row]:
    assert [one for one in found if isinstance(one, Fault)] == []
    return [one for one in found if isinstance(one, Row)]


def fault(found: list[Row | Fault]) -> Fault:
    [only] = found
    assert isinstance(only, Fault)
    return only


def staged(row: Row, key: str, **options: Any) -> Json:
    body, _ = compiled(row, format=key, use_recorded=importer(key).use_recorded, options=Options(**options))
    return body


@pytest.mark.parametrize("key", IMPORTERS)
def test_the_example_shown_to_people_imports(tmp_path: Path, key: str) -> None:
    found = rows(read(tmp_path, key, importer(key).example.encode()))
    assert found
    assert all(len(row.answers) == 2 and not row.warnings for row in found)


# HH text

MARKED = st.sampled_from(["Human:", "\n\nHuman:", "\n\nAssistant: ", "Assistant:", "\n\n", "\n", " ", "H", "x"])
turns = st.lists(
    st.tuples(st.sampled_from(["user", "assistant"]), st.lists(MARKED, max_size=6).map("".join)), min_size=1, max_size=6
)


@given(turns=turns)
def test_a_transcript_round_trips_or_is_refused(turns: list[tuple[str, str]]) -> None:
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        written = transcript(messages)
    except ValueError:
        # Only what the form cannot say: a turn that holds a mark, or half of one at its edge.
        assert any("Human:" in content or "Assistant:" in content for _, content in turns)
    else:
        assert parsed(written) == messages
        assert transcript(parsed(written)) == written


def hh(chosen: str, rejected: str) -> bytes:
    return lines({"chosen": chosen, "rejected": rejected})


def test_hh_traps(tmp_path: Path) -> None:
    first = "\n\nHuman: He said Human: hi\n\nAssistant: Yes\n\nno mark\n\nHuman: go "
    [row] = rows(read(tmp_path, "hh", hh(first + "\n\nAssistant: A", first + "\n\nAssistant:")))
    assert [turn["content"] for turn in row.messages] == ["He said Human: hi", "Yes\n\nno mark", "go "]
    assert [answer.messages for answer in row.answers] == [
        [{"role": "assistant", "content": "A"}],
        [{"role": "assistant", "content": ""}],
    ]
    body = staged(row, "hh")
    assert body["meta"]["flags"] == ["empty_response"]
    assert body["meta"]["use_recorded"] is True
    # The mark without its space could not be written back from the turns alone.
    assert body["meta"]["raw"]["hh"] == {"rejected": first + "\n\nAssistant:"}


def test_hh_sides_that_part_early_keep_all_their_turns(tmp_path: Path) -> None:
    start = "\n\nHuman: a\n\nAssistant: b"
    [row] = rows(read(tmp_path, "hh", hh(start + "\n\nAssistant: c", start)))
    assert [len(answer.messages) for answer in row.answers] == [2, 1]
    assert len(row.messages) == 1
    assert len(row.warnings) == 2


@pytest.mark.parametrize(
    ("chosen", "pointer", "reason"),
    [
        ("Hi", "/chosen", "turn mark"),
        ("\n\nAssistant: a\n\nHuman: b\n\nAssistant: c", "/chosen", "begins with an Assistant"),
        ("\n\nHuman: a\n\nAssistant: b\n\nHuman: c", "/chosen", "ends with a Human"),
        ("\n\nHuman: other\n\nAssistant: b", "", "no turn in common"),
        (None, "/chosen", "expected a string, found null"),
    ],
)
def test_hh_lines_that_are_no_pair(tmp_path: Path, chosen: Any, pointer: str, reason: str) -> None:
    found = fault(read(tmp_path, "hh", hh(chosen, "\n\nHuman: a\n\nAssistant: b")))
    assert (found.line, found.pointer) == (1, pointer)
    assert reason in found.reason


# TRL

WORDS = st.lists(st.sampled_from(["yes", "no", "not", "\n", " ", "Assistant:", "\n\nAssistant: "]), max_size=8).map(
    "".join
)


@given(start=WORDS, first=WORDS, second=WORDS)
def test_an_implicit_prompt_never_ends_within_a_word(start: str, first: str, second: str) -> None:
    one, other = start + first, start + second
    cut = split_prompt(one, other)
    assert one[:cut] == other[:cut]
    if cut:
        assert cut < min(len(one), len(other))
        assert not (one[cut - 1].isalnum() and (one[cut].isalnum() or other[cut].isalnum()))


@pytest.mark.parametrize(
    ("one", "other", "prompt"),
    [
        (
            "Human: Sky?\n\nAssistant: I think blue",
            "Human: Sky?\n\nAssistant: I think green",
            "Human: Sky?\n\nAssistant: ",
        ),
        ("### Instruction:\nSky?\n### Response:\nBlue", "### Instruction:\nSky?\n### Response:\nNo", None),
        (
            "<|im_start|>user\nSky?\n<|im_start|>assistant\nBlue",
            "<|im_start|>user\nSky?\n<|im_start|>assistant\nBe",
            None,
        ),
        ("The sky is blue.", "The sky is green.", "The sky is"),
        ("same", "same", ""),
        ("abc", "abd", ""),
    ],
)
def test_where_an_implicit_prompt_ends(one: str, other: str, prompt: str | None) -> None:
    expected = prompt if prompt is not None else one[: one.rindex("B")]
    assert one[: split_prompt(one, other)] == expected


def say(*texts: str) -> list[Json]:
    return [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 3, texts, strict=False)]


@pytest.mark.parametrize(
    ("record", "prompt", "chosen"),
    [
        ({"prompt": "Sky?", "chosen": " blue.", "rejected": " green."}, say("Sky?"), " blue."),
        ({"chosen": "The sky is blue.", "rejected": "The sky is red."}, say("The sky is"), " blue."),
        (
            {"prompt": say("Sky?"), "chosen": say("", "Blue.")[1:], "rejected": say("", "Red.")[1:]},
            say("Sky?"),
            "Blue.",
        ),
        ({"chosen": say("Sky?", "Blue."), "rejected": say("Sky?", "Red.")}, say("Sky?"), "Blue."),
        ({"chosen": say("Sky?", "Blue."), "rejected": say("Sky?", "Blue.")}, say("Sky?"), "Blue."),
        (
            {
                "chosen": [{"role": "human", "content": "Sky?"}, {"role": "gpt", "content": "Blue."}],
                "rejected": say("Sky?", ""),
            },
            say("Sky?"),
            "Blue.",
        ),
    ],
)
def test_trl_layouts(tmp_path: Path, record: Json, prompt: list[Json], chosen: str) -> None:
    [row] = rows(read(tmp_path, "trl_preference", lines(record | {"margin": 1.5, "tools": "[]"})))
    assert row.messages == prompt
    assert row.answers[0].messages[-1] == {"role": "assistant", "content": chosen}
    assert row.feedback[0] | {"annotator_kind": "unknown", "choice": "left", "left": 0, "right": 1} == row.feedback[0]
    assert "display_order" not in row.feedback[0]  # chosen is not assumed to have been shown left
    assert row.meta["margin"] == 1.5
    assert row.raw == {"tools": "[]"}


def test_two_layouts_in_one_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "trl_preference",
        lines({"prompt": "a", "chosen": "b", "rejected": "c"}, {"chosen": "a b", "rejected": "a c"}),
    )
    assert isinstance(found[1], Fault)
    assert "implicit prompt, but the file began with standard, explicit prompt" in found[1].reason


@pytest.mark.parametrize(
    ("record", "pointer", "reason"),
    [
        ({"prompt": "a", "completion": "b", "label": True}, "/completion", "unpaired"),
        ({"prompt": "a", "chosen": "b"}, "/rejected", "missing"),
        ({"prompt": "a", "chosen": [], "rejected": "c"}, "", "must all be"),
        ({"prompt": [], "chosen": say("a"), "rejected": say("b")}, "/prompt", "empty list"),
        ({"chosen": "abc", "rejected": "abd"}, "", "give a prompt column"),
        ({"prompt": "a", "chosen": "b", "rejected": "c", "margin": "much"}, "/margin", "found a string"),
        (
            {"prompt": [{"role": "robot", "content": "a"}], "chosen": say("b"), "rejected": say("c")},
            "/prompt/0/role",
            "role",
        ),
        (7, "", "expected an object, found a whole number"),
    ],
)
def test_trl_lines_that_are_no_pair(tmp_path: Path, record: Any, pointer: str, reason: str) -> None:
    found = fault(read(tmp_path, "trl_preference", lines(record)))
    assert found.pointer == pointer
    assert reason in found.reason


# Native

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


# PandaLM

PAIR = {
    "idx": 0, "instruction": "Shorten.", "input": "A long text.", "cmp_key": "m1_m2", "response1": "Text.",
    "response2": "T.",
    "annotator1": 1, "annotator2": 2, "annotator3": 0, "motivation_app": "x",
}  # fmt: skip
GPT = {"idx": 0, "gpt_result": "garbage", "gpt_reason": "", "gpt_reference": "Short."}
PANDA = {"idx": 0, "pandalm_result": 2, "pandalm_reason": "shorter", "pandalm_reference": ""}


def as_list(*records: Any) -> bytes:
    return json.dumps(records, indent=4).encode()


def test_pandalm_files_are_told_apart_and_joined_in_any_order(tmp_path: Path) -> None:
    [row] = rows(read(tmp_path, "pandalm", as_list(PANDA), as_list(PAIR), as_list(GPT)))
    assert row.messages == [{"role": "user", "content": "Shorten.\nA long text."}]
    assert [answer.model_name for answer in row.answers] == ["m1", "m2"]
    assert [(one["annotator"], one["annotator_kind"], one["choice"]) for one in row.feedback] == [
        ("annotator1", "human", "left"),
        ("annotator2", "human", "right"),
        ("annotator3", "human", "tie"),
        ("gpt-3.5-turbo", "ai", "unsure"),
        ("pandalm-7b", "ai", "right"),
    ]
    assert row.feedback[3]["verdict_raw"] == "garbage"
    assert row.feedback[4]["rationale"] == "shorter"
    assert row.raw == {"motivation_app": "x", "references": {"gpt-3.5-turbo": "Short."}}
    assert staged(row, "pandalm")["meta"]["use_recorded"] is False


def test_pandalm_faults(tmp_path: Path) -> None:
    stray = GPT | {"idx": 9}
    found = read(tmp_path, "pandalm", as_list(PAIR, PAIR | {"idx": 1, "annotator2": 3}), as_list(GPT, GPT, stray))
    assert [(one.file, one.line, one.pointer) for one in found if isinstance(one, Fault)] == [
        ("file1", 8, "/idx"),
        ("file0", 14, "/annotator2"),
        ("file1", 14, "/idx"),
    ]
    only = fault(read(tmp_path, "pandalm", as_list(GPT)))
    assert only.fatal
    assert "test set itself is missing" in only.reason
