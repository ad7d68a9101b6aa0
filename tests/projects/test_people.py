"""Invitations and members: the only ways into a project, and out of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, User
from common.errors import Conflict, NotFound
from projects.models import Invitation, Membership, Project, Role
from projects.services import invitations, members

NEWCOMER = {"username": "kim", "display_name": "Kim", "password": "a fine bicycle pump"}


@pytest.fixture
def link(project: Project, ada: User) -> str:
    return invitations.make_invitation(project=project, role=Role.RATER, actor=ada)[1]


def secret_of(path: str) -> str:
    return path.split("/")[-2]


def test_a_newcomer_joins_once(project: Project, link: str) -> None:
    client = Client()
    assert "Bicycles" in client.get(link).text
    assert client.post(link, NEWCOMER).headers["Location"] == "/projects/bicycles/"
    assert client.get("/projects/bicycles/").status_code == 200
    assert Membership.objects.get(user__username="kim").role == Role.RATER
    assert Client().post(link, NEWCOMER | {"username": "other"}).status_code == 404
    assert not User.objects.filter(username="other").exists()


@pytest.mark.parametrize(
    "wrong", [{"username": "rosa"}, {"username": "<b>"}, {"password": "short"}, {"password": ""}, {"username": ""}]
)
def test_a_wrong_form_spends_nothing(project: Project, rosa: User, link: str, wrong: dict[str, str]) -> None:
    people = User.objects.count()
    assert Client().post(link, NEWCOMER | wrong).status_code == 422
    assert User.objects.count() == people and Client().get(link).status_code == 200


def test_somebody_signed_in_joins_by_one_button(eve: User, link: str, browse: Callable[..., Client]) -> None:
    client = browse(eve)
    assert "Join as eve" in client.get(link).text
    assert not Membership.objects.filter(user=eve).exists(), "looking does not join"
    assert client.post(link).headers["Location"] == "/projects/bicycles/"
    assert Membership.objects.get(user=eve).role == Role.RATER


def test_a_member_does_not_spend_it(rosa: User, link: str, browse: Callable[..., Client]) -> None:
    assert browse(rosa).post(link).status_code == 409
    assert Client().get(link).status_code == 200


def test_it_ends_and_can_be_taken_back(project: Project, ada: User, eve: User) -> None:
    first, path = invitations.make_invitation(project=project, role="admin", actor=ada)
    invitations.revoke_invitation(project=project, invitation_id=first.pk, actor=ada)
    _, late = invitations.make_invitation(project=project, role="admin", actor=ada)
    Invitation.objects.filter(revoked_at=None).update(expires_at=timezone.now() - timedelta(seconds=1))
    for gone in (path, late):
        assert Client().get(gone).status_code == 404
        with pytest.raises(NotFound):
            invitations.accept(secret=secret_of(gone), user=eve)
    with pytest.raises(Conflict):
        invitations.revoke_invitation(project=project, invitation_id=first.pk, actor=ada)


def test_the_secret_is_kept_nowhere(project: Project, link: str) -> None:
    kept = str(list(Invitation.objects.values())) + str(list(AuditEvent.objects.values()))
    assert secret_of(link) not in kept


def test_the_last_admin_stays(project: Project, ada: User, noor: User, browse: Callable[..., Client]) -> None:
    own = project.memberships.get(user=ada)
    for act in (
        lambda: members.remove_member(project=project, member_id=own.pk, actor=ada),
        lambda: members.change_role(project=project, member_id=own.pk, role="rater", actor=ada),
    ):
        with pytest.raises(Conflict):
            act()
    members.change_role(project=project, member_id=project.memberships.get(user=noor).pk, role="admin", actor=ada)
    noor.is_active = False
    noor.save()
    with pytest.raises(Conflict):  # an admin who cannot sign in is no admin
        members.remove_member(project=project, member_id=own.pk, actor=ada)
    noor.is_active = True
    noor.save()
    response = browse(ada).post(f"/projects/bicycles/members/{own.pk}/remove/", follow=True)
    assert response.redirect_chain == [("/", 302)] and not project.memberships.filter(user=ada).exists()


def test_a_role_counts_from_the_next_request_on(project: Project, ada: User, noor: User, api: Any) -> None:
    client = api(noor)
    path = f"/api/v1/projects/{project.slug}/members/"
    assert client.get(path).status_code == 404
    member = project.memberships.get(user=noor)
    members.change_role(project=project, member_id=member.pk, role="admin", actor=ada)
    assert client.get(path).status_code == 200
    members.remove_member(project=project, member_id=member.pk, actor=ada)
    assert client.get(path).status_code == 404


def test_the_log_tells_it(project: Project, ada: User, browse: Callable[..., Client]) -> None:
    client = browse(ada)
    client.post("/projects/bicycles/invitations/", {"role": "rater", "days": "7", "note": "for Kim"})
    page = client.get("/projects/bicycles/events/").text
    assert "invitation-made" in page and "role: rater" in page


def test_nobody_signs_up(db: None) -> None:
    for path in ["/sign-up/", "/signup/", "/register/", "/accounts/signup/", "/invitations/"]:
        assert Client().get(path).status_code == 404


def test_an_invitation_is_accepted_by_token(api, project, eve, ada):
    link = api(ada).post("/api/v1/projects/bicycles/invitations/", {"role": "rater"}, format="json").json()["link"]
    path = f"/api/v1/invitations/{secret_of(link)}/"
    assert api(ada).post(path).status_code == 409, "a member spends nothing"
    joined = api(eve).post(path)
    assert (joined.status_code, joined.json()) == (201, {"project": "bicycles", "role": "rater"})
    assert api(eve).post(path).status_code == 404, "once"
    assert project.memberships.get(user=eve).role == Role.RATER
