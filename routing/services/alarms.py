"""Alarms: something went wrong with a promise, in a sentence an admin can read; open until somebody closes it."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from projects.models import Project
from routing.models import Alarm


def raise_alarm(
    *, project: Project, kind: Alarm.Kind, subject: str, said: str, about: str = "", **details: Any
) -> Alarm | None:
    """Raises it unless one of the kind and subject is open, or was closed that spoke of the same thing (`about`)."""
    known = Alarm.objects.filter(project=project, kind=kind, subject=subject)
    if known.filter(closed_at=None).exists() or (about and known.filter(details__about=about).exists()):
        return None
    try:
        with transaction.atomic():
            return Alarm.objects.create(
                project=project, kind=kind, subject=subject, said=said, details=details | {"about": about}
            )
    except IntegrityError:  # another worker was faster
        return None


def supersede(*, project: Project, kind: Alarm.Kind, subject: str) -> None:
    """The open one of this kind and subject gives way to one that speaks of something new."""
    Alarm.objects.filter(project=project, kind=kind, subject=subject, closed_at=None).update(closed_at=timezone.now())


@transaction.atomic
def close_alarm(*, alarm: Alarm, by: User) -> Alarm:
    """Somebody has looked at it; closing it again changes nothing."""
    closed = Alarm.objects.filter(pk=alarm.pk, closed_at=None).update(closed_at=timezone.now(), closed_by=by)
    if closed:
        audit(
            actor=by,
            kind="alarm.closed",
            subject=f"project:{alarm.project.slug}",
            alarm_kind=alarm.kind,
            about=alarm.subject,
        )
    alarm.refresh_from_db()
    return alarm
