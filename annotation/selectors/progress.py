"""How far a project is, at what pace, and who is at work in it now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from annotation.models import Annotation, Slot, Tally
from annotation.services import tallies
from projects.models import Project

PAUSE = timedelta(minutes=15)
"""Whoever answers nothing for so long has begun anew."""
AT_WORK = 100
"""People listed."""
ANSWERS = 2000
"""Of each, the latest that their stretch of work is told from."""


@dataclass(frozen=True)
class Progress:
    """`counted_at`: how old the figures are; of a small project they are of this moment.

    `per_day`: answers of people within the last 24 hours; `done_by`: when nothing is left at that pace, None where
    nothing is left already or nobody worked.
    """

    items: dict[str, int]
    human_slots: dict[str, int]
    judge_slots: dict[str, int]
    annotations: int
    annotations_of_people: int
    labels: int
    labels_with_people: int
    prompts: int
    open_prompts: int
    open_flags: int
    working_now: int
    per_day: int
    counted_at: datetime
    live: bool

    @property
    def items_total(self) -> int:
        """Those withdrawn apart: nobody is asked about them."""
        return sum(number for state, number in self.items.items() if state != "void")

    @property
    def waiting(self) -> int:
        """Answers of people that are still wanted."""
        return self.human_slots["open"] + self.human_slots["leased"]

    @property
    def done_by(self) -> datetime | None:
        if not self.waiting or not self.per_day:
            return None
        days = self.waiting / self.per_day
        return self.counted_at + timedelta(days=days) if days < 3650 else None


@dataclass(frozen=True)
class AtWork:
    """Somebody with an item in hand. `since`: when this stretch of work began; `today`: answers since midnight, UTC."""

    pseudonym: str
    name: str
    since: datetime
    today: int


def progress(*, project: Project) -> Progress:
    """A large project's figures are the latest that were counted (services/tallies.py); live work is always of now."""
    now = timezone.now()
    known = Tally.objects.filter(project=project).first()
    live = known is None or tallies.is_small(project)
    if known is None or live:
        figures, counted_at = tallies.count(project, now), now
    else:
        figures, counted_at = known.figures, known.counted_at
    kept = {name: figures[name] for name in _KEPT}
    return Progress(
        human_slots=figures["slots"]["human"],
        judge_slots=figures["slots"]["judge"],
        per_day=figures["last_day"],
        working_now=_in_hand(project, now).count(),
        counted_at=counted_at,
        live=live,
        **kept,
    )


_KEPT = (
    *("items", "annotations", "annotations_of_people", "labels", "labels_with_people"),
    *("prompts", "open_prompts", "open_flags"),
)


def _in_hand(project: Project, now: datetime) -> Any:
    """Slots that people hold, but for those held ready for them: found by the index of live leases."""
    held = Slot.objects.filter(project=project, state=Slot.State.LEASED, audience=Slot.Audience.HUMAN, ahead=False)
    return held.filter(leased_until__gt=now)


def at_work(*, project: Project) -> list[AtWork]:
    """Who has an item in hand now, the longest at work first."""
    now = timezone.now()
    held = list(_in_hand(project, now).select_related("rater__user").order_by("leased_at")[:AT_WORK])
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for slot in held:
        mine = Annotation.objects.filter(rater=slot.rater, revises=None, retracted_at=None)
        mine = mine.exclude(standing=Annotation.Standing.RECORDED).order_by("-submitted_at")
        answers = list(mine.values_list("submitted_at", flat=True)[:ANSWERS])
        since = slot.leased_at or now
        for at in answers:
            if since - at > PAUSE:
                break
            since = at
        user, today = slot.rater.user, sum(at >= midnight for at in answers)
        found.append(AtWork(slot.rater.pseudonym, str(user) if user else "", since, today))
    return sorted(found, key=lambda one: one.since)
