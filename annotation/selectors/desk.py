"""What the pages of those who run a project are made of."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from django.db.models import QuerySet
from django.utils.translation import gettext

from annotation.content import MessageText, conversation, response_text
from annotation.models import Annotation, Draft, EndedLease, Flag, Item, Label, Rater, Skip, Slot
from annotation.protocols import protocol
from annotation.quality import MISSING, Codes, cohen_kappa, krippendorff_alpha, pooled_agreement, raw_agreement
from annotation.services.labels import fields_of
from annotation.standings import current
from common.errors import NotFound
from projects.models import Project

AGREEMENT_LIMIT = 20_000
"""Judgments, the latest ones, that agreement is computed from."""


@dataclass(frozen=True)
class ResponseText:
    id: int
    text: str
    model: str


@dataclass(frozen=True)
class Story:
    """Everything that happened to one item, in order."""

    item: Item
    messages: tuple[MessageText, ...]
    responses: tuple[ResponseText, ...]
    slots: list[Slot]
    ended_leases: list[EndedLease]
    annotations: list[Annotation]
    skips: list[Skip]
    flags: list[Flag]
    labels: list[Label]
    drafts: int


@dataclass(frozen=True)
class PairAgreement:
    first: str
    second: str
    items: int
    raw: float
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """Of one field. Pseudonyms only. `raw` and `alpha` are among people; `pairs` are of any two raters."""

    field: str
    items: int
    raw: float | None
    alpha: float | None
    pairs: list[PairAgreement]


def item_of(*, project: Project, item_id: int) -> Item:
    """Raises NotFound for an item of another project."""
    item = Item.objects.select_related("prompt", "source").filter(project=project, pk=item_id).first()
    if item is None:
        raise NotFound(gettext("There is no such item."))
    return item


def flag_of(*, project: Project, item_id: int, flag_id: int) -> Flag:
    """Raises NotFound for a flag of another item."""
    item = item_of(project=project, item_id=item_id)
    flag = item.flags.select_related("item__project").filter(pk=flag_id).first()
    if flag is None:
        raise NotFound(gettext("There is no such flag."))
    return flag


def item_story(*, project: Project, item_id: int) -> Story:
    """Raises NotFound for an item of another project."""
    item = item_of(project=project, item_id=item_id)
    responses = [row.response for row in item.item_responses.select_related("response")]
    annotations = item.annotations.select_related("rater", "form_version", "guideline", "revises", "slot")
    return Story(
        item=item,
        messages=conversation(item.prompt.messages),
        responses=tuple(ResponseText(r.pk, response_text(r.messages), r.model_name) for r in responses),
        slots=list(item.slots.select_related("rater").order_by("ordinal")),
        ended_leases=list(item.ended_leases.select_related("rater").order_by("ended_at")),
        annotations=list(annotations.order_by("pk")),
        skips=list(item.skips.select_related("rater").order_by("pk")),
        flags=list(item.flags.select_related("rater").order_by("pk")),
        labels=list(item.labels.order_by("field", "rule")),
        drafts=Draft.objects.filter(item=item).count(),
    )


def labels(*, project: Project, field: str = "", rule: str = "", after: int | None = None) -> QuerySet[Label]:
    """The labels of a project by id, with their items; `after`: an id to go on from."""
    found = Label.objects.filter(item__project=project).select_related("item").order_by("pk")
    for key, value in (("field", field), ("rule", rule)):
        found = found.filter(**{key: value}) if value else found
    return found.filter(pk__gt=after) if after is not None else found


def annotations(*, project: Project) -> QuerySet[Annotation]:
    """Every annotation of a project by id, with what an export says of it."""
    found = Annotation.objects.filter(item__project=project)
    return found.select_related("item", "rater", "form_version", "guideline").order_by("pk")


def agreement(*, project: Project) -> list[Agreement]:
    """How far raters agree, by field, over the latest judgments that stand (extras too: they are judgments).

    Tests, repeats and a reviewer's last word say nothing of how raters agree on real items.
    """
    latest = current().filter(item__project=project, standing__in=["counted", "extra", "recorded"])
    latest = latest.select_related("rater", "form_version").order_by("-pk")
    votes: dict[str, list[tuple[Rater, int, str]]] = defaultdict(list)
    for annotation in latest[:AGREEMENT_LIMIT]:
        for field, value in fields_of(annotation):
            outcome = protocol(field.protocol).outcome(value)
            if outcome is not None:
                votes[field.name].append((annotation.rater, annotation.item_id, outcome))
    return [_agreement(field, cast) for field, cast in sorted(votes.items())]


def _agreement(field: str, votes: list[tuple[Rater, int, str]]) -> Agreement:
    raters = sorted({rater for rater, _, _ in votes}, key=lambda rater: rater.pk)
    items = sorted({item for _, item, _ in votes})
    outcomes = sorted({outcome for _, _, outcome in votes})
    codes: Codes = np.full((len(raters), len(items)), MISSING)
    rows, columns = ({key: i for i, key in enumerate(keys)} for keys in (raters, items))
    for rater, item, outcome in reversed(votes):  # the latest last: it is the one that stays
        codes[rows[rater], columns[item]] = outcomes.index(outcome)
    people = codes[[rater.is_human for rater in raters]]
    twice = int(((people != MISSING).sum(0) >= 2).sum())
    pairs = []
    for first, second in combinations(range(len(raters)), 2):
        shared = int(((codes[first] != MISSING) & (codes[second] != MISSING)).sum())
        raw = raw_agreement(codes[first], codes[second])
        if raw is not None:
            kappa = cohen_kappa(codes[first], codes[second])
            pairs.append(PairAgreement(raters[first].pseudonym, raters[second].pseudonym, shared, raw, kappa))
    return Agreement(field, twice, pooled_agreement(people), krippendorff_alpha(people), pairs)
