"""What the pages of those who run a project are made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotation.content import MessageText, conversation, response_text
from annotation.models import Annotation, Draft, EndedLease, Flag, Item, Label, Rater, Skip, Slot
from annotation.protocols import protocol
from annotation.quality import MISSING, Codes, cohen_kappa, krippendorff_alpha, pooled_agreement, raw_agreement
from annotation.services.labels import fields_of
from annotation.services.submissions import current
from common.errors import BadRequest, NotFound
from projects.models import Project

ORDERINGS = {"id": "pk", "-id": "-pk"}
PAGE_LIMIT = 500
COUNT_LIMIT = 100_000
"""Counting stops here: a page says "100,000 or more" rather than wait for a sum."""
AGREEMENT_LIMIT = 20_000
"""Judgments, the latest ones, that agreement is computed from."""


@dataclass(frozen=True)
class ItemRow:
    item: Item
    wanted: int
    answered: int
    open_flags: int


@dataclass(frozen=True)
class Page:
    """One page by key: what was added meanwhile neither shifts nor repeats a row. `next_after`: None on the last."""

    rows: list[ItemRow]
    next_after: int | None


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
class Progress:
    """Counts up to COUNT_LIMIT, which stands for itself or more."""

    items: dict[str, int]
    human_slots: dict[str, int]
    judge_slots: dict[str, int]
    labels: int
    open_flags: int
    working_now: int

    @property
    def items_total(self) -> int:
        return sum(self.items.values())


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


def item_page(
    *,
    project: Project,
    state: str = "",
    search: str = "",
    flagged: bool | None = None,
    ordering: str = "id",
    after: int | None = None,
    size: int = 50,
) -> Page:
    """Items of a project. `search`: how their external id begins; `flagged`: with an open flag, or without;
    `after`: the id that the page before ended with.

    Raises BadRequest for an unknown state or ordering.
    """
    if ordering not in ORDERINGS:
        raise BadRequest("Unknown ordering.", fields={"ordering": [f"Must be one of {', '.join(ORDERINGS)}."]})
    if state and state not in Item.State.values:
        raise BadRequest("Unknown state.", fields={"state": [f"Must be one of {', '.join(Item.State.values)}."]})
    found = Item.objects.filter(project=project).select_related("prompt").order_by(ORDERINGS[ordering])
    if state:
        found = found.filter(state=state)
    if search:
        found = found.filter(external_id__startswith=search)
    if flagged is not None:
        has_flag = Q(pk__in=_open_flags(project).values("item"))
        found = found.filter(has_flag if flagged else ~has_flag)
    if after is not None:
        found = found.filter(pk__lt=after) if ordering == "-id" else found.filter(pk__gt=after)
    size = max(1, min(size, PAGE_LIMIT))
    items = list(found[: size + 1])
    more, items = len(items) > size, items[:size]
    counts = _slot_counts(item.pk for item in items)
    flags = Counter(_open_flags(project).filter(item__in=items).values_list("item", flat=True))
    rows = [ItemRow(item, *counts.get(item.pk, (0, 0)), flags[item.pk]) for item in items]
    return Page(rows, items[-1].pk if more else None)


def _open_flags(project: Project) -> QuerySet[Flag]:
    return Flag.objects.filter(item__project=project, resolved_at=None)


def _slot_counts(item_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """item → (answers wanted, answers given), for one page of items."""
    wanted = Slot.objects.filter(item__in=list(item_ids), purpose="label").exclude(state=Slot.State.VOID)
    rows = (
        wanted.values_list("item")
        .annotate(total=Count("pk"), done=Count("pk", filter=Q(state=Slot.State.DONE)))
        .order_by()
    )
    return {item_id: (total, done) for item_id, total, done in rows}


def item_of(*, project: Project, item_id: int) -> Item:
    """Raises NotFound for an item of another project."""
    item = Item.objects.select_related("prompt", "source").filter(project=project, pk=item_id).first()
    if item is None:
        raise NotFound("There is no such item.")
    return item


def flag_of(*, project: Project, item_id: int, flag_id: int) -> Flag:
    """Raises NotFound for a flag of another item."""
    item = item_of(project=project, item_id=item_id)
    flag = item.flags.select_related("item__project").filter(pk=flag_id).first()
    if flag is None:
        raise NotFound("There is no such flag.")
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


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by().values("pk")[:COUNT_LIMIT].count()


def progress(*, project: Project) -> Progress:
    items = Item.objects.filter(project=project)
    slots = Slot.objects.filter(project=project)
    live = slots.filter(state=Slot.State.LEASED, audience=Slot.Audience.HUMAN, leased_until__gt=timezone.now())
    labels_of = slots.filter(purpose=Slot.Purpose.LABEL)
    by_audience = {
        audience: {state: _count(labels_of.filter(audience=audience, state=state)) for state in Slot.State.values}
        for audience in Slot.Audience.values
    }
    return Progress(
        items={state: _count(items.filter(state=state)) for state in Item.State.values},
        human_slots=by_audience[Slot.Audience.HUMAN],
        judge_slots=by_audience[Slot.Audience.JUDGE],
        labels=_count(Label.objects.filter(item__project=project)),
        open_flags=_count(_open_flags(project)),
        working_now=_count(live),
    )


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
