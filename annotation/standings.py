"""What answers count as: which of them stand, which were somebody's work, and what their raters are told of it."""

from datetime import datetime

from django.db.models import QuerySet

from annotation.models import Annotation

IN_SLOTS = [Annotation.Standing.COUNTED, Annotation.Standing.TEST, Annotation.Standing.REPEAT]
NO_RATERS_WORK = [Annotation.Standing.RECORDED, Annotation.Standing.ADJUDICATED]
"""What nobody was given to judge: no part of anybody's history."""


def shown_standing(annotation: Annotation) -> str:
    """What its rater is told of an answer: a test or a repeat looks like any other that filled its slot."""
    return Annotation.Standing.COUNTED if annotation.standing in IN_SLOTS else annotation.standing


def current() -> QuerySet[Annotation]:
    """Judgments that stand: neither taken back nor corrected by a later one."""
    return Annotation.objects.filter(retracted_at=None, revised_by=None)


def answered_since(annotations: QuerySet[Annotation], midnight: datetime) -> QuerySet[Annotation]:
    """Items answered since then: a correction answers none anew, and a reviewer's word is no item."""
    fresh = annotations.filter(submitted_at__gte=midnight, retracted_at=None, revises=None)
    return fresh.exclude(standing__in=NO_RATERS_WORK)
