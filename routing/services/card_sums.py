"""What a judge's calls and answers add to its card: rows in, cases out (`routing.calibration`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from django.db.models import QuerySet

from annotation.figures import first_shown, longer_chosen
from annotation.models import Annotation, Item, ItemResponse
from annotation.protocols import LETTERS, Content, Protocol, Value
from common.errors import Invalid
from routing.against import Beside, beside, value_of
from routing.calibration import Case, Habits, Sums, Tally
from routing.models import Judge, JudgeCall
from routing.services.features import tags_of
from routing.services.labelled import differs
from routing.texts import plain_text

FINISHED = [JudgeCall.State.ANSWERED, JudgeCall.State.REFUSED, JudgeCall.State.FAILED]


@dataclass(frozen=True)
class Field:
    """A field of the form in force, that the card speaks of."""

    name: str
    plug: Protocol
    config: Value


# Every call: what the judge does whatever people say.


def finished_calls(judge: Judge) -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(judge=judge, state__in=FINISHED)


def add_calls(sums: Sums, fields: Mapping[str, Field], calls: Sequence[JudgeCall]) -> None:
    for call in calls:
        habits = sums.habits
        habits.refused.add([float(call.state != JudgeCall.State.ANSWERED)])
        habits.cost += float(call.cost)
        habits.milliseconds += call.milliseconds
        habits.tokens += call.tokens
        for name, field in fields.items():
            records = [one for one in call.answer.get("orders", []) if one.get("field", name) == name]
            _add_readings(habits, field, records)


def _add_readings(habits: Habits, field: Field, records: Sequence[Mapping[str, Any]]) -> None:
    by_order: dict[tuple[int, ...], list[Value]] = {}
    for record in records:
        found = reading(field, record)
        if found is not None:
            by_order.setdefault(found[0], []).append(found[1])
    habits.first.add(
        [
            float(hit)
            for shown, values in by_order.items()
            for value in values
            for hit in first_shown(_preferred(field, value), shown)
        ]
    )
    firsts = [values[0] for values in by_order.values()]
    if len(firsts) > 1:
        habits.contradicted.add([float(any(_apart(field, *pair) for pair in combinations(firsts, 2)))])
    samples = [pair for values in by_order.values() for pair in combinations(values, 2)]
    habits.consistent.add([float(not _apart(field, *pair)) for pair in samples])


def reading(field: Field, record: Mapping[str, Any]) -> tuple[tuple[int, ...], Value] | None:
    """(order shown, value) of what was kept of one asking; responses go by their places in the item.

    None where it holds no verdict of the judge's own: a fault, a part of one, a member of a jury.
    """
    if record.get("member") or record.get("portion") or record.get("fault"):
        return None
    if "first" in record and record.get("choice"):
        choice = record["choice"]
        sided = choice in {"left", "right"}
        shown = (0, 1) if record["first"] == "left" else (1, 0)
        return shown, {"left": 0, "right": 1, "choice": choice, "strength": int(sided)}
    verdict, order = record.get("verdict"), record.get("order")
    if not isinstance(verdict, dict) or not isinstance(order, list):
        return None
    places = list(range(min(len(order), len(LETTERS))))
    try:
        config = field.config | ({"rationale": "optional"} if "rationale" in field.config else {})
        return tuple(order), field.plug.normal_form(verdict, config, Content.of_ids(places, places))
    except (Invalid, AssertionError):  # of an older form, or one that speaks of texts
        return None


def _apart(field: Field, one: Value, other: Value) -> bool:
    return bool(differs(field.plug, one, other))


def _preferred(field: Field, value: Value) -> list[tuple[int, int]]:
    """(chosen, rejected) of each preference in a value; ties are none."""
    return [(one.chosen_id, one.rejected_id) for one in field.plug.preferences(value) if one.strength]


# Every answer that people have given one beside.


def add_answers(sums: Sums, fields: Mapping[str, Field], own: Sequence[Annotation]) -> None:
    both = beside(own)
    ids = [one.judged.item_id for one in both]
    items = {item.pk: item for item in Item.objects.filter(pk__in=ids).select_related("prompt", "source")}
    sure = dict(JudgeCall.objects.filter(item__in=ids, judge__rater=own[0].rater_id).values_list("item", "confidence"))
    lengths: dict[int, int] = {
        row.response_id: len(plain_text(row.response.messages))
        for row in ItemResponse.objects.filter(item__in=ids).select_related("response")
    }
    for one in both:
        item = items[one.judged.item_id]
        slices = slices_of(item)
        for name, field in fields.items():
            case = _case(field, one, sure.get(item.pk), lengths, slices)
            if case is not None:
                sums.fields.setdefault(name, Tally()).add(case)


def _case(
    field: Field,
    one: Beside,
    confidence: float | None,
    lengths: dict[int, int],
    slices: Sequence[tuple[str, str]],
) -> Case | None:
    own = value_of(one.judged, field.name)
    given = [(person, value) for person in one.people if (value := value_of(person, field.name)) is not None]
    if own is None:
        return None
    known = [(value, gap) for _person, value in given if (gap := differs(field.plug, own, value)) is not None]
    if not known:
        return None
    among = [differs(field.plug, a, b) for (_p, a), (_q, b) in combinations(given, 2)]
    said = field.plug.outcome(own) if field.plug.outcomes else None
    return Case(
        agreed=[1 - gap for _value, gap in known],
        outcomes=[
            (said, theirs)
            for value, _gap in known
            if said is not None and (theirs := field.plug.outcome(value)) is not None
        ],
        confidence=confidence,
        people=[1 - gap for gap in among if gap is not None],
        weight=1 / one.asked,
        longer=_floats(longer_chosen(_preferred(field, own), lengths)),
        people_longer=_floats(
            [hit for value, _gap in known for hit in longer_chosen(_preferred(field, value), lengths)]
        ),
        people_first=_floats(
            [
                hit
                for person, value in given
                for hit in first_shown(_preferred(field, value), person.display_order or [])
            ]
        ),
        slices=slices,
    )


def _floats(hits: Sequence[bool]) -> list[float]:
    return [float(hit) for hit in hits]


def slices_of(item: Item) -> list[tuple[str, str]]:
    """(way to slice, value): what a card is told apart by. Needs the item's prompt and source."""
    found = []
    for key, value in tags_of(item).items():
        way = key if key in {"topic", "language"} else "tag"
        found.append((way, value if way == key else f"{key}={value}" if value else key))
    return found + ([("source", item.source.filename)] if item.source else [])
