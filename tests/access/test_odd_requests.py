"""What a route, or the database behind it, might choke on: odd parameters, ids and bodies. On both databases."""

import json
from typing import Any

import pytest
from django.db import transaction

from tests.access.cases import BODIES, ROUTES, send, somebody
from tests.access.conftest import World, fingerprint
from tests.access.matrix import MATRIX
from tests.access.routes import Route


@pytest.mark.parametrize("route", [r for r in ROUTES if "GET" in MATRIX[r.name] and r.name != "schema"], ids=str)
def test_odd_parameters_break_nothing(world: World, route: Route) -> None:
    """On every page and answer, but the API's description, which takes half a second and reads none."""
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
