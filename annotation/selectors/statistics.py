"""One rater's own figures: how much, how fast, on which days; how far they agree with others where a project tells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from django.db.models import QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import User
from annotation.models import Annotation, Label, Rater
from annotation.protocols import protocol
from annotation.standings import NO_RATERS_WORK, current
from projects.models import Membership

DAYS = 30
"""So many days are looked back on."""
SAMPLE = 200
LEAST = 20
"""Agreement over fewer items would tell what single others said."""
MOST = 20_000
"""Answers of a week that are looked at."""


@dataclass(frozen=True)
class Span:
    """Items answered in a stretch of time, and the median of their active seconds; None where none was timed."""

    items: int
    seconds: float | None


@dataclass(frozen=True)
class OfProject:
    """`agreement`: the share of items on which the rater says what the majority says; None where it is not told."""

    member: Membership
    week: Span
    agreement: float | None


@dataclass(frozen=True)
class Statistics:
    """`days`: of the last DAYS those with an answer; `in_a_row`: up to today or yesterday. Days and weeks are UTC."""

    session: Span
    today: Span
    week: Span
    days: int
    in_a_row: int
    projects: tuple[OfProject, ...]


def of_person(*, user: User, members: Sequence[Membership]) -> Statistics:
    """A person's figures over the projects of `members`. The session began when they signed in."""
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    raters = {rater.project_id: rater for rater in Rater.objects.filter(user=user)}
    since = min(monday, user.last_login or monday)
    rows = list(
        _answers(raters.values())
        .filter(submitted_at__gte=since)
        .order_by("-submitted_at")
        .values_list("submitted_at", "active_ms", "rater")[:MOST]
    )
    on = _days(raters.values(), midnight - timedelta(days=DAYS - 1))
    known = [(member, raters[member.project_id]) for member in members if member.project_id in raters]
    return Statistics(
        session=_span(rows, user.last_login or midnight),
        today=_span(rows, midnight),
        week=_span(rows, monday),
        days=len(on),
        in_a_row=_in_a_row(on, midnight.date()),
        projects=tuple(
            OfProject(member, _span(rows, monday, rater.pk), _agreement(member, rater)) for member, rater in known
        ),
    )


def _answers(raters: Iterable[Rater]) -> QuerySet[Annotation]:
    """Items answered: a correction answers none anew, and a reviewer's word is no item."""
    mine = Annotation.objects.filter(rater__in=[rater.pk for rater in raters], retracted_at=None, revises=None)
    return mine.exclude(standing__in=NO_RATERS_WORK)


def _span(rows: Iterable[tuple[datetime, int | None, int]], since: datetime, rater: int | None = None) -> Span:
    times = [ms for at, ms, whose in rows if at >= since and rater in (None, whose)]
    timed = [ms for ms in times if ms]
    return Span(len(times), round(median(timed) / 1000, 1) if timed else None)


def _days(raters: Iterable[Rater], since: datetime) -> set[date]:
    rows = _answers(raters).filter(submitted_at__gte=since).order_by().annotate(day=TruncDate("submitted_at"))
    return set(rows.values_list("day", flat=True).distinct())


def _in_a_row(on: set[date], today: date) -> int:
    """Today may still come: without it the row is counted up to yesterday."""
    day = today if today in on else today - timedelta(days=1)
    count = 0
    while day in on:
        count, day = count + 1, day - timedelta(days=1)
    return count


def _agreement(member: Membership, rater: Rater) -> float | None:
    """With the settled labels, over the rater's latest items that others have answered as well."""
    if not member.project.raters_see_statistics:
        return None
    mine = current().filter(rater=rater, standing=Annotation.Standing.COUNTED).select_related("form_version")
    answers = {one.item_id: one for one in mine.order_by("-submitted_at")[:SAMPLE]}
    labels = Label.objects.filter(item__in=answers, human_count__gte=2)
    same = [agreed for label in labels if (agreed := _says_the_same(answers[label.item_id], label)) is not None]
    return sum(same) / len(same) if len({label.item_id for label in labels}) >= LEAST and same else None


def _says_the_same(answer: Annotation, label: Label) -> bool | None:
    """None for a field that nobody votes on, or that this answer leaves out."""
    fields = answer.form_version.fields if answer.form_version else []
    key = next((field["protocol"] for field in fields if field["name"] == label.field), None)
    value = answer.values.get(label.field)
    if key is None or not value:
        return None
    said = protocol(key).outcome(value)
    return None if said is None else said == protocol(key).outcome(label.value)
