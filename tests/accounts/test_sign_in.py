"""Ways in: password, one-time link, and what ends them all."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import services, throttle
from accounts.models import ApiToken, AuditEvent, SignInAttempt, SignInLink, User
from tests.factories import UserFactory

PASSWORD = "a fine bicycle pump"


@pytest.fixture
def person(db: None) -> User:
    return UserFactory(username="kim", password=PASSWORD)


def sign_in(client: Client, name: str = "kim", password: str = PASSWORD, **extra: Any) -> Any:
    return client.post("/sign-in/", {"username": name, "password": password}, **extra)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_right_and_wrong(person: User) -> None:
    client = Client()
    assert sign_in(client, password="wrong").status_code == 422 and not is_in(client)
    assert sign_in(client).headers["Location"] == "/" and is_in(client)
    assert list(AuditEvent.objects.order_by("pk").values_list("kind", "subject", "actor__username")) == [
        ("sign-in-failed", "user:kim", None),
        ("sign-in", "user:kim", "kim"),
    ]


def test_an_unknown_name_is_answered_like_a_wrong_password(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words, and a password is hashed for nobody, too, so that the time tells nothing either."""
    hashed: list[str] = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    unknown = sign_in(Client(), name="nobody", password="guess")
    assert hashed == ["guess"]
    known = sign_in(Client(), password="guess")
    assert unknown.context["form"].errors == known.context["form"].errors
    assert unknown.status_code == known.status_code == 422
    assert "nobody" not in str(list(AuditEvent.objects.values())), "people type passwords into the wrong field"


@pytest.mark.parametrize("name", ["kim", "nobody"])
def test_the_eleventh_try_is_not_even_looked_at(person: User, name: str) -> None:
    answers = [sign_in(Client(), name=name, password="wrong").status_code for _ in range(20)]
    assert answers == [422] * 10 + [429] * 10
    assert sign_in(Client(), name=name).status_code == 429, "not with the right password either"
    assert sign_in(Client(), name="kim", REMOTE_ADDR="10.0.0.9").status_code == 302, "others are not shut out"
    SignInAttempt.objects.update(at=timezone.now() - throttle.WINDOW - timedelta(seconds=1))
    assert sign_in(Client()).status_code == 302


def test_an_address_cannot_try_one_password_on_everybody(person: User) -> None:
    tries = range(throttle.PER_ADDRESS)
    network = "2001:db8:1:2::"
    for number in tries:  # the 2^64 addresses of one network count as one
        assert sign_in(Client(), name=f"n{number}", REMOTE_ADDR=f"{network}{number:x}").status_code == 422
    assert sign_in(Client(), REMOTE_ADDR=f"{network}ffff").status_code == 429


def test_slips_are_forgiven_by_the_right_password(person: User) -> None:
    for _ in range(3):
        for _ in range(9):
            sign_in(Client(), password="wrong")
        assert sign_in(Client()).status_code == 302
    assert not SignInAttempt.objects.exists()


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https:evil.example", "https://evil.example/", "javascript:alert(1)",
     "\\/evil.example", "/\t/evil.example", "///evil.example", "evil.example", "http:///evil.example", " //evil"],
)  # fmt: skip
def test_next_leads_nowhere_else(person: User, target: str) -> None:
    client = Client()
    response = client.post("/sign-in/", {"username": "kim", "password": PASSWORD}, query_params={"next": target})
    assert response.headers["Location"] == "/"


def test_next_leads_back(person: User) -> None:
    response = sign_in(Client(), QUERY_STRING="next=/account/tokens/")
    assert response.headers["Location"] == "/account/tokens/"


def test_a_link_signs_in_once_and_looking_does_not_spend_it(person: User) -> None:
    path = services.make_sign_in_link(user=person)
    secret = path.split("/")[-2]
    for _ in range(3):
        preview = Client()
        assert preview.get(path).status_code == 200 and not is_in(preview)
    client = Client()
    assert client.post(path).headers["Location"] == "/" and is_in(client)
    second = Client()
    assert second.post(path).status_code == 404 and not is_in(second)
    assert second.get(path).status_code == 404
    assert secret not in str(list(SignInLink.objects.values())) + str(list(AuditEvent.objects.values()))


def test_a_link_ends(person: User) -> None:
    path = services.make_sign_in_link(user=person, minutes=5)
    SignInLink.objects.update(expires_at=timezone.now())
    assert Client().post(path).status_code == 404


def test_a_new_password_ends_everything_else(person: User, api: Callable[..., Any]) -> None:
    here, there, token, link = Client(), Client(), api(person), services.make_sign_in_link(user=person)
    sign_in(here), sign_in(there)
    before = here.cookies["sessionid"].value
    wrong = here.post("/account/password/", {"old": "no", "password": "another bicycle 7"})
    assert wrong.status_code == 422 and is_in(there)
    assert here.post("/account/password/", {"old": PASSWORD, "password": "another bicycle 7"}).status_code == 302
    assert is_in(here) and here.cookies["sessionid"].value != before
    assert not is_in(there)
    assert token.get("/api/v1/me/").status_code == 401
    assert Client().post(link).status_code == 404
    assert sign_in(Client()).status_code == 422 and sign_in(Client(), password="another bicycle 7").status_code == 302


def test_weak_passwords_are_refused(person: User) -> None:
    client = Client()
    sign_in(client)
    for weak in ["short", "1234567890123", "password1234", "kimkimkim1"][:3]:
        assert client.post("/account/password/", {"old": PASSWORD, "password": weak}).status_code == 422
    assert sign_in(Client()).status_code == 302


def test_signing_out_everywhere(person: User, api: Callable[..., Any]) -> None:
    here, there, token = Client(), Client(), api(person)
    sign_in(here), sign_in(there)
    here.post("/account/sign-out-everywhere/")
    assert not is_in(here) and not is_in(there) and token.get("/api/v1/me/").status_code == 401


def test_signing_out_ends_this_session_only(person: User) -> None:
    here, there = Client(), Client()
    sign_in(here), sign_in(there)
    stolen = here.cookies["sessionid"].value
    here.post("/sign-out/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not is_in(thief) and not is_in(here) and is_in(there)


def test_whoever_is_shut_out_is_out_at_once_and_for_good(person: User, ada: User, api: Callable[..., Any]) -> None:
    client, token = Client(), api(person)
    sign_in(client)
    services.set_active(user=person, active=False, actor=ada)
    assert not is_in(client) and token.get("/api/v1/me/").status_code == 401
    assert sign_in(Client()).status_code == 422
    services.set_active(user=person, active=True, actor=ada)
    assert not is_in(client) and token.get("/api/v1/me/").status_code == 401


def test_a_token_is_shown_once_and_ends(person: User, api: Callable[..., Any]) -> None:
    client = Client()
    sign_in(client)
    made = client.post("/account/tokens/", {"name": "laptop", "scope": "read", "days": "7"})
    secret = made.context["secret"]
    assert secret in made.text and secret not in client.get("/account/tokens/").text
    assert secret not in str(list(ApiToken.objects.values()))
    headers = {"authorization": f"Token {secret}"}
    assert Client(headers=headers).get("/api/v1/me/").json()["username"] == "kim"
    ApiToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert Client(headers=headers).get("/api/v1/me/").status_code == 401


def test_a_token_is_revoked_by_its_owner(person: User, rosa: User, browse: Callable[..., Client]) -> None:
    token, secret = services.make_token(user=person, name="x", scope="read", days=1)
    assert browse(rosa).post(f"/account/tokens/{token.pk}/revoke/").status_code == 404
    browse(person).post(f"/account/tokens/{token.pk}/revoke/")
    assert Client(headers={"authorization": f"Token {secret}"}).get("/api/v1/me/").status_code == 401


def test_names_of_people_are_checked(db: None) -> None:
    from common.errors import Invalid

    for bad in ["<script>", "", "a b", "x" * 151, "a\x00b"]:
        with pytest.raises(Invalid):
            services.create_user(username=bad)
    services.create_user(username="kim")
    with pytest.raises(Invalid) as fault:
        services.create_user(username="kim")
    assert "username" in fault.value.fields
