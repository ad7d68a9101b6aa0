"""What no route may do, whoever asks: answer a forged request, tell a rater what others said, run a foreign script."""

import json

import pytest

from accounts.models import Scope
from tests.access.cases import API, BODIES, PAGES, ROUTES, send, somebody
from tests.access.conftest import World, fingerprint
from tests.access.matrix import ANYBODY, MATRIX
from tests.access.objects import CANARY
from tests.access.routes import Route


@pytest.mark.parametrize("route", [r for r in PAGES if "POST" in MATRIX[r.name]], ids=str)
def test_a_forged_form_is_refused(world: World, route: Route) -> None:
    """Without a CSRF token, with a foreign one, with htmx's header alone, from another site."""
    person = somebody(route, "POST")
    before = fingerprint()
    foreign = {"csrfmiddlewaretoken": "a" * 64}
    for headers, data in [
        ({}, {}),
        ({}, foreign),
        ({"HX-Request": "true"}, {}),
        ({"Origin": "https://evil.example"}, {}),
    ]:
        response = world.browser(person, enforce_csrf_checks=True).post(route.path(world.here), data, headers=headers)
        assert response.status_code == 403, headers
    assert fingerprint() == before


@pytest.mark.parametrize("route", API, ids=str)
def test_the_api_knows_tokens_only(world: World, route: Route) -> None:
    """A session is no way into the API, nor is a token in the address."""
    before = fingerprint()
    for method, may in MATRIX[route.name].items():
        if "anonymous" in may:
            continue
        person = somebody(route, method)
        path, secret = route.path(world.here), world.secrets[person, Scope.WRITE]
        for query in ("", f"?token={secret}", f"?access_token={secret}", f"?Authorization=Token%20{secret}"):
            response = send(world.browser(person), method, path + query, "{}")
            assert response.status_code == 401, query
            assert response.headers["WWW-Authenticate"] == "Token"
            assert response.headers["Content-Type"] == "application/problem+json"
    assert fingerprint() == before


@pytest.mark.parametrize("route", [r for r in ROUTES if "rosa" in MATRIX[r.name].get("GET", ())], ids=str)
def test_a_rater_is_told_nothing_of_others(world: World, route: Route) -> None:
    """Other people's and judges' answers, models' names and the router's reasons are nowhere in it."""
    response = world.ask(route, "GET", "rosa")
    body = b"".join(response) if response.streaming else response.content
    assert CANARY not in body.decode(errors="replace")
    assert CANARY not in str(response.headers)


@pytest.mark.parametrize("route", [r for r in API if "GET" in MATRIX[r.name] and r.name != "schema"], ids=str)
def test_unknown_parameters_are_refused_alike(world: World, route: Route) -> None:
    """No lookup of the database's can be asked for, and a hit and a miss look the same."""
    client, path = world.api(somebody(route, "GET")), route.path(world.here)
    for name in ("user__password__startswith", "x__y__z", "_connector", 'a") OR 1=1--', "annotator.user.password"):
        hit, miss = (client.get(path, {name: value}) for value in ("pbkdf2", "zzzzzz"))
        assert hit.status_code == miss.status_code == 400, name
        assert len(hit.content) == len(miss.content)
    # A route that orders by what is asked for has values it allows, and this is none.
    assert client.get(path, {"ordering": "user__password"}).status_code in {400, 422}


FORBIDDEN = {
    "id": 1, "pk": 1, "project": 1, "project_id": 1, "slug": "elsewhere", "created_at": "2000-01-01T00:00:00Z",
    "created_by": 1, "user": 1, "user_id": 1, "rater": 1, "annotator": 1, "standing": "counted", "is_gold": True,
    "owner": "x", "attempt": 9, "path": "/etc/passwd", "secret_hash": "x", "is_staff": True, "is_superuser": True,
}  # fmt: skip


@pytest.mark.parametrize(("route", "method"), BODIES, ids=str)
def test_nobody_assigns_what_is_not_theirs(world: World, route: Route, method: str) -> None:
    """Such fields are refused, or passed over without a trace."""
    client, path = world.api(somebody(route, method)), route.path(world.here)
    before = fingerprint()
    response = send(client, method, path, json.dumps(FORBIDDEN))
    assert response.status_code < 500
    if response.status_code >= 400:
        assert fingerprint() == before
    else:
        kept = "\n".join(fingerprint().values())
        assert "/etc/passwd" not in kept and "2000-01-01" not in kept and "datetime.datetime(2000, 1, 1" not in kept


@pytest.mark.parametrize("route", PAGES, ids=str)
def test_a_page_guards_itself(world: World, route: Route) -> None:
    """On every page for everybody, also on refusals."""
    for person in sorted(ANYBODY):
        response = world.ask(route, "GET", person)
        policy = response.headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert "no-store" in response.headers["Cache-Control"]
        assert response.headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("route", [r for r in PAGES if "GET" in MATRIX[r.name]], ids=str)
def test_a_page_has_no_inline_script_or_style(world: World, route: Route) -> None:
    """What the policy would block is not there in the first place."""
    response = world.ask(route, "GET", somebody(route, "GET"))
    if response.status_code != 200 or "text/html" not in response.headers["Content-Type"]:
        return
    text = response.content.decode()
    assert " style=" not in text and "<style" not in text
    assert "javascript:" not in text
    for piece in text.split("<script")[1:]:
        tag = piece.split(">", 1)[0]
        assert " src=" in tag or "application/json" in tag, tag
