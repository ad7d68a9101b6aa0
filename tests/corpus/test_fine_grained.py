"""The format of Fine-Grained RLHF: what a record becomes, and the traps of its offsets and numbers."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus.importers import importer
from corpus.importers.rows import Json
from tests.corpus.reading import fault, read, rows, staged

RECORD: Json = json.loads(importer("fine_grained").example)[0]


def changed(**parts: Any) -> bytes:
    return json.dumps([RECORD | parts]).encode()


def test_a_record_becomes_six_items_and_the_first_knows_of_the_marks(tmp_path: Path) -> None:
    found = rows(read(tmp_path, "fine_grained", changed()))
    assert [[one.messages[0]["content"] for one in row.answers] for row in found][:2] == [
        ["It opened in 1901. It is blue.", "Ann Lee did."],
        ["It opened in 1901. It is blue.", "Nobody knows."],
    ]
    comparisons = [row.feedback[0] for row in found]
    assert [(one["left"], one["right"], one["choice"]) for one in comparisons] == [
        ("1", "2", "right"), ("1", "3", "left"), ("1", "4", "right"),
        ("2", "3", "left"), ("2", "4", "tie"), ("3", "4", "right"),
    ]  # fmt: skip
    assert len({row.group for row in found}) == 1 and [len(row.feedback) for row in found] == [3, 1, 1, 1, 1, 1]
    marks, mended = found[0].feedback[1:]
    assert marks["target"] == {"response_id": "1"}
    error, gap = marks["spans"]
    assert (error["category"], error["quote"]) == ("irrelevant", "It is blue.")
    assert gap["omission"] and gap["category"] == "missing_answer" and gap["quote"] == "Ann Lee built it."
    [passage] = found[0].context
    [part] = gap["segments"]
    assert passage["text"][part["start"] : part["end"]] == "Ann Lee built it."
    assert mended["base_response_id"] == "1" and found[0].edits[0].answer.messages[0]["content"] == "Ann Lee built it."
    assert staged(found[0], "fine_grained")["meta"]["use_recorded"] is True


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"preference": [1, 2, 3, 0, 0, 0]}, "/preference"),
        ({"preference": [True, 2, 1, 0, 0, 0]}, "/preference"),
        ({"passages": [[]]}, "/passages/0"),
        ({"prediction 1": "Short."}, "/feedback/errors/0/end"),
        ({"feedback": RECORD["feedback"] | {"missing-info": [
            {"error type": "Missing-Answer", "passage_id": 0, "sentence_id": [1]}]}}, "/feedback/missing-info/0"),
        ({"feedback": RECORD["feedback"] | {"missing-info": [
            {"error type": "Missing-Answer", "passage_id": 1, "sentence_id": ["1"]}]}}, "/feedback/missing-info/0"),
        ({"feedback": None}, "/feedback"),
        ({"prediction 4": 4}, "/prediction 4"),
    ],
)  # fmt: skip
def test_a_record_that_is_wrong_anywhere_becomes_no_item(tmp_path: Path, parts: Json, pointer: str) -> None:
    assert fault(read(tmp_path, "fine_grained", changed(**parts))).pointer == pointer


def test_nothing_mended_and_nothing_changed_are_told_apart(tmp_path: Path) -> None:
    said = RECORD["feedback"]
    none = rows(read(tmp_path, "fine_grained", changed(feedback=said | {"corrected-prediction": ""})))
    assert [one["kind"] for one in none[0].feedback] == ["comparison", "spans"]
    same = rows(
        read(tmp_path, "fine_grained", changed(feedback=said | {"corrected-prediction": RECORD["prediction 1"]}))
    )
    assert same[0].feedback[2]["unchanged"] is True and not same[0].edits


def test_the_published_file_is_read_whole(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    [published] = shared_data("fine_grained_rlhf").glob("*/*.json.gz")
    records = json.loads(gzip.decompress(published.read_bytes()))
    found = rows(read(tmp_path, "fine_grained", published.read_bytes()))
    assert len(found) == 6 * len(records)
    for record, row in zip(records, found[::6], strict=True):
        spans = row.feedback[1]["spans"]
        assert len(spans) == len(record["feedback"]["errors"]) + len(record["feedback"]["missing-info"])
        for span in spans:
            if span.get("omission"):
                text = row.context[span["target"]["context_idx"]]["text"]
                quotes = [text[part["start"] : part["end"]] for part in span["segments"]]
                assert " … ".join(quotes) == span["quote"]
