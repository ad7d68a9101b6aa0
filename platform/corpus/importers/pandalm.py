"""The PandaLM test set: three people's verdicts a pair, and the files of its two judges, joined by `idx`.

Which file is which is told by its keys. People and judges become recorded annotations; labels do not count them unless
asked to, since their use is to be replayed by routing. Source: github.com/WeOpenML/PandaLM (data/*.json).
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.messages import expect
from corpus.importers.records import decoded, each
from corpus.importers.rows import Answer, Bad, Fault, Json, Options, Row

PEOPLE = ("annotator1", "annotator2", "annotator3")
CHOICES = {"0": "tie", "1": "left", "2": "right", "Tie": "tie"}


@dataclass(frozen=True)
class Judge:
    """A judge's file: the key its verdict stands under, and the same for what it wrote beside it."""

    name: str
    prefix: str


JUDGES = (Judge("gpt-3.5-turbo", "gpt"), Judge("pandalm-7b", "pandalm"))
PAIR = frozenset({"idx", "instruction", "input", "response1", "response2", "cmp_key", *PEOPLE})


def _text(record: Json, key: str) -> str:
    value = record.get(key)
    if type(value) is bool:  # an answer "True" or "False" lost its quotes when the file was made
        return str(value)
    return str(expect(value, str, f"/{key}"))


def _number(record: Json) -> int:
    return int(expect(record.get("idx"), int, "/idx"))


def judged(document: Document) -> Judge | None:
    """The judge whose file this is; None where it is the test set, or cannot be told (then reading it says why)."""
    for found in decoded(document):
        if not isinstance(found, Fault) and isinstance(found[2], dict):
            return next((judge for judge in JUDGES if f"{judge.prefix}_result" in found[2]), None)
    return None


class Verdicts:
    """The judges' files by `idx`, in a temporary database on disk, so that their size does not matter."""

    def __init__(self) -> None:
        self.database = sqlite3.connect("")  # a private file that SQLite removes
        self.database.execute(
            "CREATE TABLE verdict (idx INTEGER, judge TEXT, line INTEGER, body TEXT, PRIMARY KEY (idx, judge))"
        )
        self.database.execute("CREATE TABLE pair (idx INTEGER PRIMARY KEY)")

    def read(self, document: Document, judge: Judge) -> Iterator[Fault]:
        def keep(record: Json, file: str, line: int) -> Row:
            verdict = record.get(f"{judge.prefix}_result")
            if type(verdict) not in {str, int}:
                raise Bad(f"/{judge.prefix}_result", _("expected a string or a whole number"))
            body = {"verdict": str(verdict)}
            for key in ("reason", "reference"):
                body[key] = _text(record, f"{judge.prefix}_{key}") if f"{judge.prefix}_{key}" in record else ""
            new = self.database.execute(
                "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?)",
                (_number(record), judge.name, line, json.dumps(body)),
            )
            if not new.rowcount:
                raise Bad(
                    "/idx",
                    _("a second verdict of %(name)s on pair %(record)s")
                    % {"name": judge.name, "record": _number(record)},
                )
            return Row(file, line, [])

        for found in each([document], keep):
            if isinstance(found, Fault):
                yield found

    def of(self, idx: int) -> dict[str, Json]:
        self.database.execute("INSERT OR IGNORE INTO pair VALUES (?)", (idx,))
        rows = self.database.execute("SELECT judge, body FROM verdict WHERE idx = ?", (idx,))
        return {judge: json.loads(body) for judge, body in rows}

    def orphans(self) -> Iterator[tuple[str, int, int]]:
        """(judge, line, idx) of verdicts on pairs that the test set does not have."""
        yield from self.database.execute(
            "SELECT judge, line, idx FROM verdict WHERE idx NOT IN (SELECT idx FROM pair) ORDER BY judge, line"
        )


def _entry(annotator: str, kind: str, verdict: str, rationale: str = "") -> Json:
    found = {"annotator": annotator, "annotator_kind": kind, "kind": "comparison", "left": 0, "right": 1}
    found["choice"] = CHOICES.get(verdict, "unsure")
    if found["choice"] == "unsure":
        found["verdict_raw"] = verdict
    return found | ({"rationale": rationale} if rationale else {})


def _people(record: Json) -> list[Json]:
    found = []
    for name in PEOPLE:
        verdict = expect(record.get(name), int, f"/{name}")
        if verdict not in {0, 1, 2}:
            raise Bad(f"/{name}", _("expected 0 (tie), 1 or 2"))
        found.append(_entry(name, "human", str(verdict)))
    return found


def _row(record: Json, file: str, line: int, verdicts: Verdicts) -> Row:
    idx = _number(record)
    judged_by = verdicts.of(idx)
    instruction, extra = _text(record, "instruction"), _text(record, "input")
    models = record.get("cmp_key")
    names = models.split("_") if isinstance(models, str) and models.count("_") == 1 else ["", ""]
    answers = [
        Answer([{"role": "assistant", "content": _text(record, f"response{number}")}], "model", name[:200])
        for number, name in enumerate(names, start=1)
    ]
    feedback = _people(record)
    raw = {key: value for key, value in record.items() if key not in PAIR}
    for judge, body in judged_by.items():
        feedback.append(_entry(judge, "ai", body["verdict"], body["reason"]))
        if body["reference"]:
            raw.setdefault("references", {})[judge] = body["reference"]
    prompt = f"{instruction}\n{extra}" if extra else instruction
    return Row(
        file,
        line,
        [{"role": "user", "content": prompt}],
        answers,
        feedback,
        external_id=f"pandalm:{idx}",
        # A longer group is hashed: pairs of one instruction stay on one side of a split, whatever their input.
        group=f"pandalm instruction: {instruction}",
        language="en",
        licence="Apache-2.0",
        raw=raw,
        warnings=[
            _("%(key)s is %(found)s in the file: read as the text %(text)s")
            % {"key": key, "found": str(record[key]).lower(), "text": record[key]}
            for key in ("response1", "response2")
            if type(record[key]) is bool
        ],
    )


class PandaLM:
    key = "pandalm"
    title = _("PandaLM test set")
    description = _(
        "testset-v1.json and, beside it if you have them, the files of its judges (gpt-3.5-turbo, pandalm-7b): choose "
        "them together, or one zip that holds them. Three people and the judges become recorded annotations."
    )
    example = (
        '[{"idx": 0, "instruction": "Shorten this.", "input": "The bicycle I own is red.", "cmp_key": "small_large", '
        '"response1": "My bicycle is red.", "response2": "Red.", "annotator1": 1, "annotator2": 1, "annotator3": 0}]'
    )
    use_recorded: bool | None = False

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        verdicts = Verdicts()
        with closing(verdicts.database):
            kinds = [(document, judged(document)) for document in documents]
            for document, judge in kinds:
                if judge:
                    yield from verdicts.read(document, judge)
            pairs = [document for document, judge in kinds if judge is None]
            if not pairs:
                yield Fault(documents[0].name, 0, _("only judges' files: the test set itself is missing"), fatal=True)
                return
            yield from each(pairs, lambda record, file, line: _row(record, file, line, verdicts))
            files = {judge.name: document.name for document, judge in kinds if judge}
            for name, line, idx in verdicts.orphans():
                yield Fault(
                    files[name],
                    line,
                    _("a verdict on pair %(idx)s, which the test set does not have") % {"idx": idx},
                    "/idx",
                )


IMPORTER = PandaLM()
