"""MQM side by side: error spans in a translation or in its source, three raters a segment, each with a severity."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.replay.cases import Case, Facts, Json, Judgment, Source, entry_of, key_of, letter_of, opened

OPEN, CLOSE = "<v>", "</v>"
TEST, NONE = "HOTW-test", "No-error"
SEVERITIES = ("Neutral", "Minor", "Major", "Critical")


@dataclass(frozen=True)
class Row:
    system: str
    document: str
    segment: str
    rater: str
    source: str
    target: str
    category: str
    severity: str

    @property
    def item(self) -> str:
        # A few segments were shown with two different texts, one with two sources: each is an item of its own.
        texts = (text.replace(OPEN, "").replace(CLOSE, "") for text in (self.source, self.target))
        return f"{self.system}/{self.document}/{self.segment}/{hash_of(*texts)}"


def hash_of(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def _rows(folder: Path) -> Iterator[Row]:
    """Attention checks (HOTW-test) are no judgments of the text."""
    for path in sorted(folder.glob("dev/*.tsv.gz")):
        with opened(path) as handle:
            next(handle)
            for line in handle:
                cells = line.rstrip("\n").split("\t")
                if len(cells) >= 10 and cells[8] != TEST:
                    yield Row(cells[0], cells[1], cells[3], cells[4], *cells[5:9])


@dataclass
class Segment:
    source: str
    target: str
    rows: dict[str, list[Row]] = field(default_factory=dict)


def _segments(folder: Path) -> dict[str, Segment]:
    found: dict[str, Segment] = {}
    for row in _rows(folder):
        bare = [text.replace(OPEN, "").replace(CLOSE, "") for text in (row.source, row.target)]
        found.setdefault(row.item, Segment(*bare)).rows.setdefault(row.rater, []).append(row)
    return found


def _answer(rows: list[Row], target: str) -> Judgment:
    def answer(assignment: Json) -> Json:
        letter = letter_of(assignment, target)
        spans = [_span(row, letter) for row in rows if row.category != NONE]
        return {"errors": {"spans": spans} if spans else {"none": True}}

    return Judgment(rows[0].rater, answer)


def _span(row: Row, letter: str) -> Json:
    in_target = OPEN in row.target
    marked = row.target if in_target else row.source
    start = marked.index(OPEN)
    end = marked.index(CLOSE) - len(OPEN)
    quote = marked[start + len(OPEN) : marked.index(CLOSE)]
    target: Json = {"response": letter} if in_target else {"message": 0}
    return {"target": target, "segments": [{"start": start, "end": end}], "quote": quote,
            "category": key_of(row.category), "severity": row.severity.lower()}  # fmt: skip


def cases(folder: Path) -> Iterator[Case]:
    for name, segment in _segments(folder).items():
        line = {
            "external_id": name,
            "prompt": segment.source,
            "responses": [{"id": "t", "text": segment.target}],
        }
        yield Case(line, tuple(_answer(rows, segment.target) for rows in segment.rows.values()))


CATEGORIES = (
    *("Accuracy/Mistranslation", "Accuracy/Creative Reinterpretation", "Accuracy/Gender Mismatch"),
    *("Accuracy/Omission (Translation)", "Accuracy/Omission (Translation 2)", "Accuracy/Addition"),
    *("Accuracy/Source language fragment", "Fluency/Punctuation", "Fluency/Grammar", "Fluency/Spelling"),
    *("Fluency/Inconsistency", "Fluency/Text-Breaking", "Fluency/Register", "Fluency/Character encoding"),
    *("Style/Unnatural or awkward", "Style/Bad sentence structure", "Style/Archaic or obscure word choice"),
    *("Terminology/Inappropriate for context", "Terminology/Inconsistent", "Locale convention/Name format"),
    *("Locale convention/Date format", "Locale convention/Address format", "Locale convention/Currency format"),
    *("Locale convention/Time format", "Source issue", "Non-translation!", "Other"),
)
CONFIG = {
    "categories": [
        {"key": key_of(name), "name": name, "letter": chr(65 + place % 26) + "2" * (place > 25), "color": place % 8 + 1}
        for place, name in enumerate(CATEGORIES)
    ],
    "severities": [{"key": name.lower(), "name": name} for name in SEVERITIES],
    "severity": "required",
    "note": "off",
    "omissions": False,
    "targets": ["responses", "messages"],
}
FORM = [{"name": "errors", "protocol": "spans", "config": CONFIG}]


def facts(folder: Path, wanted: Collection[str] | None = None) -> dict[tuple[str, str], Facts]:
    """The marked texts just as the columns have them: the mark lies where it lay, to the character."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    for row in _rows(folder):
        said = found.setdefault((row.item, row.rater), [])
        if row.category != NONE:
            said.append([key_of(row.category), row.severity.lower(), row.source, row.target])
    return {key: sorted(said) for key, said in found.items()}


def told(line: Json, entries: list[Json]) -> Facts:
    source, target = line["prompt"][0]["content"], line["responses"][0]["text"]
    said, found = entry_of(entries, "errors"), []
    assert said is not None
    for span in said["spans"]:
        [part] = span["segments"]
        in_target = "response_id" in span["target"]
        text = target if in_target else source
        assert text[part["start"] : part["end"]] == span["quote"]
        marked = text[: part["start"]] + OPEN + span["quote"] + CLOSE + text[part["end"] :]
        found.append([span["category"], span["severity"], *((source, marked) if in_target else (marked, target))])
    return sorted(found)


SOURCES = [Source("mqm_sxs_2023: error spans", "mqm_sxs_2023", FORM, cases, facts, told)]
