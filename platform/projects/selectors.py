"""Reads about projects and their people."""

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AuditEvent, User
from projects.changes import Change, changes
from projects.models import Guideline, Invitation, Membership, OpenLink, Participant, Project
from projects.services.projects import subject


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's memberships with their projects, by name, archived ones last."""
    return user.memberships.select_related("project").order_by("project__state", "project__name", "pk")


def members(project: Project) -> QuerySet[Membership]:
    return project.memberships.select_related("user", "participant").order_by("role", "user__username")


def standing_invitations(project: Project) -> QuerySet[Invitation]:
    """Those that can still be used, newest first."""
    usable = project.invitations.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return usable.select_related("created_by")


def open_links(project: Project) -> QuerySet[OpenLink]:
    """Those that have not been taken back, newest first; also full ones, and ones whose time is over."""
    return project.open_links.filter(revoked_at=None).select_related("created_by")


def participant_of(member: Membership) -> Participant | None:
    """How somebody came in by an open link, if they did. Private to admins."""
    return Participant.objects.select_related("link").filter(member=member).first()


def newest_guideline(project: Project) -> Guideline | None:
    return project.guidelines.first()


def guideline_changes(old: Guideline | None, new: Guideline | None) -> tuple[Change, ...]:
    """What is not in the one as it is in the other, paragraph by paragraph; nothing where one is missing."""
    return changes(old.text, new.text) if old and new else ()


def guideline_before(shown: Guideline, since: int | None = None) -> Guideline | None:
    """The version to compare `shown` with: number `since`, else the one before it."""
    earlier = Guideline.objects.filter(project=shown.project_id)
    if since is not None:
        return earlier.filter(number=since).exclude(pk=shown.pk).first()
    return earlier.filter(number__lt=shown.number).order_by("-number").first()


def events(project: Project) -> QuerySet[AuditEvent]:
    """What happened in a project that matters for security, newest first."""
    return AuditEvent.objects.filter(subject=subject(project)).select_related("actor")
