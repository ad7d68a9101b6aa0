"""What of the queue a rater may be given: free slots, of the lanes open to them, on items that are new to them."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from annotation.models import Annotation, Lane, Rater, Skip, Slot
from projects.models import Project

IN_ORDER = ("-priority", "random_key")
"""The stored order of the indexes `slot_claim` and `slot_claim_lane`."""


def free_slots(now: datetime) -> QuerySet[Slot]:
    """Slots for people that are nobody's, or whose lease ran out. Spelled out as the partial indexes have it."""
    people = Slot.objects.filter(audience=Slot.Audience.HUMAN, purpose="label", state__in=["open", "leased"])
    return people.filter(Q(state="open") | Q(leased_until__lt=now))


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


def claimable(project: Project, rater: Rater, now: datetime, lanes: Q | None) -> QuerySet[Slot]:
    """What `rater` may be given next, the best first. `lanes`: which of the project's are open to them; None: it has
    none.

    With lanes, the walk is along the lane whose head comes first: the heads are looked up in the index, one a lane, so
    that a rater of a rare language does not walk past a million items of the others.
    """
    free = unseen(free_slots(now).filter(project=project), rater=rater)
    if lanes is not None:
        heads = free.filter(lane=OuterRef("number")).order_by(*IN_ORDER)
        best = (
            Lane.objects.filter(lanes, project=project)
            .annotate(first=Subquery(heads.values("priority")[:1]), then=Subquery(heads.values("random_key")[:1]))
            .exclude(first=None)
            .order_by("-first", "then")
        )
        free = free.filter(lane=Subquery(best.values("number")[:1]))
    return free.order_by(*IN_ORDER)
