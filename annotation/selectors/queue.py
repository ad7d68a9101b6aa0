"""What waits for one person, over all their projects. Counts are bounded: nothing walks a queue of a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import User
from annotation.models import Draft, Lane, Rater, Slot
from annotation.services.lanes import EVERYBODY, Open
from annotation.services.queue import IN_ORDER, claimable, free_slots, new_to
from annotation.services.raters import desk
from annotation.services.turns import Barred
from projects.models import Membership

WINDOW = 500
"""So many slots at the head of a queue are looked at."""
NOBODY = 0
"""The key of no rater: for whom every item is new."""


@dataclass(frozen=True)
class InHand:
    """The item that a person has begun. `drafted`: they have written something."""

    token: str
    leased_until: datetime
    drafted: bool


@dataclass(frozen=True)
class Waiting:
    """Items that a person could be given now; `more`: at least so many."""

    items: int
    more: bool


@dataclass(frozen=True)
class Row:
    """One project in somebody's queue. `stopped`: why nothing is given there, a word of `STOPPED`; "" where it is."""

    member: Membership
    in_hand: InHand | None
    waiting: Waiting
    stopped: str

    @property
    def has_work(self) -> bool:
        return not self.stopped and (self.in_hand is not None or self.waiting.items > 0)


STOPPED = ("welcome", "paused", "quality", "not-qualified", "cap-total", "cap-day", "resting", "draining", "deadline")


def waiting(member: Membership, rater: Rater | None, now: datetime) -> Waiting:
    """How many items wait for a member: of the first WINDOW slots of the queue those that are new to them, exactly."""
    known, project = rater.pk if rater else NOBODY, member.project_id
    numbers = Lane.objects.filter(Open.to(member).lanes, project=project).values("number")
    free = free_slots(now).filter(Q(lane=EVERYBODY) | Q(lane__in=numbers), project=project).order_by(*IN_ORDER)
    head = list(free.values_list("pk", flat=True)[:WINDOW])
    new = Slot.objects.filter(*new_to(known), pk__in=head)
    items, more = new.values("item").distinct().count(), len(head) == WINDOW
    if more and not items:
        # Somebody who has dealt with the whole head of the queue: is there anything behind it?
        lanes = Open.to(member) if Lane.objects.filter(project=project).exists() else None
        items = len(claimable(project=project, rater=known, now=now, lanes=lanes)[:1])
    return Waiting(items, more and items > 0)


def queue(*, user: User, members: Sequence[Membership]) -> list[Row]:
    """What waits for `user` in the projects of `members`, the most urgent first: begun, then by deadline, then by name.

    `members`: with their projects. A few queries for each project that gives something out.
    """
    now = timezone.now()
    projects = [member.project_id for member in members]
    raters = {rater.project_id: rater for rater in Rater.objects.filter(user=user, project__in=projects)}
    hands = _in_hands(user, projects)
    rows = [_row(member, raters.get(member.project_id), hands.get(member.project_id), now) for member in members]
    return sorted(rows, key=_urgency)


def _urgency(row: Row) -> tuple[Any, ...]:
    ends = row.member.project.deadline_at
    begun = row.in_hand is not None and not row.stopped
    return (not row.has_work, not begun, ends is None, ends, row.member.project.name.casefold(), row.member.pk)


def _in_hands(user: User, projects: Sequence[int]) -> dict[int, InHand]:
    held = Slot.objects.filter(rater__user=user, project__in=projects, state="leased", audience="human", ahead=False)
    drafts = Draft.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"))
    rows = held.annotate(drafted=Exists(drafts)).values_list("project", "token", "leased_until", "drafted")
    return {project: InHand(str(token), until, drafted) for project, token, until, drafted in rows if until}


def _row(member: Membership, rater: Rater | None, in_hand: InHand | None, now: datetime) -> Row:
    stopped = _stopped(member, rater, in_hand, now)
    gives = not stopped and member.project.gives_out(now)
    found = waiting(member, rater, now) if gives else Waiting(0, False)
    return Row(member, in_hand, found, stopped)


def _stopped(member: Membership, rater: Rater | None, in_hand: InHand | None, now: datetime) -> str:
    project = member.project
    if not project.lets_finish:
        return "resting"
    if member.paused_at is not None:
        return "paused"
    if in_hand is not None:
        return ""
    if project.state == "draining":
        return "draining"
    if not project.gives_out(now):
        return "deadline"
    if member.welcome_due:
        return "welcome"
    barred = desk(project=project, rater=rater, membership=member).standing.barred if rater else Barred.NO
    return str(barred)
