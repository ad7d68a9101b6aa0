"""Slots and items with all that a lease is made of: each read by one statement, which is compiled once."""

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery

from annotation.models import Draft, EndedLease, Item, ItemResponse, Slot
from annotation.services.lanes import Open
from annotation.services.queue import claimable
from common.compiled import compiled


@compiled
def in_hand(*, slot: int, rater: int) -> QuerySet[Slot]:
    """The slot that a rater has leased, described and locked."""
    mine = Slot.objects.filter(pk=slot, rater=rater, state=Slot.State.LEASED)
    return described(mine, rater).select_for_update(of=("self",), no_key=True)


@compiled
def next_free(*, project: int, rater: int, now: datetime, lanes: Open | None) -> QuerySet[Slot]:
    """The slot for a rater to have next, locked and described; one that somebody else is taking is passed over."""
    slots = claimable(project=project, rater=rater, now=now, lanes=lanes)
    # SQLite has no row locks: its transactions are IMMEDIATE (config/settings.py), so claimers come one at a time.
    if not connection.features.has_select_for_update_skip_locked:
        return described(Slot.objects.filter(pk=Subquery(slots.values("pk")[:1])), rater)
    best = slots.select_for_update(no_key=True, skip_locked=True).values("pk")[:1]
    # Locked twice: the second time reads the row as it was locked, not as it was when the statement began.
    return described(Slot.objects.filter(pk=Subquery(best)), rater).select_for_update(of=("self",), no_key=True)


@compiled
def some_left(*, project: int, rater: int, now: datetime, lanes: Open) -> QuerySet[Slot]:
    """A slot that the rater may have, whether or not somebody else is taking it."""
    return claimable(project=project, rater=rater, now=now, lanes=lanes)[:1]


def described(slots: QuerySet[Slot], rater: int) -> QuerySet[Slot]:
    """Slots with all that a page needs, read along: the item and what this rater left of it."""
    slots = slots.select_related("item__prompt", "form_version")
    return slots.annotate(guideline_number=F("guideline__number"), **_left_behind(rater, OuterRef("item")))


def _left_behind(rater: int, item: OuterRef) -> dict[str, Any]:
    """What a rater left of an item: their draft, and the order they saw it in, which stays. A repeat has its own."""
    former = EndedLease.objects.filter(item=item, rater=rater)
    draft = Draft.objects.filter(item=item, rater=rater)
    return {
        "former_order": Subquery(former.exclude(slot__purpose="repeat").values("display_order")[:1]),
        "repeated_order": Subquery(former.filter(slot__purpose="repeat").values("display_order")[:1]),
        "draft_values": Subquery(draft.values("values")[:1]),
        "draft_version": Subquery(draft.values("version")[:1]),
    }


@compiled
def item_for(*, item: int, rater: int) -> QuerySet[Item]:
    """An item with all that a page needs, and the order in which this rater has judged it before."""
    first_time = Slot.objects.filter(item=OuterRef("pk"), rater=rater, purpose=Slot.Purpose.LABEL)
    found = Item.objects.filter(pk=item).select_related("prompt")
    order = Subquery(first_time.values("display_order")[:1])
    return found.annotate(first_order=order, **_left_behind(rater, OuterRef("pk")))


@compiled
def responses_of(*, item: int) -> QuerySet[ItemResponse]:
    return ItemResponse.objects.filter(item=item).select_related("response").order_by("ordinal")
