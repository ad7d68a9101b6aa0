"""Who belongs to a project, as what. A project always has an admin."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, NotFound
from projects.models import Membership, Project, Role
from projects.reach import check_cohort, check_languages, check_role, check_topics
from projects.services.projects import subject


def _found(project: Project, member_id: int) -> Membership:
    """The membership, the project locked: of two admins who remove each other at the same moment, one stays."""
    Project.objects.select_for_update().get(pk=project.pk)
    member = project.memberships.select_related("user").filter(pk=member_id).first()
    if member is None:
        raise NotFound
    return member


def _keep_an_admin(member: Membership) -> None:
    others = Membership.objects.filter(project=member.project_id, role=Role.ADMIN).exclude(pk=member.pk)
    if member.role == Role.ADMIN and not others.filter(user__is_active=True).exists():
        raise Conflict(_("A project needs an admin: make somebody else one first."), code="last-admin")


@transaction.atomic
def change_role(*, project: Project, member_id: int, role: str, actor: User) -> Membership:
    """Gives a member another role. Raises Invalid, NotFound, or Conflict for the last admin."""
    member = _found(project, member_id)
    check_role(role)
    if member.role == role:
        return member
    _keep_an_admin(member)
    before, member.role = member.role, role
    member.save(update_fields=["role"])
    audit(
        actor=actor, kind="role-changed", subject=subject(project), member=member.user.username, before=before, now=role
    )
    return member


@transaction.atomic
def remove_member(*, project: Project, member_id: int, actor: User) -> None:
    """Shuts a member out; what they judged stays. Raises NotFound, or Conflict for the last admin."""
    member = _found(project, member_id)
    _keep_an_admin(member)
    member.delete()
    audit(actor=actor, kind="member-removed", subject=subject(project), member=member.user.username, role=member.role)


@transaction.atomic
def change_reach(
    *, project: Project, member_id: int, actor: User, cohort: str | None = None, languages: list[str] | None = None
) -> Membership:
    """Says what a member may be given; what is not given stays. Raises NotFound, or Invalid naming the field."""
    member = _found(project, member_id)
    wanted: dict[str, Any] = {}
    if cohort is not None:
        wanted["cohort"] = check_cohort(cohort)
    if languages is not None:
        wanted["languages"] = check_languages(languages)
    changed = {name: value for name, value in wanted.items() if getattr(member, name) != value}
    for name, value in changed.items():
        setattr(member, name, value)
    if changed:
        member.save(update_fields=list(changed))
        audit(actor=actor, kind="member-changed", subject=subject(project), member=member.user.username, **changed)
    return member


@transaction.atomic
def set_paused(*, project: Project, member_id: int, paused: bool, actor: User) -> Membership:
    """Gives a member nothing from now on, or something again. What they have answered counts as before."""
    member = _found(project, member_id)
    if (member.paused_at is not None) == paused:
        return member
    member.paused_at = timezone.now() if paused else None
    member.save(update_fields=["paused_at"])
    kind = "member-paused" if paused else "member-resumed"
    audit(actor=actor, kind=kind, subject=subject(project), member=member.user.username)
    return member


def choose(*, member: Membership, languages: list[str] | None = None, topics: list[str] | None = None) -> Membership:
    """A member's own choice of what to be given; what is not given stays. Raises Invalid naming the field."""
    if languages is not None:
        member.languages = check_languages(languages)
    if topics is not None:
        member.topics = check_topics(topics)
    member.save(update_fields=["languages", "topics"])
    return member
