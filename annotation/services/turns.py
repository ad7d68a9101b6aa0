"""Whose turn it is at a desk: real work, or a test that looks the same, and what keeps a rater from either.

All of it is read along with the desk (services/raters.py), and only what the project's settings ask for: a project that
watches nothing pays nothing.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from annotation.models import Annotation, EndedLease, Gold, Lane, Pause, Qualification, Rater, Skip, Slot
from annotation.services.lanes import EVERYBODY, Open
from annotation.services.queue import free_slots, new_to
from annotation.standings import answered_since
from annotation.watch import Watch
from projects.models import Membership, Role


class Barred(StrEnum):
    """Why a rater is given nothing new, whatever there is to do."""

    NO = ""
    QUALITY = "quality"  # under the bar; a person decides
    NOT_QUALIFIED = "not-qualified"  # the attempt failed; another one may be left
    CAP_TOTAL = "cap-total"
    CAP_DAY = "cap-day"


LIMITS = (Barred.CAP_TOTAL, Barred.CAP_DAY)
CLOSE = 5
"""So near to a limit it is looked at again once the lease is written: another tab may have used up the rest."""


@dataclass(frozen=True)
class Turn:
    """What is given next that does not come from the queue: a test on `item_id`, or an open slot made for this rater.

    `attempt`: of a qualification, else 0.
    """

    purpose: str
    item_id: int | None = None
    slot_id: int | None = None
    attempt: int = 0


@dataclass(frozen=True)
class Standing:
    """What the desk says of a rater beside the queue. `lanes`: those open to them; None: all that the project has."""

    barred: Barred
    turn: Turn | None
    lanes: Open | None
    qualifying: bool = False
    over: bool = False
    """All items of a qualification are answered, and it is to be settled."""
    room: int | None = None
    """How many more items the limits allow; None: there is no limit."""


def drawn(watch: Watch, chance: float) -> str:
    """The purpose of the next item for a number drawn uniformly on [0, 1)."""
    for purpose, rate in (("gold", watch.gold_rate), ("check", watch.check_rate), ("repeat", watch.repeat_rate)):
        if chance < rate:
            return purpose
        chance -= rate
    return "label"


@dataclass(frozen=True)
class Look:
    """What the desk's query has to find out for one rater: of few kinds, for it is compiled once a kind."""

    watch: Watch
    purpose: str
    qualifies: bool
    lanes: Open

    @classmethod
    def of(cls, watch: Watch, membership: Membership | None) -> "Look":
        """For one claim: its purpose is drawn here."""
        qualifies = bool(watch.qualification_items and membership and membership.role == Role.RATER)
        purpose = drawn(watch, random.SystemRandom().random())
        return cls(watch, purpose, qualifies, Open.to(membership))

    def columns(self, *, now: datetime, midnight: datetime, repeat_before: datetime) -> dict[str, Any]:
        """Annotations of a queryset of Rater."""
        me = OuterRef("pk")
        found: dict[str, Any] = {
            "under_bar": Exists(Pause.objects.filter(rater=me, ended_at=None)),
            "shut_out": Exists(Lane.objects.filter(~self.lanes.lanes, project=OuterRef("project"))),
        }
        if not self.watch.looks:
            return found
        found["waiting_slot_id"] = Subquery(_waiting().values("slot")[:1])
        found["waiting_purpose"] = Subquery(_waiting().values("slot__purpose")[:1])
        found |= _used(self.watch, midnight)
        if self.qualifies:
            found |= self._qualification()
        if self.purpose in (Gold.Kind.GOLD, Gold.Kind.CHECK):
            found["due_item_id"] = Subquery(self._gold(self.purpose).values("item")[:1])
        elif self.purpose == Slot.Purpose.REPEAT:
            found["due_item_id"] = Subquery(self._repeat(repeat_before).values("item")[:1])
        if "due_item_id" in found:
            found["has_work"] = Exists(self._work(now))
        return found

    def _work(self, now: datetime) -> QuerySet[Slot]:
        """Real work for this rater: where there is none, no test is given either, for it would be known as one."""
        free = free_slots(now).filter(self._in_open_lanes("lane", "project"), project=OuterRef("project"))
        return free.filter(*new_to(OuterRef(OuterRef("pk"))))

    def _in_open_lanes(self, column: str, project: str) -> Q:
        numbers = Lane.objects.filter(self.lanes.lanes, project=OuterRef(project)).values("number")
        return Q(**{column: EVERYBODY}) | Q(**{f"{column}__in": numbers})

    def _open_golds(self) -> QuerySet[Gold]:
        golds = Gold.objects.filter(self._in_open_lanes("item__lane", "project"), retired_at=None)
        return golds.filter(project=OuterRef("project")).exclude(item__state="void").order_by("random_key")

    def _gold(self, kind: str) -> QuerySet[Gold]:
        golds = self._open_golds().filter(kind=kind)
        if self.watch.qualification_items:
            golds = golds.filter(in_qualification=False)
        return golds.filter(*new_to(OuterRef(OuterRef("pk"))))

    def _repeat(self, before: datetime) -> QuerySet[Slot]:
        """The rater's own answers of long enough ago, in the stored random order, each once."""
        mine = Slot.objects.filter(rater=OuterRef("pk"), purpose=Slot.Purpose.LABEL, state=Slot.State.DONE)
        again = Slot.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"), purpose=Slot.Purpose.REPEAT)
        passed_on = Skip.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"))
        old = mine.filter(leased_at__lte=before).exclude(item__state="void")
        return old.exclude(Exists(again)).exclude(Exists(passed_on)).order_by("random_key")

    def _qualification(self) -> dict[str, Any]:
        mine = Qualification.objects.filter(rater=OuterRef("pk"))
        theirs = Qualification.objects.filter(rater=OuterRef("rater")).values("attempt")[:1]
        this_attempt = Coalesce(Subquery(theirs), Value(1))
        asked = Slot.objects.filter(rater=OuterRef("pk"), purpose="qualification", ordinal=this_attempt)
        met = Slot.objects.filter(item=OuterRef("item"), rater=OuterRef(OuterRef("pk")), purpose="qualification")
        passed_on = Skip.objects.filter(item=OuterRef("item"), rater=OuterRef(OuterRef("pk")))
        this_time = met.filter(ordinal=this_attempt)
        left = self._open_golds().filter(in_qualification=True).exclude(Exists(this_time)).exclude(Exists(passed_on))
        unmet = left.exclude(Exists(met))  # at a later attempt, those not asked before come first
        return {
            "qualification_state": Subquery(mine.values("state")[:1]),
            "qualification_attempt": Coalesce(Subquery(mine.values("attempt")[:1]), Value(1)),
            "qualification_asked": _counted(asked),
            "qualification_item_id": Coalesce(Subquery(unmet.values("item")[:1]), Subquery(left.values("item")[:1])),
        }

    def standing(self, rater: Any) -> Standing:
        """What the query found, in order of weight. `rater`: with the columns."""
        lanes = self.lanes if rater.shut_out else None
        if rater.under_bar:
            return Standing(Barred.QUALITY, None, lanes)
        if not self.watch.looks:
            return Standing(Barred.NO, None, lanes)
        if self.qualifies and rater.qualification_state not in ("passed", "waived"):
            return self._at_qualification(rater, lanes)
        rooms = _rooms(self.watch, rater)
        full = next((limit for limit, room in rooms.items() if room <= 0), Barred.NO)
        if full:
            return Standing(full, None, lanes)
        room = min(rooms.values(), default=None)
        if rater.waiting_slot_id is not None:
            turn = Turn(rater.waiting_purpose, slot_id=rater.waiting_slot_id)
            return Standing(Barred.NO, turn, lanes, room=room)
        item_id = getattr(rater, "due_item_id", None)
        due = item_id is not None and rater.has_work
        return Standing(Barred.NO, Turn(self.purpose, item_id) if due else None, lanes, room=room)

    def _at_qualification(self, rater: Any, lanes: Open | None) -> Standing:
        if rater.qualification_state == Qualification.State.FAILED:
            return Standing(Barred.NOT_QUALIFIED, None, lanes)
        if rater.waiting_slot_id is not None and rater.waiting_purpose == Slot.Purpose.QUALIFICATION:
            return Standing(Barred.NO, Turn(rater.waiting_purpose, slot_id=rater.waiting_slot_id), lanes, True)
        more = rater.qualification_asked < self.watch.qualification_items and rater.qualification_item_id is not None
        turn = Turn("qualification", rater.qualification_item_id, attempt=rater.qualification_attempt) if more else None
        return Standing(Barred.NO, turn, lanes, True, over=turn is None and rater.qualification_asked > 0)


def _used(watch: Watch, midnight: datetime) -> dict[str, Any]:
    """What the limits count, as annotations of a queryset of Rater."""
    me, found = OuterRef("pk"), {}
    if watch.cap_total:
        done = Slot.objects.filter(rater=me, state=Slot.State.DONE)
        found["done_total"] = _counted(done.exclude(purpose=Slot.Purpose.QUALIFICATION))
    if watch.cap_day:
        found["done_today"] = _counted(answered_since(Annotation.objects.filter(rater=me), midnight))
    if watch.cap_total or watch.cap_day:
        found["in_hands"] = _counted(Slot.objects.filter(rater=me, state=Slot.State.LEASED))
    return found


def _rooms(watch: Watch, rater: Any) -> dict[Barred, int]:
    """How many more items each limit allows; what is in hand counts."""
    rooms = {}
    if watch.cap_total:
        rooms[Barred.CAP_TOTAL] = watch.cap_total - rater.done_total - rater.in_hands
    if watch.cap_day:
        rooms[Barred.CAP_DAY] = watch.cap_day - rater.done_today - rater.in_hands
    return rooms


def overrun(watch: Watch, rater: Rater, now: datetime) -> bool:
    """Whether the lease that was just given is one too many. Asked once it is written, and so nobody's other tab can
    take another: what is counted then is all there is."""
    counted = Rater.objects.filter(pk=rater.pk).annotate(**_used(watch, midnight_of(now))).get()
    return any(room < 0 for room in _rooms(watch, counted).values())


def _waiting() -> QuerySet[EndedLease]:
    """Tests that this rater had in hand and laid down by taking an answer back: they come next, as real work would."""
    passed_on = Skip.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"))
    laid_down = EndedLease.objects.filter(rater=OuterRef("pk"), why=EndedLease.Why.UNDONE, slot__state=Slot.State.OPEN)
    return laid_down.exclude(slot__purpose=Slot.Purpose.LABEL).exclude(Exists(passed_on)).order_by("-ended_at")


def midnight_of(now: datetime) -> datetime:
    """When the day began, in UTC."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _counted(rows: QuerySet[Any]) -> Any:
    """How many rows of this rater there are, as a subquery."""
    return Coalesce(Subquery(rows.order_by().values("rater").annotate(n=Count("pk")).values("n")[:1]), Value(0))
