"""Operators see and do what they need, nobody makes themselves one, and the log stays."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import AuditEvent, User
from tests.factories import UserFactory


@pytest.fixture
def olga(db: None) -> User:
    """Operator."""
    return UserFactory(username="olga", is_staff=True, is_superuser=True)


@pytest.fixture
def stan(db: None) -> User:
    """Staff, but no operator."""
    return UserFactory(username="stan", is_staff=True)


def test_signing_in_to_the_admin_is_signing_in(olga: User, db: None) -> None:
    response = Client().get("/admin/accounts/user/")
    assert response.headers["Location"] == "/admin/login/?next=/admin/accounts/user/"
    assert Client().get(response.headers["Location"]).headers["Location"] == "/sign-in/?next=/admin/accounts/user/"
    for _ in range(3):
        sent = Client().post("/admin/login/", {"username": "olga", "password": "x"})
        assert sent.status_code == 302 and "sessionid" not in sent.cookies


def test_staff_cannot_change_people(stan: User, olga: User, browse: Callable[..., Client]) -> None:
    client = browse(stan)
    form = {"username": "stan", "is_staff": "on", "is_superuser": "on", "is_active": "on"}
    assert client.post(f"/admin/accounts/user/{stan.pk}/change/", form).status_code == 403
    assert client.post("/admin/accounts/user/add/", form | {"username": "new"}).status_code == 403
    path = f"/admin/accounts/user/{olga.pk}/password/"
    assert client.post(path, {"password1": "x"}, follow=True).status_code in {403, 404}
    stan.refresh_from_db()
    assert not stan.is_superuser and not User.objects.filter(username="new").exists()


def test_an_operator_makes_a_person_and_a_link(olga: User, browse: Callable[..., Client]) -> None:
    client = browse(olga)
    made = client.post("/admin/accounts/user/add/", {"username": "kim", "is_active": "on"})
    assert made.status_code == 302
    kim = User.objects.get(username="kim")
    assert not kim.has_usable_password()
    acted = {"action": "make_sign_in_links", "_selected_action": [kim.pk]}
    page = client.post("/admin/accounts/user/", acted, follow=True).text
    path = page.split("http://testserver", 1)[1].split("<", 1)[0].strip()
    newcomer = Client()
    assert newcomer.post(path).status_code == 302 and newcomer.get("/account/").status_code == 200
    client.post(f"/admin/accounts/user/{kim.pk}/change/", {"username": "kim"})
    assert newcomer.get("/account/").status_code == 302, "deactivated: out at once"
    kinds = set(AuditEvent.objects.values_list("kind", flat=True))
    assert {"person-made", "sign-in-link-made", "sign-in-link-used", "person-changed", "deactivated"} <= kinds


def test_nobody_rewrites_the_log(olga: User, browse: Callable[..., Client]) -> None:
    event = AuditEvent.objects.create(kind="test", subject="project:x")
    client = browse(olga)
    for page in ("change", "delete"):
        client.post(f"/admin/accounts/auditevent/{event.pk}/{page}/", {"kind": "other", "post": "yes"})
    client.post(
        "/admin/accounts/auditevent/", {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"}
    )
    assert client.get("/admin/accounts/auditevent/add/").status_code == 403
    event.refresh_from_db()
    assert event.kind == "test"


def test_every_page_of_the_admin_opens(olga: User, browse: Callable[..., Client]) -> None:
    client = browse(olga)
    index = client.get("/admin/").text
    lists = {part.split('"', 1)[0] for part in index.split('href="/admin/')[1:]}
    assert {"accounts/user/", "projects/project/", "accounts/auditevent/", "accounts/apitoken/"} <= lists
    for path in lists - {"logout/"}:
        assert client.get(f"/admin/{path}").status_code in {200, 302}, path
