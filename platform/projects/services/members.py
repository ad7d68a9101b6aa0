"""Who belongs to a project, as what. A project always has an admin."""

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Invalid, NotFound
from projects.models import Membership, Project, Role
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
        raise Conflict("A project needs an admin: make somebody else one first.", code="last-admin")


@transaction.atomic
def change_role(*, project: Project, member_id: int, role: str, actor: User) -> Membership:
    """Gives a member another role. Raises Invalid, NotFound, or Conflict for the last admin."""
    member = _found(project, member_id)
    if role not in Role.values:
        raise Invalid("No such role.", fields={"role": [f"One of: {', '.join(Role.values)}."]})
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
