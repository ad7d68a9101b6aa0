"""The features of items: of their texts, stored once by a worker; of what judges said, read when they are needed.

Every function takes any number of items and makes the same few queries.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from numpy.typing import NDArray

from annotation.models import Annotation, FormVersion, Item, ItemResponse, Rater, with_responses
from annotation.protocols import protocol
from annotation.services.lanes import topic_of
from annotation.standings import current
from projects.models import Project
from routing import features
from routing.features import Signals
from routing.models import ItemFeatures, Judge, JudgeCall
from routing.texts import plain_text

CHUNK = 2000
JUDGES = [Rater.Kind.JUDGE, Rater.Kind.RECORDED_JUDGE]
CONTRADICTED = "contradicted"


def with_texts(items: QuerySet[Item]) -> QuerySet[Item]:
    return items.select_related("prompt").prefetch_related(with_responses())


def with_items(stored: QuerySet[ItemFeatures]) -> QuerySet[ItemFeatures]:
    """With the texts of their items."""
    return stored.select_related("item__prompt").prefetch_related(with_responses("item__item_responses"))


def text_row(item: Item) -> list[float]:
    """`features.text_row` of an item whose texts are at hand."""
    responses = [plain_text(row.response.messages) for row in item.item_responses.all()]
    return features.text_row(plain_text(item.prompt.messages), responses)


def missing(project: Project) -> QuerySet[Item]:
    """Items whose features are not stored, or are of an older version."""
    stored = ItemFeatures.objects.filter(item=OuterRef("pk"), version=features.VERSION)
    return Item.objects.filter(~Exists(stored), project=project)


def wanting(project: Project) -> bool:
    """Whether any of the newest items lacks its features: they are stored in the order of the items."""
    newest = Item.objects.filter(project=project).order_by("-pk").values("pk")[:CHUNK]
    return missing(project).filter(pk__in=list(newest.values_list("pk", flat=True))).exists()


def progress(project: Project) -> tuple[int, int]:
    """(items whose features are stored, items)."""
    stored = ItemFeatures.objects.filter(item__project=project, version=features.VERSION).count()
    return stored, Item.objects.filter(project=project).count()


def store(*, project: Project, limit: int = 100_000) -> int:
    """Stores the features of up to `limit` items, in chunks that stand whatever becomes of the rest; returns how many.

    Any number of workers may do it at once: who comes second writes the same.
    """
    done, after = 0, 0
    while done < limit:
        items = list(with_texts(missing(project).filter(pk__gt=after).order_by("pk"))[: min(CHUNK, limit - done)])
        if not items:
            break
        rows = [
            ItemFeatures(item=item, version=features.VERSION, values=features.packed(text_row(item))) for item in items
        ]
        ItemFeatures.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["item"], update_fields=["version", "values"]
        )
        done, after = done + len(items), items[-1].pk
    return done


def text_rows(items: Collection[Item] | Collection[int]) -> dict[int, list[float]]:
    """Item → its text row: as stored, else made of its texts (read here for items that are given by their ids)."""
    given = {one.pk: one for one in items if isinstance(one, Item)}
    ids = [one.pk if isinstance(one, Item) else one for one in items]
    stored = ItemFeatures.objects.filter(item__in=ids, version=features.VERSION).values_list("item", "values")
    found = {item_id: features.unpacked(bytes(values)) for item_id, values in stored}
    left = [one for one in ids if one not in found]
    unread = [one for one in left if one not in given]
    if unread:
        given |= {item.pk: item for item in with_texts(Item.objects.filter(pk__in=unread))}
    return found | {one: text_row(given[one]) for one in left}


def models_of(item_ids: Collection[int]) -> dict[int, list[str]]:
    """Item → the names of the models that wrote its responses."""
    found: dict[int, list[str]] = defaultdict(list)
    rows = ItemResponse.objects.filter(item__in=item_ids).values_list("item", "response__model_name")
    for item_id, name in rows:
        found[item_id].append(name)
    return found


def tags_of(item: Item) -> dict[str, str]:
    """Name → value of the tags of an item and its prompt, with its `topic` and `language` where they are known."""
    own = item.meta.get("tags")
    prompt = item.prompt
    found = features.tag_names(prompt.tags) | (features.tag_names(own) if isinstance(own, dict) else {})
    known = {"topic": topic_of(prompt.tags), "language": prompt.language}
    return {name: value for name, value in known.items() if value} | found


def asked_field(form: FormVersion) -> Mapping[str, Any]:
    """The field that a judge's signals are of: the first that must be answered."""
    return next((one for one in form.fields if one.get("required", True)), form.fields[0])


def signals_of(judge: Judge, form: FormVersion, item_ids: Collection[int]) -> dict[int, Signals]:
    """Item → what `judge` and the others said of it; an item that `judge` has not answered yet is missing."""
    calls = JudgeCall.objects.filter(judge=judge, item__in=item_ids, state=JudgeCall.State.ANSWERED)
    said = {item: (answer.get("orders", []), sure) for item, answer, sure in _rows(calls, "answer", "confidence")}
    field = asked_field(form)
    own: dict[int, dict[str, Any]] = {}
    others: dict[int, list[dict[str, Any]]] = defaultdict(list)
    # A judge that replays a recorded one would find itself among the others.
    twin = judge.config.get("annotator")
    rows = current().filter(item__in=item_ids, rater__kind__in=JUDGES).order_by("pk")
    rows = rows.exclude(standing__in=[Annotation.Standing.TEST, Annotation.Standing.REPEAT])
    for item_id, rater_id, kind, name, values in rows.values_list(
        "item", "rater", "rater__kind", "rater__external_id", "values"
    ):
        value = values.get(field["name"])
        if not isinstance(value, dict):
            continue
        if rater_id == judge.rater_id:
            own[item_id] = value
        elif not (kind == Rater.Kind.RECORDED_JUDGE and name == twin):
            others[item_id].append(value)
    return {
        item_id: signals(field["protocol"], value, others[item_id], *said.get(item_id, ((), None)))
        for item_id, value in own.items()
    }


def _rows(calls: QuerySet[JudgeCall], *names: str) -> Iterable[tuple[Any, ...]]:
    return calls.values_list("item", *names)


def signals(
    key: str,
    value: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]],
    orders: Sequence[Mapping[str, Any]] = (),
    confidence: float | None = None,
) -> Signals:
    """What a judge's `value` of the protocol `key`, the readings it was made of, and the values of others tell."""
    plug, own = protocol(key), dict(value)
    verdict = vote(key, value)
    readings = [(order, said) for order in orders if (said := _read(order)) is not None]
    first = [said for order, said in readings if not _reversed(order)]
    turned = [said for order, said in readings if _reversed(order)]
    members = [said for order, said in readings if "member" in order]
    swapped = None
    if first and turned:
        swapped = verdict if first[0] == turned[0] else CONTRADICTED
    gaps = [gap for order in orders if (gap := _gap(order)) is not None]
    sure = [order["p_left"] for order in orders if isinstance(order.get("p_left"), int | float)]
    return Signals(
        verdict=verdict,
        swapped=swapped,
        samples=[verdict if said == first[0] else said for said in first[1:]] if not members and verdict else [],
        p_left=sum(sure) / len(sure) if sure else None,
        score_gap=sum(gaps) / len(gaps) if gaps else None,
        others=[*members, *(verdict if plug.distance(own, dict(other)) == 0 else vote(key, other) for other in others)],
        confidence=confidence,
        taken=_taken(value),
    )


def vote(key: str, value: Mapping[str, Any]) -> str | None:
    """What a value votes for; None for a verdict that is none. Where the form counts no votes, every value is one."""
    said = protocol(key).outcome(dict(value))
    return said if said is not None or "choice" in value else _plain(value)


def _plain(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _read(order: Mapping[str, Any]) -> str | None:
    """What one reading said, in the item's own order; None where it said nothing, or only a part."""
    if "portion" in order:
        return None
    if isinstance(order.get("choice"), str):
        return str(order["choice"])
    return _plain(order["verdict"]) if "verdict" in order else None


def _reversed(order: Mapping[str, Any]) -> bool:
    places = order.get("order")
    return bool(places and places[0] != min(places)) if isinstance(places, list) else order.get("first") == "right"


def _gap(order: Mapping[str, Any]) -> float | None:
    """Score of the left less that of the right."""
    if isinstance(order.get("gap"), int | float):
        return float(order["gap"])
    ends = (order.get("left"), order.get("right"))
    left, right = ends
    return float(left) - float(right) if isinstance(left, int | float) and isinstance(right, int | float) else None


def _taken(value: Mapping[str, Any]) -> int | None:
    """The place, in item order, of the response that a choice of the best one takes."""
    among, best = value.get("among"), value.get("best")
    return among.index(best) if isinstance(among, list) and best in among else None


def matrix(
    ids: Sequence[int],
    texts: Mapping[int, Sequence[float]],
    said: Mapping[int, Signals],
    cosines: Mapping[int, Sequence[float]],
) -> NDArray[Any]:
    """(n, f) by features.NAMES."""
    unasked = Signals(asked=False)
    rows = [(texts.get(one), said.get(one, unasked)) for one in ids]
    return features.matrix(rows, [cosines.get(one) for one in ids])


def tag_matrix(rows: Sequence[Iterable[str]], wanted: Sequence[str]) -> NDArray[Any]:
    """(n, len(wanted)): 1 where an item is in the slice."""
    places = {name: place for place, name in enumerate(wanted)}
    found = np.zeros((len(rows), len(wanted)))
    for number, names in enumerate(rows):
        for name in names:
            if name in places:
                found[number, places[name]] = 1.0
    return found
