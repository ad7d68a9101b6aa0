"""Figures of a whole project. A small one is counted whenever somebody looks; a large one in the background."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from annotation.models import Annotation, Flag, Item, Label, Rater, Slot, Tally
from corpus.models import Prompt
from projects.models import Project

SMALL = 5_000
"""Slots, items or prompts that are counted while somebody waits."""
LEAST_SECONDS = 60
SHARE = 60
"""Counting takes at most one sixtieth of the time: what took five seconds is counted again after five minutes."""
LATE = timedelta(hours=24)


def is_small(project: Project) -> bool:
    """Whether everything of a project can be counted in a few milliseconds."""
    wholes = (Slot.objects.filter(project=project), Item.objects.filter(project=project), project.prompts.all())
    return all(rows.order_by().values("pk")[: SMALL + 1].count() <= SMALL for rows in wholes)


def count(project: Project, now: datetime) -> dict[str, Any]:
    """Every figure, exact as of now: items and slots by state, answers, labels, flags, prompts, the last day's answers.

    Answers of people that stand; `last_day`: labels' slots that people answered within 24 hours.
    """
    items = dict.fromkeys(Item.State.values, 0) | dict(_by(Item.objects.filter(project=project), "state"))
    slots = {audience: dict.fromkeys(Slot.State.values, 0) for audience in Slot.Audience.values}
    asked = Slot.objects.filter(project=project, purpose=Slot.Purpose.LABEL)
    for audience, state, number in asked.order_by().values_list("audience", "state").annotate(n=Count("pk")):
        slots[audience][state] = number
    people, others, last_day = _answers(project, now)
    labels = Label.objects.filter(item__project=project).aggregate(
        all=Count("pk"), people=Count("pk", filter=Q(human_count__gt=0))
    )
    prompts = Prompt.objects.filter(project=project).aggregate(all=Count("pk"), open=Count("pk", filter=Q(open=True)))
    return {
        "items": items,
        "slots": slots,
        "annotations": people + others,
        "annotations_of_people": people,
        "labels": labels["all"],
        "labels_with_people": labels["people"],
        "open_flags": Flag.objects.filter(item__project=project, resolved_at=None).count(),
        "prompts": prompts["all"],
        "open_prompts": prompts["open"],
        "last_day": last_day,
    }


def _answers(project: Project, now: datetime) -> tuple[int, int, int]:
    """Answers that stand, of people and of judges, and those that people gave in the last day; in one reading.

    An answer that was corrected is never taken back, nor one that was taken back corrected: so as many do not stand
    any more as there are corrections.
    """
    counted = Q(standing=Annotation.Standing.COUNTED, retracted_at=None, revises=None, rater__kind="person")
    by_kind = Annotation.objects.filter(rater__project=project).order_by().values("rater__kind")
    by_kind = by_kind.annotate(
        kept=Count("pk", filter=Q(retracted_at=None)),
        corrections=Count("pk", filter=Q(revises__isnull=False)),
        lately=Count("pk", filter=counted & Q(submitted_at__gt=now - LATE)),
    )
    standing = {row["rater__kind"]: row["kept"] - row["corrections"] for row in by_kind}
    people = sum(standing.get(kind, 0) for kind in (Rater.Kind.PERSON, Rater.Kind.RECORDED_PERSON))
    return people, sum(standing.values()) - people, sum(row["lately"] for row in by_kind)


def _by(rows: Any, column: str) -> Any:
    return rows.order_by().values_list(column).annotate(n=Count("pk"))


def tally(*, project: Project) -> Tally:
    """Counts one project now and keeps the figures."""
    now, begun = timezone.now(), time.perf_counter()
    figures = count(project, now)
    took = round((time.perf_counter() - begun) * 1000)
    kept, _ = Tally.objects.update_or_create(
        project=project, defaults={"figures": figures, "took_ms": took, "counted_at": now}
    )
    return kept


def tally_due() -> int:
    """Counts the large projects whose figures are old enough; says how many."""
    now = timezone.now()
    counted = 0
    for project in Project.objects.exclude(state=Project.State.ARCHIVED).select_related("tally"):
        known = getattr(project, "tally", None)
        if known is not None and now - known.counted_at < rest(known.took_ms):
            continue
        if not is_small(project):
            tally(project=project)
            counted += 1
    return counted


def rest(took_ms: int) -> timedelta:
    """How long figures stand before they are counted again."""
    return timedelta(seconds=max(LEAST_SECONDS, SHARE * took_ms / 1000))
