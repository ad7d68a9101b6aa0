"""Formats: what a record becomes, and what is said of one that can become nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.importers import IMPORTERS, importer
from corpus.importers.hh import parsed, transcript
from corpus.importers.rows import Fault, Json
from corpus.importers.trl_preference import split_prompt
from tests.corpus.conftest import lines
from tests.corpus.reading import fault, read, rows, staged


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
