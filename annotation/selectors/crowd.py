"""How raters work: what they did, how often tests were passed, whom they agree with, and habits that give bias away."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Max, TextField
from django.db.models.functions import Cast, Length, TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.figures import Share, first_shown, longer_chosen
from annotation.models import Annotation, GoldResult, Pace, Pause, Qualification, Rater, Slot
from annotation.protocols import protocol
from annotation.services.labels import fields_of
from annotation.services.scoring import distance
from annotation.services.turns import midnight_of
from annotation.standings import answered_since, current
from common.errors import NotFound
from corpus.models import Response
from projects.models import Project

LATEST = 10_000
"""Answers, the latest ones of the project, that habits are read from."""
LENGTHS = 4000
"""Responses whose length is looked up, at most."""
FAST = 0.25
"""An answer given in less than this share of the project's median time is a fast one."""
MANY_FAST = 0.25
DAYS = 30


@dataclass
class Habits:
    """One rater's answers to real items, as far as they were looked at. Shares with intervals."""

    answers: int = 0
    times: list[int] = field(default_factory=list)
    fast: int = 0
    first: list[bool] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    ties: list[bool] = field(default_factory=list)
    agreed: list[bool] = field(default_factory=list)
    longer: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class RaterRow:
    """`position`: how often the response shown first was preferred, expected one half; `length`: how often the longer
    one. `median_ms`: active time; `fast`: answers in less than a quarter of the project's median time."""

    rater: Rater
    done: int
    today: int
    last_at: datetime | None
    median_ms: int | None
    gold: Share
    checks: Share
    agreement: Share
    consistency: Share
    position: Share
    length: Share
    ties: Share
    fast: Share
    pause: Pause | None
    qualification: Qualification | None

    @property
    def too_fast(self) -> bool:
        return self.fast.of >= 10 and self.fast.low > MANY_FAST

    @property
    def flags(self) -> list[str]:
        """What a person should look at: keys that the page explains."""
        found = {
            "paused": self.pause is not None,
            "fast": self.too_fast,
            "position": self.position.of >= 20 and self.position.off(0.5),
            "consistency": self.consistency.of >= 5 and self.consistency.high < 0.7,
        }
        return [key for key, is_so in found.items() if is_so]


def raters(*, project: Project, pseudonym: str = "", until: datetime | None = None) -> list[RaterRow]:
    """The people who annotate in a project, the busiest first; or the one called `pseudonym`.

    `until`: habits are read from earlier answers only.
    """
    who = Rater.objects.filter(project=project, kind=Rater.Kind.PERSON).select_related("user")
    people = {rater.pk: rater for rater in (who.filter(pseudonym=pseudonym) if pseudonym else who)}
    pauses = {one.rater_id: one for one in Pause.objects.filter(rater__in=people, ended_at=None)}
    entries = {one.rater_id: one for one in Qualification.objects.filter(rater__in=people)}
    slots = Slot.objects.filter(rater__in=people, state=Slot.State.DONE, purpose=Slot.Purpose.LABEL)
    done = dict(slots.order_by().values_list("rater").annotate(n=Count("pk")))
    mine = Annotation.objects.filter(rater__in=people).order_by()
    today = dict(answered_since(mine, midnight_of(timezone.now())).values_list("rater").annotate(n=Count("pk")))
    last = dict(mine.values_list("rater").annotate(last=Max("submitted_at")))
    tests, again = _tests(people), _consistency(people, until)
    habits = _habits(project, people, until)
    found = [
        _row(
            rater,
            habits[rater.pk],
            done=done.get(rater.pk, 0),
            today=today.get(rater.pk, 0),
            last_at=last.get(rater.pk),
            gold=tests[rater.pk, "gold"],
            checks=tests[rater.pk, "check"],
            consistency=again[rater.pk],
            pause=pauses.get(rater.pk),
            qualification=entries.get(rater.pk),
        )
        for rater in people.values()
    ]
    # Who has only settled items, as a reviewer, is no rater to be looked at.
    met = [row for row in found if row.done or row.gold.of or row.checks.of or row.qualification or pseudonym]
    return sorted(met, key=lambda row: (-row.done, row.rater.pseudonym))


def _row(rater: Rater, habit: Habits, **known: Any) -> RaterRow:
    return RaterRow(
        rater=rater,
        median_ms=round(median(habit.times)) if habit.times else None,
        agreement=Share.count(habit.agreed),
        position=Share.count(habit.first),
        length=Share.count(habit.longer),
        ties=Share.count(habit.ties),
        fast=Share(habit.fast, len(habit.times)),
        **known,
    )


def own_row(*, rater: Rater) -> RaterRow:
    """What a rater may see of themselves, habits up to yesterday (UTC): a figure that moved with some answers of today
    and not with others would tell which of them were tests."""
    until = midnight_of(timezone.now())
    return raters(project=rater.project, pseudonym=rater.pseudonym, until=until)[0]


def rater_row(*, project: Project, pseudonym: str) -> RaterRow:
    """Raises NotFound for a pseudonym that no person has here."""
    found = raters(project=project, pseudonym=pseudonym) if pseudonym else []
    if not found:
        raise NotFound(_("There is no such rater."))
    return found[0]


def _tests(people: dict[int, Rater]) -> dict[tuple[int, str], Share]:
    rows = GoldResult.objects.filter(rater__in=people, purpose__in=["gold", "check"]).order_by()
    counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for rater_id, purpose, passed, n in rows.values_list("rater", "purpose", "passed").annotate(n=Count("pk")):
        counts[rater_id, purpose][1] += n
        counts[rater_id, purpose][0] += n if passed else 0
    found: dict[tuple[int, str], Share] = defaultdict(lambda: Share(0, 0))
    return found | {key: Share(*pair) for key, pair in counts.items()}


def _consistency(people: dict[int, Rater], until: datetime | None) -> dict[int, Share]:
    """How often a rater said the same of an item that came again."""
    repeats = current().filter(rater__in=people, standing=Annotation.Standing.REPEAT).select_related("form_version")
    repeats = repeats.filter(submitted_at__lt=until) if until else repeats
    latest = list(repeats.order_by("-pk")[:LATEST])
    before = current().filter(rater__in=people, item__in=[one.item_id for one in latest], standing="counted")
    first = {(one.rater_id, one.item_id): one for one in before.select_related("form_version")}
    same: dict[int, list[bool]] = defaultdict(list)
    for one in latest:
        if (earlier := first.get((one.rater_id, one.item_id))) is not None:
            same[one.rater_id].append(distance(earlier, one) == 0)
    found: dict[int, Share] = defaultdict(lambda: Share(0, 0))
    return found | {rater_id: Share.count(said) for rater_id, said in same.items()}


def _habits(project: Project, people: dict[int, Rater], until: datetime | None) -> dict[int, Habits]:
    """Of the project's latest answers of people to real items; others' answers are read for agreement."""
    answers = current().filter(item__project=project, standing__in=["counted", "extra"])
    answers = answers.filter(rater__kind=Rater.Kind.PERSON).select_related("form_version").order_by("-pk")
    answers = answers.filter(submitted_at__lt=until) if until else answers
    if len(people) == 1:
        own = answers.filter(rater__in=people)[:LATEST]
        items = {one.item_id for one in own}
        answers = answers.filter(item__in=items)
    pace = Pace.objects.filter(project=project).first()
    found: dict[int, Habits] = defaultdict(Habits)
    said: dict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
    for one in answers[:LATEST]:
        if one.rater_id in people:
            _note(found[one.rater_id], one, pace)
        for asked, value in fields_of(one):
            outcome = protocol(asked.protocol).outcome(value)
            if outcome is not None:
                said[one.item_id, asked.name].append((one.rater_id, outcome))
    for votes in said.values():
        for rater_id, outcome in votes:
            others = [other for who, other in votes if who != rater_id]
            if rater_id in people:
                found[rater_id].agreed += [outcome == other for other in others]
    _lengths(found)
    return found


def _note(habit: Habits, one: Annotation, pace: Pace | None) -> None:
    habit.answers += 1
    if one.active_ms:
        habit.times.append(one.active_ms)
        habit.fast += bool(pace and one.active_ms < FAST * pace.median_active_ms)
    for asked, value in fields_of(one):
        plug = protocol(asked.protocol)
        pairs = [(p.chosen_id, p.rejected_id) for p in plug.preferences(value) if p.strength > 0]
        habit.first += first_shown(pairs, one.display_order or [])
        habit.pairs += pairs
        outcome = plug.outcome(value)
        if outcome is not None and "tie" in plug.outcomes:
            habit.ties.append(outcome == "tie")


def _lengths(found: dict[int, Habits]) -> None:
    """Whether the longer response was preferred, for as many pairs as can be looked up."""
    wanted: list[int] = []
    for habit in found.values():
        wanted += [pk for pair in habit.pairs[: LENGTHS // max(1, 2 * len(found))] for pk in pair]
    rows = Response.objects.filter(pk__in=set(wanted[:LENGTHS])).annotate(size=Length(Cast("messages", TextField())))
    lengths = dict(rows.values_list("pk", "size"))
    for habit in found.values():
        habit.longer = longer_chosen([pair for pair in habit.pairs if set(pair) <= lengths.keys()], lengths)


def by_day(*, rater: Rater, days: int = DAYS) -> list[tuple[int, int, float | None]]:
    """For each of the last days: (days ago, negative; answers; median active seconds, None where none was timed)."""
    since = midnight_of(timezone.now()) - timedelta(days=days - 1)
    rows = answered_since(Annotation.objects.filter(rater=rater), since)
    found: dict[int, list[int | None]] = defaultdict(list)
    today = timezone.now().date()
    for day, active_ms in rows.annotate(day=TruncDate("submitted_at")).values_list("day", "active_ms"):
        found[(day - today).days].append(active_ms)
    return [(ago, len(times), _seconds(times)) for ago, times in sorted(found.items())]


def _seconds(times: list[int | None]) -> float | None:
    timed = [one / 1000 for one in times if one]
    return median(timed) if timed else None
