"""What of the queue a rater may be given: free slots, of the lanes open to them, on items that are new to them."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from annotation.models import Annotation, Lane, Skip, Slot
from annotation.services.lanes import Open

IN_ORDER = ("-priority", "random_key")
"""The stored order of the indexes `slot_claim` and `slot_claim_lane`."""


def free_slots(now: datetime) -> QuerySet[Slot]:
    """Slots for people that are nobody's, or whose lease ran out. Spelled out as the partial indexes have it."""
    people = Slot.objects.filter(audience=Slot.Audience.HUMAN, purpose="label", state__in=["open", "leased"])
    return people.filter(Q(state="open") | Q(leased_until__lt=now))


def none_of(rows: QuerySet[Any], rater: Any) -> Q:
    """Whether a rater has none of `rows` on the item in question, by one look at the few rows of that item.

    As an anti-join, or by the index of raters (hence the sum), it would read all that they have ever answered. As
    "= 0" or "IS NULL" the planner would expect hardly any such item, and sort the whole queue instead of walking it.
    """
    of_item = rows.filter(item=OuterRef("item")).alias(whose=F("rater") + 0).filter(whose=rater)
    return ~Q(Exact(Coalesce(Subquery(of_item.values_list(Value(1))[:1]), 0), 1))


def new_to(rater: Any) -> list[Q]:
    """Conditions on rows that have an `item`: the rater (an id, or a reference to one) had nothing to do with it."""
    rows: list[QuerySet[Any]] = [
        Slot.objects.all(),
        Skip.objects.all(),
        Annotation.objects.filter(retracted_at=None),
    ]
    return [none_of(one, rater) for one in rows]


def unseen(slots: QuerySet[Any], **who: Any) -> QuerySet[Any]:
    """Those on items that a rater has had nothing to do with. `who`: `rater=…`, or `rater__user=…` over projects.

    Of any rows that have an `item`.
    """
    seen = {"item": OuterRef("item")} | who
    return (
        slots.exclude(Exists(Slot.objects.filter(**seen)))
        .exclude(Exists(Skip.objects.filter(**seen)))
        .exclude(Exists(Annotation.objects.filter(**seen, retracted_at=None)))
    )


def claimable(*, project: int, rater: int, now: datetime, lanes: Open | None) -> QuerySet[Slot]:
    """What a rater may be given next, the best first. `lanes`: those of the project that are open to them; None:
    all, and the walk is along one index.

    With lanes, the walk is along the lane whose head comes first: the heads are looked up in the index, one a lane, so
    that a rater of a rare language does not walk past a million items of the others.
    """
    free = free_slots(now).filter(*new_to(rater), project=project)
    if lanes is not None:
        heads = free.filter(lane=OuterRef("number")).order_by(*IN_ORDER)
        best = (
            Lane.objects.filter(lanes.lanes, project=project)
            .annotate(first=Subquery(heads.values("priority")[:1]), then=Subquery(heads.values("random_key")[:1]))
            .exclude(first=None)
            .order_by("-first", "then")
        )
        free = free.filter(lane=Subquery(best.values("number")[:1]))
    return free.order_by(*IN_ORDER)
