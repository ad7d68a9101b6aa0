"""Labels: derived from the judgments that stand, made anew whenever those change."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Min, OuterRef, Q, Subquery

from annotation.consensus import Rule, Vote, rule
from annotation.models import Annotation, Item, Label
from annotation.protocols import protocol
from annotation.services import forms
from annotation.standings import current

BATCH = 200


@dataclass(frozen=True)
class _Field:
    name: str
    protocol: str


@transaction.atomic
def settle(*, item: Item) -> list[Label]:
    """Makes the labels of one item now and returns them."""
    list(Item.objects.select_for_update(no_key=True).filter(pk=item.pk))
    _settle([item.pk])
    return list(Label.objects.filter(item=item))


def settle_due(*, limit: int = 1000) -> int:
    """Makes the labels of items whose judgments have changed, oldest first; returns how many items.

    In batches of one transaction each. Two at work at once share the work: a batch passes over the other's items.
    """
    settled = 0
    while settled < limit:
        found = _batch(min(BATCH, limit - settled))
        if not found:
            break
        settled += found
    return settled


@transaction.atomic
def _batch(size: int) -> int:
    skips = connection.features.has_select_for_update_skip_locked
    due = Item.objects.filter(label_due=True).order_by("pk").select_for_update(no_key=True, skip_locked=skips)
    ids = list(due.values_list("pk", flat=True)[:size])
    _settle(ids)
    return len(ids)


def _settle(item_ids: Sequence[int]) -> None:
    """Labels of items that are locked. The flag falls first: whoever answers from now on raises it again."""
    Item.objects.filter(pk__in=item_ids, label_due=True).update(label_due=False)
    made: list[Label] = []
    for (item_id, field), votes in votes_on(item_ids).items():
        by_rule = protocol(field.protocol).rule
        label = _label(rule(by_rule), item_id, field, votes) if by_rule else None
        made += [label] if label else []
    kept = {(label.item_id, label.field, label.rule) for label in made}
    old = Label.objects.filter(item__in=item_ids).values_list("pk", "item", "field", "rule")
    Label.objects.filter(pk__in=[pk for pk, *which in old if tuple(which) not in kept]).delete()
    Label.objects.bulk_create(
        made,
        update_conflicts=True,
        unique_fields=["item", "field", "rule"],
        update_fields=[*("value", "soft", "confidence", "human_count", "judge_count", "annotation_ids", "settled_at")],
    )
    lowest = Label.objects.filter(item=OuterRef("pk")).order_by().values("item")
    least = lowest.annotate(least=Min("confidence")).values("least")
    Item.objects.filter(pk__in=item_ids).update(confidence=Subquery(least))


def counting() -> Q:
    """Which annotations have a vote: those that fill a slot, a reviewer's word, and recorded ones where their import
    says so. Extras, tests and repeats never have one.
    """
    recorded = Q(standing=Annotation.Standing.RECORDED, item__meta__use_recorded=True)
    return Q(standing__in=[Annotation.Standing.COUNTED, Annotation.Standing.ADJUDICATED]) | recorded


def votes_on(item_ids: Iterable[int]) -> dict[tuple[int, _Field], list[Vote]]:
    """What was said of each item and field; of an adjudicated one, the reviewer's word alone. Items whose answer is
    known make no label unless somebody has chosen that."""
    found = current().filter(counting(), item__in=item_ids).exclude(item__gold__trains=False)
    votes: dict[tuple[int, _Field], list[Vote]] = defaultdict(list)
    settled: dict[tuple[int, _Field], list[Vote]] = {}
    for annotation in found.select_related("form_version", "rater").order_by("pk"):
        for field, value in fields_of(annotation):
            vote = Vote(annotation.pk, value, annotation.rater.is_human)
            votes[annotation.item_id, field].append(vote)
            if annotation.standing == Annotation.Standing.ADJUDICATED:
                settled[annotation.item_id, field] = [vote]
    return votes | settled


def fields_of(annotation: Annotation) -> list[tuple[_Field, dict]]:  # type: ignore[type-arg]  # a protocol's value
    """The fields that an annotation answered, with the protocol that each was asked by."""
    form = annotation.form_version
    asked = {field["name"]: field["protocol"] for field in (form.fields if form else forms.default_fields())}
    return [(_Field(name, asked[name]), value) for name, value in annotation.values.items() if name in asked]


def _label(by_rule: Rule, item_id: int, field: _Field, votes: list[Vote]) -> Label | None:
    settled = by_rule.settle(votes, protocol(field.protocol))
    if settled is None:
        return None
    humans = sum(vote.human for vote in settled.votes)
    return Label(
        item_id=item_id,
        field=field.name,
        rule=by_rule.key,
        value=settled.value,
        soft=settled.soft,
        confidence=settled.confidence,
        human_count=humans,
        judge_count=len(settled.votes) - humans,
        annotation_ids=[vote.annotation_id for vote in settled.votes],
    )
