"""What judgments teach beside pairs, as rows of a snapshot: thumbs, scores, marks, texts and reasons, item by item.

    {"item_id", "group", "split", "prompt", "source", "responses": [{"id", "messages"}],
     "thumbs": [{"response_id", "soft", "weight"}],              soft = P(people want it)
     "scores": [{"response_id", "aspect", "value", "weight"}],   from 0 to 1 of its scale; none where nobody could tell
     "marked": [response id], "spans": [{"response_id", "start", "end", "category"}],
     "texts": [{"response_id", "weight"}],
     "rationales": [{"chosen_id", "rejected_id", "text"}]}

Of every field of the form, whichever the pairs are made of; only reasons are those of the pairs' own field, for the
response that most preferred. People's judgments go before judges', as in the consensus.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Exists, OuterRef

from annotation.consensus import Vote, heard, rule
from annotation.models import Annotation, Item, ItemResponse
from annotation.protocols import Protocol, protocol
from annotation.services.labels import votes_on
from corpus.models import Response
from training_bridge.derivations import pairs as derive
from training_bridge.derivations.settings import Derivation

BATCH = 500
KINDS = ("thumbs", "scores", "marked", "texts", "rationales")

Lessons = dict[str, list[Any]]
Messages = list[dict[str, str]]


def thumbs(votes: Sequence[Vote], plug: Protocol, weigh: bool) -> Lessons:
    """P(wanted) by the votes on each response, one that saw neither up nor down counting half."""
    settled = rule("majority_each").settle(votes, plug)
    if settled is None:
        return {}
    weight = settled.confidence if weigh else 1.0
    found = []
    for name in settled.value:
        if name.isdigit():
            up, down = (settled.soft.get(f"{name}={one}", 0.0) for one in ("up", "down"))
            found.append({"response_id": int(name), "soft": round(up + (1 - up - down) / 2, 6), "weight": weight})
    return {"thumbs": found}


def scores(votes: Sequence[Vote], plug: Any, weigh: bool) -> Lessons:
    """The mean of each aspect of each response."""
    settled = rule("mean").settle(votes, plug)
    if settled is None:
        return {}
    weight = settled.confidence if weigh else 1.0
    return {
        "scores": [
            {"response_id": int(name), "aspect": aspect, "value": round(value, 6), "weight": weight}
            for (name, aspect), value in sorted(plug.measures(settled.value).items())
            if name.isdigit()
        ]
    }


def marks(votes: Sequence[Vote], plug: Protocol, weigh: bool) -> Lessons:
    """Every fault that anybody marked in a response, each once; "no errors" is a word on all that were read."""
    spans = {
        (span["target"]["response"], part["start"], part["end"], span["category"])
        for vote in votes
        for span in vote.value.get("spans") or ()
        if "response" in span.get("target", {}) and "category" in span
        for part in span.get("segments") or ()
    }
    keys = ("response_id", "start", "end", "category")
    texts = (name.split(":") for vote in votes for name in vote.value.get("sha256", {}))
    read = sorted({int(number) for kind, number in texts if kind == "response"})
    return {"spans": [dict(zip(keys, span, strict=True)) for span in sorted(spans)], "marked": read}


def texts(votes: Sequence[Vote], plug: Protocol, weigh: bool) -> Lessons:
    """Each text that somebody wrote or mended."""
    ids = {vote.value["response"] for vote in votes if vote.value.get("response") is not None}
    return {"texts": [{"response_id": pk, "weight": 1.0} for pk in sorted(ids)]}


def reasons(votes: Sequence[Vote], plug: Protocol, weigh: bool) -> Lessons:
    """The first rater's words on why the response that most preferred is the better one; reasons against it, and for a
    draw, would teach what the pair denies."""
    settled = rule("majority").settle(votes, plug)
    side = settled.value.get("choice") if settled else None
    if settled is None or side not in ("left", "right"):
        return {}
    said = (str(one.value.get("rationale") or "").strip() for one in votes if one.value.get("choice") == side)
    text = next(filter(None, said), "")
    better, worse = (settled.value[name] for name in ((side, "right") if side == "left" else (side, "left")))
    return {"rationales": [{"chosen_id": better, "rejected_id": worse, "text": text}]} if text else {}


READERS: dict[str, Callable[[Sequence[Vote], Any, bool], Lessons]] = {
    "thumbs": thumbs,
    "rating": scores,
    "spans": marks,
    "edit": texts,
    "pairwise": reasons,
}


def rows(project_id: int, derivation: Derivation, alive: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """A row for every item that teaches any of it, in item order. `alive` is called once a batch."""
    for items in _batches(project_id, derivation):
        alive()
        taught: dict[int, Lessons] = defaultdict(dict)
        sources: dict[int, set[bool]] = defaultdict(set)
        for (item_id, field), votes in votes_on([item.pk for item in items]).items():
            used = heard(votes)
            people = used[0].human
            read = field.protocol in READERS and (field.protocol != "pairwise" or field.name == derivation.field)
            if read and derivation.sources in {"both", "human" if people else "judge"}:
                weigh = derivation.weights == "confidence"
                for kind, found in READERS[field.protocol](used, protocol(field.protocol), weigh).items():
                    taught[item_id].setdefault(kind, []).extend(found)
                sources[item_id].add(people)
        own = _responses(items)
        known = _texts(own, taught)
        for item in items:
            row = _row(item, derivation, taught.get(item.pk, {}), own.get(item.pk, []), known.get(item.pk, {}))
            if row:
                both = len(sources[item.pk]) > 1
                yield row | {"source": "both" if both else "human" if True in sources[item.pk] else "judge"}


def _batches(project_id: int, derivation: Derivation) -> Iterator[list[Item]]:
    answered = Exists(Annotation.objects.filter(item=OuterRef("pk")))
    wanted = Item.objects.filter(answered, project_id=project_id).exclude(state=Item.State.VOID)
    wanted = wanted.filter(round__in=derivation.rounds) if derivation.rounds else wanted
    last = 0
    while batch := list(wanted.filter(pk__gt=last).select_related("prompt").order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk


def _responses(items: Sequence[Item]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    shown = ItemResponse.objects.filter(item__in=items).order_by("item_id", "pk")
    for item_id, pk in shown.values_list("item_id", "response_id"):
        found[item_id].append(pk)
    return found


def _texts(own: Mapping[int, list[int]], taught: Mapping[int, Lessons]) -> dict[int, dict[int, Messages]]:
    """By item: the usable messages of its own responses and of those that were written of them, by id."""
    wanted = {item_id: list(ids) for item_id, ids in own.items()}
    for item_id, lessons in taught.items():
        wanted.setdefault(item_id, []).extend(one["response_id"] for one in lessons.get("texts", ()))
    ids = {pk for found in wanted.values() for pk in found}
    plain = {
        pk: derive.plain_messages(messages)
        for pk, messages in Response.objects.filter(pk__in=ids).values_list("pk", "messages")
    }
    return {
        item_id: {pk: messages for pk in found if (messages := plain.get(pk)) and not derive.is_empty(messages)}
        for item_id, found in wanted.items()
    }


def _row(
    item: Item, derivation: Derivation, taught: Lessons, own: Sequence[int], responses: Mapping[int, Messages]
) -> dict[str, Any] | None:
    """None where nothing is taught, or by nothing but what is no text."""
    prompt = derive.plain_messages(item.prompt.messages)
    if prompt is None or not responses:
        return None
    kept: Lessons = {}
    for kind, found in taught.items():
        if kind == "marked":  # what was written of them, nobody has read for faults
            kept[kind] = [pk for pk in responses if pk in own and pk in found]
        else:
            kept[kind] = [one for one in found if _named(one) <= responses.keys()]
    if not any(kept.get(kind) for kind in KINDS):
        return None
    group = item.prompt.group
    return {
        "item_id": item.pk, "group": group, "prompt": prompt,
        "split": derive.split_of(group, seed=derivation.split_seed, test_fraction=derivation.test_fraction),
        "responses": [{"id": pk, "messages": messages} for pk, messages in responses.items()],
    } | {kind: found for kind, found in kept.items() if found}  # fmt: skip


def _named(lesson: Mapping[str, Any]) -> set[Any]:
    """The responses that a lesson speaks of."""
    return {pk for key, pk in lesson.items() if key.endswith("_id")}
