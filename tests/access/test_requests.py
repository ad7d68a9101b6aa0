"""What no route may do, whoever asks: answer a forged request, tell a rater what others said, choke on a body."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import Scope
from tests.access.conftest import World, fingerprint
from tests.access.matrix import ANYBODY, MATRIX
from tests.access.objects import CANARY
from tests.access.routes import Route, routes

ROUTES = [route for route in routes() if route.name in MATRIX]
PAGES = [route for route in ROUTES if not route.is_api]
API = [route for route in ROUTES if route.is_api]
BODIES = [(route, method) for route in API for method in ("POST", "PUT", "PATCH") if method in MATRIX[route.name]]


def somebody(route: Route, method: str) -> str:
    """One person who may, the most powerful first."""
    return sorted(MATRIX[route.name][method], key=["ada", "noor", "rev", "rosa", "rui", "eve", "anonymous"].index)[0]


def send(client: Client, method: str, path: str, body: bytes | str) -> Any:
    return client.generic(method, path, body, content_type="application/json")


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


@pytest.mark.parametrize("route", [r for r in ROUTES if "GET" in MATRIX[r.name]], ids=str)
def test_odd_parameters_break_nothing(world: World, route: Route) -> None:
    """On every page and answer."""
    person = somebody(route, "GET")
    for query in [
        "page=1e9", "page=-1", "page=%00", "limit=1e9&offset=-5", "limit=99999999999999999999", "offset=10**9",
        "q=%00", "q=%ff%fe", "state=%00", "_negated=1", "a%22)%20OR%201=1--=1", "format=xml", "next=//evil.example",
        "before=99999999999999999999999", "after=-1", "page=" + "9" * 400,
    ]:  # fmt: skip
        response = world.client(route, person).get(f"{route.path(world.here)}?{query}")
        assert response.status_code < 500 or route.name == "common:ready", query


@pytest.mark.parametrize("route", [r for r in ROUTES if r.kwargs], ids=str)
def test_odd_ids_are_not_found(world: World, route: Route) -> None:
    for key in set(route.kwargs) - {"slug"}:
        if not isinstance(world.here[key], int):
            continue
        for odd in (0, 2**31, 2**63, 10**30):
            method = next(iter(MATRIX[route.name]))
            response = world.ask(route, method, somebody(route, method), world.here | {key: odd})
            assert response.status_code == 404, (key, odd, response.status_code)


BROKEN = {
    "nothing": b"",
    "half": b'{"name": ',
    "NaN": b'{"name": NaN, "value": NaN}',
    "infinity": b'{"overlap": -Infinity}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "lone surrogate as key": b'{"\\udfff": 1}',
    "NUL": b'{"name": "a\\u0000b", "text": "a\\u0000b"}',
    "10^5 deep": b"[" * 100_000 + b"]" * 100_000,
    "10^5 deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "huge number": b'{"overlap": ' + b"9" * 10_000 + b"}",
    "huge exponent": b'{"overlap": 1e400}',
    "twice the same key": b'{"name": "a", "name": "b"}',
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a list": b"[1, 2]",
    "a number": b"7",
    "a text": b'"text"',
    "null": b"null",
}


@pytest.mark.parametrize(("route", "method"), BODIES, ids=str)
def test_a_broken_body_is_the_senders_fault(world: World, route: Route, method: str, fields: Any) -> None:
    """A clear 4xx as problem details, never a 500, and nothing is written."""
    client, path = world.api(somebody(route, method)), route.path(world.here)
    before = fingerprint()
    for name, body in BROKEN.items():
        if name == "nothing" or not fields(route, method):
            with transaction.atomic():  # an action that needs no body does not look at one
                assert send(client, method, path, body).status_code < 500, name
                transaction.set_rollback(True)
            continue
        response = send(client, method, path, body)
        assert 400 <= response.status_code < 500, (name, response.status_code, response.content[:300])
        assert response.headers["Content-Type"] == "application/problem+json", name
        assert json.loads(response.content)["status"] == response.status_code
    assert fingerprint() == before


WRONG = [None, True, -1, 0, 1.5, 10**18, "", "x", "x" * 5000, [], {}, [[]], {"a": 1}, ["x", 1], "1e999", "\u202e", "🙂"]


@pytest.mark.parametrize(("route", "method"), BODIES, ids=str)
def test_a_value_of_the_wrong_kind_is_the_senders_fault(world: World, route: Route, method: str, fields: Any) -> None:
    """Every field that the API's description names, with every kind of value: never a 500."""
    client, path = world.api(somebody(route, method)), route.path(world.here)
    for name in fields(route, method):
        for value in WRONG:
            response = send(client, method, path, json.dumps({name: value}))
            assert response.status_code < 500, (name, value, response.content[:300])


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
