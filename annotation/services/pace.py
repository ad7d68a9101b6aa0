"""How long a judgment takes in a project: measured in the background, so that no request sums anything up."""

from datetime import timedelta
from statistics import median

from django.utils import timezone

from annotation.models import Annotation, Pace, Rater
from projects.models import Project

SAMPLE = 200
"""The latest timed judgments of people."""
LEAST = 5
"""Fewer say nothing yet."""


def measure(*, project: Project) -> Pace | None:
    """Measures one project; None where too few judgments were timed."""
    timed = Annotation.objects.filter(
        item__project=project,
        rater__kind=Rater.Kind.PERSON,
        standing=Annotation.Standing.COUNTED,
        revises=None,
        active_ms__gt=0,
    )
    sample = list(timed.order_by("-pk").values_list("active_ms", flat=True)[:SAMPLE])
    if len(sample) < LEAST:
        return None
    middle = round(median(value for value in sample if value is not None))
    found, _ = Pace.objects.update_or_create(project=project, defaults={"median_active_ms": middle})
    return found


def measure_all() -> int:
    """Measures the projects in which somebody has just worked; says how many."""
    lately = timezone.now() - timedelta(minutes=5)
    busy = Annotation.objects.filter(submitted_at__gte=lately, standing=Annotation.Standing.COUNTED)
    ids = busy.order_by().values_list("item__project", flat=True).distinct()
    return sum(measure(project=project) is not None for project in Project.objects.filter(pk__in=ids))
