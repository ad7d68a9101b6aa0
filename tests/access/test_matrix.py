"""Every route, for every person, against the matrix. Cases come from the URLconf itself."""

from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from accounts.models import Scope
from tests.access.conftest import World, fingerprint
from tests.access.matrix import ANYBODY, MATRIX, OPERATORS_ONLY, SIGNED_IN
from tests.access.routes import Route, all_routes, routes

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ROUTES = routes()
KNOWN = [route for route in ROUTES if route.name in MATRIX]
CASES = [(route, method) for route in KNOWN for method in MATRIX[route.name]]


def ids(value: Any) -> str:
    return str(value)


def test_every_route_has_an_entry() -> None:
    missing = sorted(
        {f"{route.name or '(no name)'}  ({route.pattern})" for route in ROUTES}
        - {f"{r.name}  ({r.pattern})" for r in KNOWN}
    )
    assert not missing, "Say in tests/access/matrix.py who may use:\n  " + "\n  ".join(missing)


def test_every_entry_has_a_route() -> None:
    stale = sorted(set(MATRIX) - {route.name for route in ROUTES})
    assert not stale, "No such routes any more; remove them from tests/access/matrix.py: " + ", ".join(stale)


def test_every_id_in_a_path_has_an_object(world: World) -> None:
    unknown = sorted({f"{key} (of {route.name})" for route in KNOWN for key in route.kwargs if key not in world.here})
    assert not unknown, "Add to tests/access/objects.py an object for: " + ", ".join(unknown)


def is_sign_in(response: Any) -> bool:
    return response.status_code == 302 and response.headers["Location"].startswith(f"{reverse('accounts:login')}?next=")


def check_allowed(response: Any, route: Route) -> None:
    if route.name == "common:ready" and response.status_code == 503:
        return  # its honest answer where no worker runs, as in this test
    assert not is_sign_in(response), "sent to the sign-in page"
    assert response.status_code not in {401, 403, 404, 405} and response.status_code < 500, response.status_code


def check_refused(response: Any, route: Route, person: str) -> None:
    if person != "anonymous":
        assert response.status_code == 404, f"{person} got {response.status_code}"
    elif route.is_api:
        assert response.status_code == 401, f"without a token: {response.status_code}"
    else:
        assert is_sign_in(response), f"not signed in: {response.status_code}"


@pytest.mark.parametrize(("route", "method"), CASES, ids=ids)
def test_who_may(world: World, route: Route, method: str) -> None:
    may = MATRIX[route.name][method]
    before = fingerprint()
    for person in sorted(ANYBODY - may):
        check_refused(world.ask(route, method, person), route, person)
    assert fingerprint() == before, f"{method} was refused, yet rows changed"
    for person in sorted(may):
        with transaction.atomic():
            check_allowed(world.ask(route, method, person), route)
            transaction.set_rollback(True)


@pytest.mark.parametrize("route", KNOWN, ids=ids)
def test_methods_that_are_not_listed_do_nothing(world: World, route: Route) -> None:
    before = fingerprint()
    for method in sorted(set(METHODS) - set(MATRIX[route.name])):
        for person in ("ada", "rosa"):
            assert world.ask(route, method, person).status_code < 500, f"{method} by {person}"
    assert fingerprint() == before, "A method that is not in the matrix changed rows"


# A word of the product's own, the same in every project, names nobody's object.
FOREIGN = [(r, m) for r, m in CASES if "slug" in r.kwargs and set(r.kwargs) - {"slug", "method"}]


@pytest.mark.parametrize(("route", "method"), FOREIGN, ids=ids)
def test_objects_of_another_project_are_not_found(world: World, route: Route, method: str) -> None:
    """eve is admin of `elsewhere`: under its address, no object of `bicycles` exists."""
    before = fingerprint()
    values = world.here | {"slug": world.there["slug"]}
    assert world.ask(route, method, "eve", values).status_code == 404
    assert fingerprint() == before


WRITES = [(r, m) for r, m in CASES if r.is_api and m != "GET"]


@pytest.mark.parametrize(("route", "method"), WRITES, ids=ids)
def test_a_reading_token_writes_nothing(world: World, route: Route, method: str) -> None:
    before = fingerprint()
    for person in sorted(MATRIX[route.name][method] & SIGNED_IN):
        response = getattr(world.api(person, Scope.READ), method.lower())(route.path(world.here))
        assert response.status_code == 403, person
    assert fingerprint() == before


@pytest.mark.parametrize(("route", "method"), [(r, m) for r, m in CASES if r.is_api], ids=ids)
def test_an_annotating_token_does_a_raters_work_only(world: World, route: Route, method: str) -> None:
    if getattr(route.api_class, "annotating", False) or "anonymous" in MATRIX[route.name][method]:
        return
    for person in sorted(MATRIX[route.name][method] & SIGNED_IN):
        response = getattr(world.api(person, Scope.ANNOTATE), method.lower())(route.path(world.here))
        assert response.status_code == 403, person


def test_the_admin_is_for_operators(world: World) -> None:
    """Whoever is no operator ends at the sign-in page, at a 404, or, asking to change a password, at their own."""
    for route in [r for r in all_routes() if r.name.startswith(OPERATORS_ONLY) and not r.kwargs]:
        for person in sorted(ANYBODY):
            path = reverse(route.name)
            response = world.browser(person).get(path)
            while response.status_code in {301, 302} and not is_sign_in(response):
                path = response.headers["Location"]
                response = world.browser(person).get(path)
            ended = is_sign_in(response) or response.status_code == 404 or path == reverse("accounts:password")
            assert ended, f"{person} at {path}: {response.status_code}"
