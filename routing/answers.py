"""What a judge and people said of the same items, and whether it is the same. A few queries for any number of items."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from annotation.models import Annotation, FormVersion, Item, Rater
from annotation.protocols import Protocol, Value, protocol
from annotation.standings import current
from routing.models import Judge

PEOPLE = [Rater.Kind.PERSON, Rater.Kind.RECORDED_PERSON]
WORK = [Annotation.Standing.COUNTED, Annotation.Standing.RECORDED]
"""Whose answers say what people think of an item: no tests, no repeats, nothing handed in beyond what was asked."""
HEARD = [*WORK, Annotation.Standing.ADJUDICATED]
"""With a reviewer's word, given in sight of theirs."""
CHUNK = 5000

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """One rater's word on one item. `values`: {field: value in normal form}."""

    id: int
    item_id: int
    rater_id: int
    values: Values


def by_people(standings: Sequence[str] = HEARD) -> QuerySet[Annotation]:
    return current().filter(rater__kind__in=PEOPLE, standing__in=standings)


def by_judge(rater_id: int) -> QuerySet[Annotation]:
    """`rater_id`: the rater that the judge is."""
    return current().filter(rater=rater_id, standing=Annotation.Standing.COUNTED)


def of_people(item_ids: Sequence[int], **where: Any) -> dict[int, list[Answer]]:
    """Item → what people said of it, in order. `where`: further conditions on the annotation."""
    found: dict[int, list[Answer]] = defaultdict(list)
    for answer in _read(by_people(WORK).filter(**where), item_ids):
        found[answer.item_id].append(answer)
    return found


def of_judge(judge: Judge, item_ids: Sequence[int], **where: Any) -> dict[int, Answer]:
    """Item → what the judge said of it."""
    own = by_judge(judge.rater_id).filter(**where)
    return {answer.item_id: answer for answer in _read(own, item_ids)}


def _read(answers: QuerySet[Annotation], item_ids: Sequence[int]) -> Iterator[Answer]:
    for start in range(0, len(item_ids), CHUNK):
        some = answers.filter(item__in=item_ids[start : start + CHUNK]).order_by("pk")
        for row in some.values_list("pk", "item", "rater", "values"):
            yield Answer(*row)


def one_of(item: Item, answers: Sequence[Answer]) -> Answer:
    """One person's word of several, by the item's stored random number: an item is one draw, whoever was asked."""
    return answers[item.random_key % len(answers)]


class Comparison:
    """Compares answers to one form, field by field, as far as the form's answers vote for something."""

    def __init__(self, form: FormVersion) -> None:
        self.fields: dict[str, Protocol] = {field["name"]: protocol(field["protocol"]) for field in form.fields}

    def _votes(self, values: Values) -> Iterator[tuple[str, Value, str]]:
        for name, plug in self.fields.items():
            value = values.get(name)
            vote = None if value is None else plug.outcome(value)
            if value is not None and vote is not None:
                yield name, value, vote

    def same(self, one: Values, other: Values) -> list[bool]:
        """Of each field in which both have voted, whether they say the same."""
        theirs = {name: value for name, value, _ in self._votes(other)}
        shared = [(name, value) for name, value, _ in self._votes(one) if name in theirs]
        return [self.fields[name].distance(value, theirs[name]) == 0 for name, value in shared]

    def agrees(self, one: Values, other: Values) -> bool | None:
        """Whether both say the same wherever both have voted; None where they have no vote in common."""
        found = self.same(one, other)
        return all(found) if found else None

    def votes(self, values: Values) -> dict[str, str]:
        """{field: what the answer votes for}."""
        return {name: vote for name, _, vote in self._votes(values)}

    def coded(self, rows: Collection[Values]) -> list[int]:
        """A number for each answer, the same for answers that vote alike in every field."""
        seen: dict[tuple[tuple[str, str], ...], int] = {}
        return [seen.setdefault(tuple(sorted(self.votes(row).items())), len(seen)) for row in rows]
