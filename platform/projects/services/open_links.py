"""Links that many may use: a seat is taken by compare-and-set, so that no crowd gets in beyond the capacity."""

import re
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, create_user, hashed, make_sign_in_link, new_secret
from common.errors import Conflict, Invalid, NotFound
from projects.models import Membership, OpenLink, Participant, Project, Role
from projects.reach import check_cohort
from projects.services.invitations import check_days
from projects.services.projects import subject

MAX_CAPACITY = 10_000
PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
EXTERNAL_ID = re.compile(r"[A-Za-z0-9][\w.:@~-]{0,199}", re.ASCII)
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@transaction.atomic
def make_open_link(
    *,
    project: Project,
    actor: User | None,
    capacity: int,
    days: int = 7,
    parameter: str = "",
    cohort: str = "",
    note: str = "",
) -> tuple[OpenLink, str]:
    """A link that makes raters, and the path that it opens at; the secret in it is not kept. Raises Invalid."""
    check_days(days)
    if not 1 <= capacity <= MAX_CAPACITY:
        said = _("From 1 to %(most)s people.") % {"most": MAX_CAPACITY}
        raise Invalid(fields={"capacity": [said]})
    if parameter and not PARAMETER.fullmatch(parameter):
        said = _("The name of a query parameter, such as PROLIFIC_PID.")
        raise Invalid(fields={"parameter": [said]})
    secret = new_secret()
    link = OpenLink.objects.create(
        project=project,
        capacity=capacity,
        parameter=parameter,
        cohort=check_cohort(cohort),
        note=note[:120],
        secret_hash=hashed(secret),
        expires_at=timezone.now() + timedelta(days=days),
        created_by=actor,
    )
    audit(actor=actor, kind="open-link-made", subject=subject(project), link=link.pk, capacity=capacity, days=days)
    return link, reverse("projects:open_link", kwargs={"open_link_secret": secret})


@transaction.atomic
def revoke_open_link(*, project: Project, link_id: int, actor: User) -> None:
    """Nobody else comes in by it; who has, stays. Raises NotFound, or Conflict where it was taken back before."""
    found = project.open_links.filter(pk=link_id)
    if not found.exists():
        raise NotFound
    if not found.filter(revoked_at=None).update(revoked_at=timezone.now()):
        raise Conflict(_("This link was taken back already."))
    audit(actor=actor, kind="open-link-revoked", subject=subject(project), link=link_id)


def find_open_link(*, secret: str) -> OpenLink:
    """The link while it stands, full or not. Raises NotFound."""
    link = OpenLink.objects.select_related("project").filter(secret_hash=hashed(secret), revoked_at=None).first()
    if link is None or link.expires_at <= timezone.now():
        raise NotFound(_("This link is no longer open. Ask whoever gave it to you."))
    return link


def check_participant(*, link: OpenLink, external_id: str) -> str:
    """The platform's id for whoever opened the link; empty where none is asked for. Raises Invalid."""
    if not link.parameter:
        return ""
    if not EXTERNAL_ID.fullmatch(external_id):
        said = _("Open this link from the platform that gave it to you: your %(parameter)s is missing from it.")
        raise Invalid(said % {"parameter": link.parameter}, code="participant-missing")
    return external_id


def joined_before(*, link: OpenLink, external_id: str) -> Membership | None:
    """Who came by this link under this id of the platform."""
    found = Participant.objects.select_related("member__user").filter(link=link, external_id=external_id).first()
    return found.member if external_id and found else None


def _seat(link: OpenLink, user: User, external_id: str, *, came_new: bool, address: str | None) -> Membership:
    """Inside the caller's transaction. Raises Conflict where the link is full, or whoever asks is in already."""
    now = timezone.now()
    open_ones = OpenLink.objects.filter(pk=link.pk, revoked_at=None, expires_at__gt=now, used__lt=F("capacity"))
    if not open_ones.update(used=F("used") + 1):
        raise Conflict(_("All places of this link are taken. Thank you for your interest."), code="link-full")
    try:
        with transaction.atomic():
            member = Membership.objects.create(project=link.project, user=user, role=Role.RATER, cohort=link.cohort)
            Participant.objects.create(link=link, member=member, external_id=external_id, came_new=came_new)
    except IntegrityError as fault:
        raise Conflict(_("You have joined this project already."), code="member-already") from fault
    audit(actor=user, kind="open-link-used", subject=subject(link.project), address=address, link=link.pk)
    return member


@transaction.atomic
def join(*, secret: str, user: User, external_id: str = "", address: str | None = None) -> Membership:
    """Makes somebody who has an account a rater. Raises NotFound, Invalid, or Conflict; then no seat is taken."""
    link = find_open_link(secret=secret)
    checked = check_participant(link=link, external_id=external_id)
    return _seat(link, user, checked, came_new=False, address=address)


@transaction.atomic
def join_as_newcomer(*, secret: str, external_id: str = "", address: str | None = None) -> Membership:
    """Makes a rater under a name drawn at random, without a password. Raises as `join` does."""
    link = find_open_link(secret=secret)
    checked = check_participant(link=link, external_id=external_id)
    if joined_before(link=link, external_id=checked):
        raise Conflict(_("You have joined this project already."), code="member-already")
    user = create_user(username="p-" + get_random_string(10, LETTERS))
    return _seat(link, user, checked, came_new=True, address=address)


def way_back(*, project: Project, member_id: int, actor: User) -> str:
    """The path of a sign-in link for somebody who came by an open link, has no password and lost their session.

    Raises NotFound, or Conflict for anybody else: an admin of one project must not sign in as whoever is in it.
    """
    member = project.memberships.select_related("user", "participant").filter(pk=member_id).first()
    if member is None:
        raise NotFound
    participant = Participant.objects.filter(member=member, came_new=True).first()
    elsewhere = member.user.memberships.exclude(pk=member.pk).exists()
    stranger = member.user.has_usable_password() or member.user.is_staff or elsewhere
    if participant is None or stranger:
        raise Conflict(_("Only who came by an open link and has no password can be given a way back."))
    return make_sign_in_link(user=member.user, minutes=24 * 60, actor=actor)
