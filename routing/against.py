"""What a judge said beside what people said of the same items, and with which probability people were asked of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from annotation.models import Annotation
from annotation.protocols import protocol
from annotation.services.forms import current_form
from routing.answers import by_judge, by_people
from routing.models import Decision, Judge, JudgeCall

LATEST = 1000
"""Answers of a jury that its confidence is learnt from."""


@dataclass(frozen=True)
class Beside:
    """One item that both have answered. `people`: their annotations that stand, at least one.

    `asked`: the probability that people were asked of it; 1 where what they said came with an import, or where no
    router has spoken.
    """

    judged: Annotation
    people: Sequence[Annotation]
    asked: float


def judged(rater_id: int) -> QuerySet[Annotation]:
    """A judge's answers that stand, in the order given."""
    return by_judge(rater_id).order_by("pk")


def beside(own: Sequence[Annotation]) -> list[Beside]:
    """Of a judge's answers those that people have given one beside, and that count in figures."""
    ids = [one.item_id for one in own]
    people: dict[int, list[Annotation]] = defaultdict(list)
    for one in by_people().filter(item__in=ids).select_related("rater").order_by("pk"):
        people[one.item_id].append(one)
    chances = asked(list(people))
    both = [
        Beside(one, people[one.item_id], _chance(people[one.item_id], chances.get(one.item_id, 1.0)))
        for one in own
        if one.item_id in people
    ]
    return [one for one in both if one.asked > 0]


def asked(item_ids: Sequence[int]) -> Mapping[int, float]:
    """{item: the probability that people and judge answer it}, by the router's word that counts; without one, missing.

    0 where that word spared people and they were asked on top. Where a plan sends an item to people and only a hidden
    draw to the judge too, both draws count.
    """
    words = Decision.objects.filter(item__in=item_ids, asked__gt=0)
    found = {}
    for item_id, route, purpose, chance, drawn in words.values_list(
        "item", "route", "purpose", "asked", "plan__sampling"
    ):
        hidden = drawn["hidden_share"] if route == Decision.Route.BOTH and purpose == Decision.Purpose.PLAN else 1.0
        found[item_id] = 0.0 if route == Decision.Route.JUDGE else chance * hidden
    return found


def _chance(people: Sequence[Annotation], routed: float) -> float:
    recorded = any(one.standing == Annotation.Standing.RECORDED for one in people)
    return 1.0 if recorded else routed


def value_of(annotation: Annotation, field: str) -> dict[str, Any] | None:
    """What an annotation says on a field; None where it says nothing that can be used."""
    value = annotation.values.get(field)
    return value if isinstance(value, dict) and "raw" not in value else None


def supported(jury: Judge | None) -> list[tuple[float, float, float]]:
    """(share of the votes that a jury's verdict had, how far people agreed with it, weight) of its latest answers that
    people have given one beside; the weight is 1 over the probability that people were asked."""
    if jury is None:
        return []
    both = beside(list(judged(jury.rater_id).order_by("-pk")[:LATEST]))
    calls = JudgeCall.objects.filter(judge=jury, item__in=[one.judged.item_id for one in both])
    votes = {item: answer.get("orders", []) for item, answer in calls.values_list("item", "answer")}
    fields = {one["name"]: protocol(one["protocol"]) for one in current_form(project=jury.project).fields}
    found = []
    for one in both:
        for name, plug in fields.items():
            shares = [vote["support"] for vote in votes.get(one.judged.item_id, ()) if vote.get("field") == name]
            own = value_of(one.judged, name)
            said = [value for person in one.people if (value := value_of(person, name)) is not None]
            if shares and own is not None and said:
                agreed = sum(1 - plug.distance(own, value) for value in said) / len(said)
                found.append((shares[0], agreed, 1 / one.asked))
    return found
