"""Fine-Grained RLHF (Wu et al. 2023): a question, passages, four answers; marks on the first, what it lacks, a mended
text, and a preference for each of the six pairs.

A record becomes six items of two answers each. The first of them holds what was said of answer 1 alone, which is all
that was read for faults.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from common.words import gettext_noop as _
from corpus.importers.documents import Document
from corpus.importers.messages import expect
from corpus.importers.native import row_of
from corpus.importers.records import decoded
from corpus.importers.rows import Bad, Fault, Json, Options, Row, excerpt

PAIRS = tuple(combinations(range(1, 5), 2))
PREFERRED = {0: "tie", 1: "left", 2: "right"}
MARKED, WHO = 1, "annotator"


def key_of(name: str) -> str:
    """A type of fault as the key of a form's category: lower case, words joined by underscores."""
    return "_".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())[:40]


def _text(record: Json, key: str, at: str = "") -> str:
    found: str = expect(record.get(key), str, f"{at}/{key}")
    return found


def _entries(record: Json, key: str, at: str = "") -> list[tuple[Json, str]]:
    """The objects of a list, each with its place."""
    found = expect(record.get(key), list, f"{at}/{key}")
    return [(expect(one, dict, f"{at}/{key}/{n}"), f"{at}/{key}/{n}") for n, one in enumerate(found)]


def _passages(record: Json) -> list[list[str]]:
    """Of each passage its title and sentences."""
    found = []
    for number, parts in enumerate(expect(record.get("passages"), list, "/passages")):
        at = f"/passages/{number}"
        texts = [expect(part, str, f"{at}/{n}") for n, part in enumerate(expect(parts, list, at))]
        if not texts:
            raise Bad(at, _("an empty passage"))
        found.append(texts)
    return found


def _marks(text: str, said: Json) -> Iterator[Json]:
    """Faults of the marked answer; offsets count code points, the end is exclusive."""
    for error, at in _entries(said, "errors", "/feedback"):
        start, end = (expect(error.get(key), int, f"{at}/{key}") for key in ("start", "end"))
        if not 0 <= start <= end <= len(text):
            raise Bad(f"{at}/end", _("outside of the text"))
        why = _text(error, "explanation", at)
        yield {
            "target": {"response_id": str(MARKED)}, "segments": [{"start": start, "end": end}],
            "quote": text[start:end], "category": key_of(_text(error, "error type", at)),
        } | ({"comment": why} if why else {})  # fmt: skip


def _missing(passages: Sequence[Sequence[str]], said: Json) -> Iterator[Json]:
    """What the marked answer lacks, and the sentences that say it: passages count from 1, their sentences from 1 as the
    title is 0."""
    for gap, at in _entries(said, "missing-info", "/feedback"):
        number = expect(gap.get("passage_id"), int, f"{at}/passage_id") - 1
        wanted = sorted(set(expect(gap.get("sentence_id"), list, f"{at}/sentence_id")))
        if not 0 <= number < len(passages) or not all(
            type(one) is int and 0 <= one < len(passages[number]) for one in wanted
        ):
            raise Bad(at, _("there is no such sentence"))
        parts, places = passages[number], [0]
        for part in parts:
            places.append(places[-1] + len(part) + 1)
        yield {
            "omission": True, "response_id": str(MARKED), "target": {"context_idx": number},
            "category": key_of(_text(gap, "error type", at)),
            "segments": [{"start": places[one], "end": places[one + 1] - 1} for one in wanted],
            "quote": " … ".join(parts[one] for one in wanted),
        }  # fmt: skip


def _judgments(record: Json, passages: Sequence[Sequence[str]]) -> list[Json]:
    """What was said of the marked answer."""
    said = expect(record.get("feedback"), dict, "/feedback")
    text, mended = _text(record, f"prediction {MARKED}"), _text(said, "corrected-prediction", "/feedback")
    spans = [*_marks(text, said), *_missing(passages, said)]
    found: list[Json] = [{"kind": "spans", "target": {"response_id": str(MARKED)}, "spans": spans}]
    if mended:
        what: Json = {"unchanged": True} if mended == text else {"text": mended}
        found.append({"kind": "refinement", "base_response_id": str(MARKED)} | what)
    return found


def _records(record: Json) -> Iterator[Json]:
    """Six items in the native form."""
    question, passages = _text(record, "question"), _passages(record)
    preferred = expect(record.get("preference"), list, "/preference")
    if len(preferred) != len(PAIRS) or any(type(one) is not int or one not in PREFERRED for one in preferred):
        raise Bad("/preference", _("expected six numbers: 0 (neither), 1 or 2"))
    context = [{"kind": "passage", "title": one[0], "text": "\n".join(one), "sentences": one[1:]} for one in passages]
    for (first, second), said in zip(PAIRS, preferred, strict=True):
        feedback: list[Json] = [
            {"kind": "comparison", "left": str(first), "right": str(second), "choice": PREFERRED[said]}
        ]
        if (first, second) == PAIRS[0]:
            feedback += _judgments(record, passages)
        yield {
            "prompt": question, "group": question, "lang": "en", "licence": "Apache-2.0", "context": context,
            "responses": [{"id": str(n), "text": _text(record, f"prediction {n}")} for n in (first, second)],
            "feedback": [one | {"annotator": WHO, "annotator_kind": "human"} for one in feedback],
            "gold": record.get("gold"),
        }  # fmt: skip


class FineGrained:
    key = "fine_grained"
    title = _("Fine-Grained RLHF")
    description = _(
        "A list of questions with passages and four answers: marks on the first answer, what it lacks, a corrected "
        "text, and which of each two answers is better. For a form of marks, edit and comparison; "
        "each pair of answers becomes an item."
    )
    example = (
        '[{"question": "Who built the bridge?", "passages": [["Bridge", "It opened in 1901.", "Ann Lee built it."]], '
        '"gold": "Ann Lee.", "prediction 1": "It opened in 1901. It is blue.", "prediction 2": "Ann Lee did.", '
        '"prediction 3": "Nobody knows.", "prediction 4": "Ann Lee.", "feedback": {"errors": [{"error type": '
        '"Irrelevant", "explanation": "", "start": 19, "end": 30}], "missing-info": [{"error type": "Missing-Answer", '
        '"passage_id": 1, "sentence_id": [2]}], "corrected-prediction": "Ann Lee built it."}, '
        '"preference": [2, 1, 2, 1, 0, 2]}]'
    )
    use_recorded: bool | None = True

    def rows(self, documents: Sequence[Document], options: Options) -> Iterator[Row | Fault]:
        for document in documents:
            for found in decoded(document):
                if isinstance(found, Fault):
                    yield found
                    continue
                line, data, value = found
                try:
                    yield from _rows(value, document.name, line, options)
                except Bad as bad:
                    yield Fault(document.name, line, bad.reason, bad.pointer, excerpt(data))


def _rows(value: Any, file: str, line: int, options: Options) -> list[Row]:
    """All rows of a record, or none: half of one would look like the whole."""
    return [row_of(record, file, line, options) for record in _records(expect(value, dict, ""))]


IMPORTER = FineGrained()
