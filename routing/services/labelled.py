"""Doubly labelled items: what a judge's disagreement with people is learnt from and measured on."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, Q, QuerySet
from numpy.typing import NDArray

from annotation.models import Annotation, FormVersion, Item
from annotation.protocols import Protocol, protocol
from projects.models import Project
from routing import against, features, history
from routing.answers import CHUNK, by_judge, by_people
from routing.models import Decision, Judge
from routing.services import embeddings
from routing.services import features as stored

MOST = 50_000
"""The newest so many items are learnt from."""
MOST_TAGS, LEAST_OF_A_TAG = 50, 10
Purpose, Route = Decision.Purpose, Decision.Route

Floats = NDArray[np.float64]
Values = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Labelled:
    """n items that people and the judge, or several people, have answered; never one drawn for calibration.

    `features` (n, f) by `names`; the last columns are the slices `tags`. `disagreed` (n,): the share of people who
    said otherwise than the judge, NaN where it has not answered; `people` (n,): the share of pairs of people who
    differ, NaN with fewer than two. `doubt` (n,): how unsure the judge is of itself (features.Signals). `cells` (n,):
    see `routing.history`. `groups` (n,): of the prompts. `asked` (n,): as `routing.against.asked` has it, 1 where
    people answered elsewhere; `drawn` (n,): whether a draw, not the policy, had people and judge answer.
    """

    items: NDArray[np.int64]
    features: Floats
    names: tuple[str, ...]
    tags: tuple[str, ...]
    disagreed: Floats
    people: Floats
    doubt: Floats
    cells: list[tuple[str, ...]]
    groups: NDArray[Any]
    asked: Floats
    drawn: NDArray[np.bool_]


def count(judge: Judge, form: FormVersion) -> int:
    """How many items people and the judge have answered, those for calibration aside."""
    both = _people(judge.project).filter(Exists(_judge(judge, form).filter(item=OuterRef("item"))))
    return both.filter(~Exists(_calibration().filter(item=OuterRef("item")))).values("item").distinct().count()


def collect(judge: Judge, form: FormVersion, *, most: int = MOST) -> Labelled:
    """Those among the newest `most` items that people have answered."""
    people, said, recorded = answers(judge, form, most=most)
    ids = sorted(item_id for item_id, answers in people.items() if item_id in said or len(answers) > 1)
    plugs = {field["name"]: protocol(field["protocol"]) for field in form.fields if field.get("required", True)}
    disagreed = np.array([_against(plugs, said.get(one), people[one]) for one in ids], dtype=float)
    among = np.array([_among(plugs, people[one]) for one in ids], dtype=float)
    groups, slices, cells, rows_of, doubt = _told(judge, form, ids)
    tags = _frequent(slices)
    asked, drawn = _chances(ids, recorded)
    return Labelled(
        items=np.array(ids, dtype=np.int64),
        features=np.column_stack([rows_of, stored.tag_matrix(slices, tags)]),
        names=(*features.NAMES, *(f"tag:{name}" for name in tags)),
        tags=tags,
        disagreed=disagreed,
        people=among,
        doubt=doubt,
        cells=cells,
        groups=np.array(groups),
        asked=asked,
        drawn=drawn,
    )


def answers(
    judge: Judge, form: FormVersion, *, most: int = MOST
) -> tuple[dict[int, list[Values]], dict[int, Values], set[int]]:
    """(item → people's answers, item → the judge's answer, items answered elsewhere) of the newest `most` items that
    people have answered."""
    people: dict[int, list[Values]] = defaultdict(list)
    recorded: set[int] = set()
    rows = _people(judge.project).filter(~Exists(_calibration().filter(item=OuterRef("item")))).order_by("-item", "pk")
    for item_id, standing, values in rows.values_list("item", "standing", "values").iterator(chunk_size=2000):
        if item_id not in people and len(people) == most:
            break
        people[item_id].append(values)
        if standing == Annotation.Standing.RECORDED:
            recorded.add(item_id)
    both = _judge(judge, form).filter(item__in=_people(judge.project).values("item"))
    return people, dict(both.values_list("item", "values")), recorded


def _people(project: Project) -> QuerySet[Annotation]:
    return by_people().filter(rater__project=project)


def _judge(judge: Judge, form: FormVersion) -> QuerySet[Annotation]:
    return by_judge(judge.rater_id).filter(form_version=form)


def _calibration() -> QuerySet[Decision]:
    return Decision.objects.filter(purpose=Purpose.CALIBRATION)


def differs(plug: Protocol, one: Values, other: Values) -> float | None:
    """How far two values are apart: 0 or 1 where the form counts votes, else its distance; None: one says nothing."""
    votes = plug.outcome(dict(one)), plug.outcome(dict(other))
    if None not in votes:
        return float(votes[0] != votes[1])
    if "choice" in one or "choice" in other:
        return None
    return float(plug.distance(dict(one), dict(other)))


def apart(plugs: Mapping[str, Protocol], one: Values, other: Values) -> float | None:
    """How far two answers to a form are apart in [0, 1]: as far as the field on which they differ most."""
    found = [
        gap
        for name, plug in plugs.items()
        if isinstance(one.get(name), dict) and isinstance(other.get(name), dict)
        if (gap := differs(plug, one[name], other[name])) is not None
    ]
    return max(found) if found else None


def _mean(gaps: Collection[float | None]) -> float:
    known = [gap for gap in gaps if gap is not None]
    return sum(known) / len(known) if known else float("nan")


def _against(plugs: Mapping[str, Protocol], judge: Values | None, people: Sequence[Values]) -> float:
    return _mean([] if judge is None else [apart(plugs, judge, one) for one in people])


def _among(plugs: Mapping[str, Protocol], people: Sequence[Values]) -> float:
    return _mean([apart(plugs, one, other) for one, other in combinations(people, 2)])


def _told(
    judge: Judge, form: FormVersion, ids: Sequence[int]
) -> tuple[list[str], list[list[str]], list[tuple[str, ...]], Floats, Floats]:
    """(group of the prompt, slices, cells, features, doubt) of each item, a few queries for each CHUNK of them."""
    groups: list[str] = []
    slices: list[list[str]] = []
    rows: list[Floats] = [np.zeros((0, len(features.NAMES)))]
    doubt: list[float] = []
    cells: list[tuple[str, ...]] = []
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        items = Item.objects.filter(pk__in=chunk).select_related("prompt").order_by("pk")
        models = stored.models_of(chunk)
        for item in items.only("meta", "prompt__group", "prompt__tags", "prompt__language"):
            groups.append(item.prompt.group)
            slices.append(features.slices(stored.tags_of(item)))
            cells.append(history.cells(slices[-1], models.get(item.pk, ())))
        said = stored.signals_of(judge, form, chunk)
        doubt += [said[one].doubt() if one in said else float("nan") for one in chunk]
        similar = embeddings.cosines(chunk, embeddings.encoder())
        rows.append(stored.matrix(chunk, stored.text_rows(chunk), said, similar))
    return groups, slices, cells, np.vstack(rows), np.array(doubt)


def _frequent(slices: Sequence[Sequence[str]]) -> tuple[str, ...]:
    counted = Counter(name for names in slices for name in names)
    wanted = [name for name, times in counted.most_common(MOST_TAGS) if LEAST_OF_A_TAG <= times < len(slices)]
    return tuple(sorted(wanted))


def _chances(ids: Sequence[int], recorded: set[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """(what an item counts with in figures, whether a draw had people and judge answer) of each item."""
    asked, drawn = dict.fromkeys(ids, 1.0), set(recorded)
    by_chance = Q(purpose__in=[Purpose.PILOT, Purpose.AUDIT]) | Q(route=Route.BOTH) | Q(propensity__lt=1)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        asked |= {item_id: chance for item_id, chance in against.asked(chunk).items() if item_id not in recorded}
        words = Decision.objects.filter(item__in=chunk)
        drawn |= set(words.filter(by_chance).exclude(route=Route.JUDGE).values_list("item", flat=True))
    return np.array([asked[one] for one in ids]), np.array([one in drawn for one in ids], dtype=bool)
