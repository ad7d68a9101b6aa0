"""The votes behind a snapshot's labels, read batch by batch into arrays of codes: a dozen bytes a vote.

Beside the votes that labels rest on it reads what only tells about raters: their answers to items whose answer is known
(gold items, attention checks, adjudicated items), and what judges said of items that people judged as well.
"""

import hashlib
import json
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotation.models import Annotation, FormVersion, GoldResult, Rater
from annotation.protocols import Value
from annotation.services.forms import default_fields
from annotation.services.labels import counting
from annotation.standings import current
from corpus.models import Response
from training_bridge.derivations.ballots import Ballot, ballots, comparison, outcomes_of
from training_bridge.derivations.votes import Compared, Ints, Votes

BATCH = 500
_ANNOTATION = ("pk", "item_id", "rater_id", "standing", "form_version_id", "values")


@dataclass
class Question:
    """The votes on all parts of one question. `sides`: two ids a unit, -1 where it compares nothing we train on."""

    outcomes: dict[str, int]
    unit: "array[int]" = field(default_factory=lambda: array("i"))
    rater: "array[int]" = field(default_factory=lambda: array("i"))
    outcome: "array[int]" = field(default_factory=lambda: array("i"))
    sides: "array[int]" = field(default_factory=lambda: array("q"))
    known: dict[int, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        return len(self.sides) // 2

    def new_unit(self, sides: tuple[int, int] | None) -> int:
        self.sides.extend(sides or (-1, -1))
        return self.units - 1

    def code(self, outcome: str) -> int:
        return self.outcomes.setdefault(outcome, len(self.outcomes))

    def add(self, unit: int, rater: int, outcome: str) -> None:
        self.unit.append(unit)
        self.rater.append(rater)
        self.outcome.append(self.code(outcome))


@dataclass
class Votebook:
    """`questions`: by name; `raters`: id → code, in the order in which they were met; `cast`: votes on labels by code.

    `items` [L], ascending, with the first of its units `first` [L] and a print of the judgments it rests on; a unit is
    a `place` in the questions and a `row` in that question's units.
    """

    questions: dict[str, Question] = field(default_factory=dict)
    raters: dict[int, int] = field(default_factory=dict)
    cast: "array[int]" = field(default_factory=lambda: array("i"))
    items: "array[int]" = field(default_factory=lambda: array("q"))
    first: "array[int]" = field(default_factory=lambda: array("q"))
    prints: "array[int]" = field(default_factory=lambda: array("q"))
    place: "array[int]" = field(default_factory=lambda: array("h"))
    row: "array[int]" = field(default_factory=lambda: array("i"))

    def rater(self, pk: int) -> int:
        code = self.raters.setdefault(pk, len(self.raters))
        if code == len(self.cast):
            self.cast.append(0)
        return code

    def question(self, name: str, protocol: str) -> Question:
        if name not in self.questions:
            codes = {outcome: code for code, outcome in enumerate(outcomes_of(protocol, name))}
            self.questions[name] = Question(codes)
        return self.questions[name]

    def votes(self, name: str, human: Sequence[bool], models: Callable[[Ints], tuple[Ints, tuple[str, ...]]]) -> Votes:
        """One question's votes; `human`: by rater; `models`: ids of responses → places in names, -1 where unknown."""
        asked = self.questions[name]
        known = np.full((asked.units, len(asked.outcomes)), np.nan)
        for place, answer in asked.known.items():
            known[place] = np.eye(len(asked.outcomes))[answer]
        sides = np.frombuffer(asked.sides, dtype=np.int64).reshape(-1, 2)
        codes = comparison(name, list(asked.outcomes))
        compared = None
        if codes is not None:
            left, right, tie = codes
            compared = Compared(sides, *models(sides), left=left, right=right, tie=tie)
        columns = (asked.unit, asked.rater, asked.outcome)
        unit, rater, outcome = (np.frombuffer(column, dtype=np.intc).astype(np.int64) for column in columns)
        return Votes(unit, rater, outcome, np.ones(len(unit)), np.asarray(human, dtype=bool), known, compared)


def print_of(annotation_ids: Iterable[int]) -> int:
    """Eight bytes that tell whether a label still rests on the same judgments."""
    digest = hashlib.blake2b(json.dumps(list(annotation_ids)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Reader:
    """Reads the votes of one project and field into a book."""

    def __init__(self, *, project_id: int, name: str) -> None:
        self.name = name
        self.book = Votebook()
        forms = FormVersion.objects.filter(project=project_id).values_list("pk", "fields")
        self.protocols: dict[int | None, str | None] = {None: self._protocol(default_fields())}
        self.protocols |= {pk: self._protocol(fields) for pk, fields in forms}
        self.kinds = dict(Rater.objects.filter(project=project_id).values_list("pk", "kind"))
        self.human = {pk for pk, kind in self.kinds.items() if kind in ("person", "recorded_person")}
        self.has_judges = len(self.human) < len(self.kinds)

    def _protocol(self, fields: Iterable[Mapping[str, Any]]) -> str | None:
        return next((str(one["protocol"]) for one in fields if one["name"] == self.name), None)

    def _ballots(self, form_id: int | None, values: Mapping[str, Value]) -> list[Ballot]:
        protocol = self.protocols.get(form_id)
        return ballots(protocol, values[self.name]) if protocol and self.name in values else []

    def take(self, labels: Sequence[tuple[int, Sequence[int]]]) -> None:
        """A batch of labels, (item, ids of the judgments it rests on) by ascending item."""
        ids = [pk for _item, given in labels for pk in given]
        by_item: dict[int, list[Any]] = {item: [] for item, _given in labels}
        for row in Annotation.objects.filter(pk__in=ids).order_by("pk").values_list(*_ANNOTATION):
            by_item[row[1]].append(row)
        overheard = self._overheard(by_item, ids)
        for item, given in labels:
            self.book.items.append(item)
            self.book.first.append(len(self.book.row))
            self.book.prints.append(print_of(given))
            self._label(by_item[item], overheard.get(item, []))

    def _overheard(self, by_item: Mapping[int, Collection[Any]], ids: Sequence[int]) -> dict[int, list[Any]]:
        """Judgments that no label rests on: of adjudicated items, and of judges where people have judged."""
        wanted = [
            item
            for item, rows in by_item.items()
            if any(row[3] == "adjudicated" or (self.has_judges and row[2] in self.human) for row in rows)
        ]
        found: dict[int, list[Any]] = {}
        if wanted:
            rows = current().filter(counting(), item__in=wanted).exclude(pk__in=ids)
            for row in rows.order_by("pk").values_list(*_ANNOTATION):
                found.setdefault(row[1], []).append(row)
        return found

    def _label(self, heard: Iterable[Any], overheard: Iterable[Any]) -> None:
        units: dict[str, tuple[Question, int]] = {}
        settled = False
        said = [(row, self._ballots(row[4], row[5])) for row in heard]
        for part, (row, ballot) in sorted({one.part: (row, one) for row, given in said for one in given}.items()):
            asked = self.book.question(ballot.question, str(self.protocols[row[4]]))
            units[part] = asked, asked.new_unit(ballot.sides)
            self.book.place.append(list(self.book.questions).index(ballot.question))
            self.book.row.append(units[part][1])
        for row, given in said:
            settled = settled or row[3] == "adjudicated"
            for one in given:
                asked, unit = units[one.part]
                self._vote(asked, unit, row, one)
        for row in overheard:
            for one in self._ballots(row[4], row[5]):
                if one.part in units:
                    asked, unit = units[one.part]
                    asked.add(unit, self.book.rater(row[2]), one.outcome)

    def _vote(self, asked: Question, unit: int, row: Any, ballot: Ballot) -> None:
        """One that its label rests on. A reviewer's word settles the unit, and is no vote."""
        if row[3] == "adjudicated":
            asked.known[unit] = asked.code(ballot.outcome)
            return
        rater = self.book.rater(row[2])
        asked.add(unit, rater, ballot.outcome)
        self.book.cast[rater] += 1

    def take_tests(self) -> None:
        """How the raters met so far answered items whose answer is known. Each is a unit of its own."""
        columns = ("rater_id", "annotation__form_version_id", "annotation__values")
        known = ("gold__annotation__form_version_id", "gold__annotation__values")
        rows = GoldResult.objects.filter(rater__in=list(self.book.raters)).order_by("pk")
        for rater_id, form_id, values, *answer in rows.values_list(*columns, *known).iterator(BATCH):
            said = {one.part: one for one in self._ballots(form_id, values)}
            for one in self._ballots(*answer):
                if one.part in said and one.question in self.book.questions:
                    asked = self.book.questions[one.question]
                    unit = asked.new_unit(None)
                    asked.known[unit] = asked.code(one.outcome)
                    asked.add(unit, self.book.rater(rater_id), said[one.part].outcome)


def read_votes(
    *, project_id: int, name: str, batches: Iterator[Sequence[tuple[int, Sequence[int]]]], said: Callable[[int], None]
) -> tuple[Votebook, Reader]:
    """The book of all labels, read batch by batch; `said` is told how many labels have been read."""
    reader = Reader(project_id=project_id, name=name)
    for batch in batches:
        reader.take(batch)
        said(len(reader.book.items))
    reader.take_tests()
    return reader.book, reader


def model_places(sides: Ints) -> tuple[Ints, tuple[str, ...]]:
    """[U, 2] places in the names of the models that wrote the responses `sides`, -1 where that is not known."""
    ids = np.unique(sides[sides >= 0])
    names: dict[str, int] = {}
    place = np.full(len(ids), -1, dtype=np.int64)
    for start in range(0, len(ids), BATCH):
        rows = Response.objects.filter(pk__in=ids[start : start + BATCH].tolist()).exclude(model_name="")
        for pk, model in rows.order_by("pk").values_list("pk", "model_name"):
            place[np.searchsorted(ids, pk)] = names.setdefault(model, len(names))
    if not len(ids):
        return np.full_like(sides, -1), ()
    found = np.where(sides >= 0, place[np.minimum(np.searchsorted(ids, sides), len(ids) - 1)], -1)
    return found, tuple(names)
