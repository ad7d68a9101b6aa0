"""Fine-Grained RLHF: marks on one answer with what is missing and a corrected text; and six preferences, as pairs."""

import json
from collections.abc import Collection, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, key_of, letter_of, opened, text_by_id

ERRORS = ("Irrelevant", "Wrong-Grounding", "Unverifiable", "Redundant", "Incoherent")
MISSING = ("Missing-Answer", "Missing-Major-Auxiliary", "Missing-Minor-Auxiliary")
WHO = "annotator"


def _records(folder: Path) -> list[Json]:
    [path] = folder.glob("dev/*.json.gz")
    with opened(path) as handle:
        found: list[Json] = json.load(handle)
    return found


CATEGORIES = [
    {"key": key_of(name), "name": name, "letter": chr(65 + place), "color": place % 8 + 1}
    for place, name in enumerate((*ERRORS, *MISSING))
]
SPANS = {"categories": CATEGORIES, "severity": "off", "note": "optional", "omissions": True, "evidence": False}
MARKING = [
    {"name": "errors", "protocol": "spans", "config": SPANS},
    {"name": "corrected", "protocol": "edit", "config": {"unchanged": True, "scratch": False}, "required": False},
]
PAIRS = [{"name": "preference", "protocol": "pairwise", "config": {"points": 3, "rationale": "off", "both_bad": False}}]


def _passage(parts: list[str]) -> tuple[Json, list[tuple[int, int]]]:
    """A passage whose text holds its title and sentences, and where each of them stands in it."""
    places, at = [], 0
    for part in parts:
        places.append((at, at + len(part)))
        at += len(part) + 1
    return {"kind": "passage", "title": parts[0], "text": "\n".join(parts), "sentences": parts[1:]}, places


def _marking(record: Json, number: int) -> Case:
    text, said = record["prediction 1"], record["feedback"]
    passages = [_passage(parts) for parts in record["passages"]]

    def answer(assignment: Json) -> Json:
        letter = letter_of(assignment, text)
        spans: list[Json] = []
        for error in said["errors"]:
            start, end = error["start"], error["end"]
            note = {"comment": error["explanation"]} if error["explanation"] else {}
            spans.append({"target": {"response": letter}, "segments": [{"start": start, "end": end}],
                          "quote": text[start:end], "category": key_of(error["error type"])} | note)  # fmt: skip
        for gap in said["missing-info"]:
            place = gap["passage_id"] - 1
            passage, places = passages[place]
            parts = sorted({places[sentence] for sentence in gap["sentence_id"]})
            quote = " … ".join(passage["text"][start:end] for start, end in parts)
            segments = [{"start": start, "end": end} for start, end in parts]
            spans.append({"omission": True, "target": {"context": place}, "segments": segments,
                          "quote": quote, "category": key_of(gap["error type"])})  # fmt: skip
        values: Json = {"errors": {"spans": spans} if spans else {"none": True}}
        corrected = said["corrected-prediction"]
        if corrected == text:
            values["corrected"] = {"base": letter, "unchanged": True}
        elif corrected:
            values["corrected"] = {"base": letter, "text": corrected}
        return values

    line = {
        "external_id": f"fg-{number}",
        "lang": "en",
        "prompt": record["question"],
        "context": [passage for passage, _ in passages],
        "responses": [{"id": "p1", "text": text}],
    }
    return Case(line, (Judgment(WHO, answer),))


def marking(folder: Path) -> Iterator[Case]:
    for number, record in enumerate(_records(folder)):
        yield _marking(record, number)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def marking_facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """The text of every mark by the offsets of the file, and of every sentence that shows what is missing."""
    found = {}
    for number, record in enumerate(_records(folder)):
        said, text = record["feedback"], record["prediction 1"]
        marks = sorted(
            [_plain(e["error type"]), e["start"], e["end"], text[e["start"] : e["end"]], e["explanation"]]
            for e in said["errors"]
        )
        gaps = sorted(
            [_plain(g["error type"]), g["passage_id"] - 1,
             "".join(record["passages"][g["passage_id"] - 1][s] for s in sorted(set(g["sentence_id"])))]
            for g in said["missing-info"]
        )  # fmt: skip
        found[f"fg-{number}", WHO] = {"marks": marks, "gaps": gaps, "corrected": said["corrected-prediction"]}
    return found


def marking_told(line: Json, entries: list[Json]) -> Facts:
    texts = text_by_id(line)
    marks, gaps = [], []
    spans = entry_of(entries, "errors")
    assert spans is not None
    for span in spans["spans"]:
        if span.get("omission"):
            passage = line["context"][span["target"]["context_idx"]]["text"]
            quoted = [passage[part["start"] : part["end"]] for part in span["segments"]]
            gaps.append([span["category"], span["target"]["context_idx"], "".join(quoted)])
            assert " … ".join(quoted) == span["quote"]
        else:
            [part] = span["segments"]
            text = texts[span["target"]["response_id"]][part["start"] : part["end"]]
            assert text == span["quote"]
            marks.append([span["category"], part["start"], part["end"], text, span.get("comment", "")])
    edit = entry_of(entries, "corrected")
    if edit is None:
        corrected = ""
    elif edit.get("unchanged"):
        corrected = texts[edit["base_response_id"]]
    else:
        corrected = texts[edit["new_response_id"]]
    return {"marks": sorted(marks), "gaps": sorted(gaps), "corrected": corrected}


def _pair(record: Json, number: int, first: int, second: int, preferred: int) -> Case:
    texts = [record[f"prediction {one}"] for one in (first, second)]

    def answer(assignment: Json) -> Json:
        choice = "tie" if preferred == 0 else letter_of(assignment, texts[preferred - 1])
        return {"preference": {"choice": choice}}

    responses = [{"id": f"p{one}", "text": text} for one, text in zip((first, second), texts, strict=True)]
    line = {"external_id": f"fg-{number}-{first}{second}", "prompt": record["question"], "responses": responses}
    return Case(line, (Judgment(WHO, answer),))


def pairs(folder: Path) -> Iterator[Case]:
    for number, record in enumerate(_records(folder)):
        for (first, second), preferred in zip(combinations(range(1, 5), 2), record["preference"], strict=True):
            yield _pair(record, number, first, second, preferred)


def pair_facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    order = ["12", "13", "14", "23", "24", "34"]
    return {
        (f"fg-{number}-{order[place]}", WHO): record[f"prediction {order[place][said - 1]}"] if said else None
        for number, record in enumerate(_records(folder))
        for place, said in enumerate(record["preference"])
    }


def winner(line: Json, entries: list[Json]) -> Any:
    """The text that was preferred; None for a tie."""
    said = entry_of(entries, "preference")
    assert said is not None
    return None if said["choice"] == "tie" else text_by_id(line)[said[said["choice"]]]


SOURCES = [
    Source("fine_grained_rlhf: marks, missing, correction", "fine_grained_rlhf", MARKING, marking, marking_facts,
           marking_told),
    Source("fine_grained_rlhf: pairs", "fine_grained_rlhf", PAIRS, pairs, pair_facts, winner),
]  # fmt: skip
