"""DeFacto: is a summary true to its article; why not, what shows it, what to change, and the summary mended."""

from collections.abc import Collection, Iterator
from pathlib import Path

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, letter_of, records, text_by_id

WHO = "annotator"
QUESTIONS = ("has_error", "intrinsic_error", "extrinsic_error")
WORDS = {"explanation": "Why", "evidence": "What in the article shows it", "instructions": "What to change"}
ONE_TEXT = {"text": "required", "keep": "off"}
FORM = [
    {
        "name": "errors",
        "protocol": "labels",
        "config": {"target": "responses", "questions": [{"key": one, "label": one} for one in QUESTIONS]},
    },
    *(
        {"name": name, "label": label, "protocol": "critique", "config": ONE_TEXT, "required": False}
        for name, label in WORDS.items()
    ),
    {"name": "mended", "protocol": "edit", "config": {"unchanged": True, "scratch": False}, "required": False},
]


def _judgment(record: Json) -> Judgment:
    said, text = record["feedback"], record["candidate"]

    def answer(assignment: Json) -> Json:
        letter = letter_of(assignment, text)
        values: Json = {"errors": {"answers": {letter: {one: record[one] for one in QUESTIONS}}}}
        # No instruction has a line break in it, so that a list of them is a text and back again.
        texts = said | {"instructions": "\n".join(said["instruction_list"])}
        values |= {name: {"text": texts[name]} for name in WORDS if texts[name]}
        if said["summary"] == text:
            values["mended"] = {"base": letter, "unchanged": True}
        elif said["summary"]:
            values["mended"] = {"base": letter, "text": said["summary"]}
        return values

    return Judgment(WHO, answer)


def cases(folder: Path) -> Iterator[Case]:
    for name, number, record in records(folder, "*.jsonl.gz"):
        line = {
            "external_id": f"defacto-{name}-{number}",
            "prompt": "Summarise the article in one sentence.",
            "context": [{"kind": "document", "text": record["article"]}],
            "responses": [{"id": "candidate", "text": record["candidate"]}],
        }
        yield Case(line, (_judgment(record),))


def facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """No summary, empty or null, is no refinement."""
    found = {}
    for name, number, record in records(folder, "*.jsonl.gz"):
        said = record["feedback"]
        found[f"defacto-{name}-{number}", WHO] = {
            "errors": [record["has_error"], record["intrinsic_error"], record["extrinsic_error"]],
            "said": [said["explanation"], said["evidence"], said["instruction"], said["instruction_list"]],
            "mended": said["summary"] or None,
            "article": record["article"],
        }
    return found


def told(line: Json, entries: list[Json]) -> Facts:
    texts = text_by_id(line)
    labels, edit = entry_of(entries, "errors"), entry_of(entries, "mended")
    assert labels is not None
    critiques = {name: entry_of(entries, name) or {"text": ""} for name in WORDS}
    instructions = critiques["instructions"]["text"].splitlines()
    mended = None
    if edit is not None:
        mended = texts[edit["base_response_id"] if edit.get("unchanged") else edit["new_response_id"]]
    return {
        "errors": [labels["labels"][one] for one in QUESTIONS],
        "said": [critiques["explanation"]["text"], critiques["evidence"]["text"], " ".join(instructions), instructions],
        "mended": mended,
        "article": line["context"][0]["text"],
    }


SOURCES = [Source("defacto: labels, critique, correction", "defacto", FORM, cases, facts, told)]
