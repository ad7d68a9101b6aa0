"""A person is deleted: who they were goes, what they judged stays under a pseudonym that nobody can resolve any more.

This floor's part; `annotation.services.departures` is the door.
"""

import hashlib

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from accounts.models import AuditEvent, SignInAttempt, User
from accounts.services import audit
from common.errors import Conflict
from projects.models import Invitation, Membership, Project, Respondent, Role

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def check_handed_over(*, user: User) -> None:
    """Raises Conflict, naming them, where projects would be left without an admin. Locks them: nobody else leaves."""
    own = Membership.objects.filter(user=user, role=Role.ADMIN)
    projects = Project.objects.select_for_update().filter(pk__in=own.values("project")).order_by("pk")
    orphans = [
        project.name
        for project in projects
        if not project.memberships.filter(role=Role.ADMIN, user__is_active=True).exclude(user=user).exists()
    ]
    if orphans:
        said = _("You are the only admin of: %(projects)s. Make somebody else admin there first.")
        raise Conflict(said % {"projects": ", ".join(orphans)}, code="last-admin", projects=orphans)


def erase(*, user: User, forget_answers: bool) -> None:
    """Inside the caller's transaction: deletes the account and everything that says whose it was.

    The log keeps what was done and when, under a word that stands for nobody.
    """
    name, nobody = user.username, f"deleted-{get_random_string(8, LETTERS)}"
    if forget_answers:
        Respondent.objects.filter(member__user=user).delete()
    Invitation.objects.filter(used_by=user).update(name="", email="", note="")
    _forget_in_the_log(user, name, nobody)
    SignInAttempt.objects.filter(name_hash=hashlib.sha256(name.encode()).hexdigest()).delete()
    _end_sessions(user)
    about = {"content_type": ContentType.objects.get_for_model(User), "object_id": str(user.pk)}
    LogEntry.objects.filter(**about).delete()
    user.delete()
    audit(actor=None, kind="person-deleted", subject=f"user:{nobody}", survey_answers=forget_answers)


def _forget_in_the_log(user: User, name: str, nobody: str) -> None:
    """The one change that the log ever sees: a name, what its owner called things, and where they came from go."""
    AuditEvent.objects.filter(actor=user).update(address=None)
    AuditEvent.objects.filter(subject=f"user:{name}").update(subject=f"user:{nobody}", address=None, detail={})
    for event in AuditEvent.objects.filter(detail__member=name).iterator():
        event.detail["member"] = nobody
        event.save(update_fields=["detail"])


def _end_sessions(user: User) -> None:
    """Rows of sessions hold an account's key in code: all are looked at, which a deletion is rare enough for."""
    ended = [
        session.pk
        for session in Session.objects.iterator(chunk_size=500)
        if session.get_decoded().get("_auth_user_id") == str(user.pk)
    ]
    Session.objects.filter(pk__in=ended).delete()
