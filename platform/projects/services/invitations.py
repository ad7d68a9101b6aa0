"""Invitations: the only way in for newcomers, and the only way into a project."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.services import audit, create_user, hashed, new_secret
from common.errors import Conflict, Invalid, NotFound
from projects.models import Invitation, Membership, Project
from projects.reach import check_cohort, check_languages, check_role
from projects.services.projects import subject

MAX_DAYS = 90
GONE = gettext_lazy("This invitation was used already, was taken back, or its time has run out. Ask for a new one.")


def check_days(days: int) -> None:
    """Raises Invalid where a link may not stand so long."""
    if not 1 <= days <= MAX_DAYS:
        said = _("From 1 to %(most)s days.") % {"most": MAX_DAYS}
        raise Invalid(_("Not a time an invitation may stand."), fields={"days": [said]})


@transaction.atomic
def make_invitation(
    *,
    project: Project,
    role: str,
    actor: User | None,
    days: int = 7,
    note: str = "",
    name: str = "",
    email: str = "",
    cohort: str = "",
    languages: list[str] | None = None,
) -> tuple[Invitation, str]:
    """An invitation and the path that it opens at; the secret in the path is not kept. Raises Invalid."""
    check_role(role)
    check_days(days)
    secret = new_secret()
    invitation = Invitation.objects.create(
        project=project,
        role=role,
        note=note,
        name=name,
        email=email,
        cohort=check_cohort(cohort),
        languages=check_languages(languages or []),
        secret_hash=hashed(secret),
        expires_at=timezone.now() + timedelta(days=days),
        created_by=actor,
    )
    audit(actor=actor, kind="invitation-made", subject=subject(project), invitation=invitation.pk, role=role, days=days)
    return invitation, reverse("projects:invitation", kwargs={"invitation_secret": secret})


@transaction.atomic
def revoke_invitation(*, project: Project, invitation_id: int, actor: User) -> None:
    """Takes an invitation back. Raises NotFound, or Conflict where it was used meanwhile."""
    found = project.invitations.filter(pk=invitation_id)
    if not found.exists():
        raise NotFound
    if not found.filter(used_at=None, revoked_at=None).update(revoked_at=timezone.now()):
        raise Conflict(_("This invitation was used or taken back already."))
    audit(actor=actor, kind="invitation-revoked", subject=subject(project), invitation=invitation_id)


def find_invitation(*, secret: str) -> Invitation:
    """The invitation, if it can still be used. Raises NotFound."""
    found = Invitation.objects.select_related("project").filter(secret_hash=hashed(secret)).first()
    if found is None or found.used_at or found.revoked_at or found.expires_at <= timezone.now():
        raise NotFound(str(GONE))
    return found


def _spend(invitation: Invitation, user: User, address: str | None) -> Membership:
    """Inside the caller's transaction. Of two at the same moment, one gets NotFound."""
    usable = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    if not usable.update(used_at=timezone.now(), used_by=user):
        raise NotFound(str(GONE))
    try:
        with transaction.atomic():
            member = Membership.objects.create(
                project=invitation.project,
                user=user,
                role=invitation.role,
                cohort=invitation.cohort,
                languages=invitation.languages,
            )
    except IntegrityError as fault:
        raise Conflict(_("You are a member of this project already."), code="member-already") from fault
    audit(
        actor=user,
        kind="invitation-used",
        subject=subject(invitation.project),
        address=address,
        invitation=invitation.pk,
        role=invitation.role,
    )
    return member


@transaction.atomic
def accept(*, secret: str, user: User, address: str | None = None) -> Membership:
    """Makes `user` a member. Raises NotFound, or Conflict for a member (then the invitation is not spent)."""
    return _spend(find_invitation(secret=secret), user, address)


@transaction.atomic
def accept_as_newcomer(
    *, secret: str, username: str, password: str, display_name: str = "", address: str | None = None
) -> Membership:
    """Makes a person and their membership, or neither. Raises NotFound, or Invalid naming the field."""
    invitation = find_invitation(secret=secret)
    name = display_name or invitation.name
    user = create_user(username=username, display_name=name, password=password, email=invitation.email)
    return _spend(invitation, user, address)
