"""One world for all cases of a module, rolled back at its end; every case runs in a savepoint of its own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import ApiToken, Scope, User
from projects.models import Project, Role
from tests import factories
from tests.access.objects import objects
from tests.access.routes import Route

# Rows that may come of any request: the log of events, and who is signed in.
UNWATCHED = {"accounts.AuditEvent", "accounts.SignInAttempt", "sessions.Session"}


@dataclass(frozen=True)
class World:
    """Project `bicycles` with one person a role, project `elsewhere` of eve, and an object of each kind in both."""

    people: dict[str, User]
    here: dict[str, Any]
    there: dict[str, Any]
    sessions: dict[str, SimpleCookie[str]]
    secrets: dict[tuple[str, str], str]

    def api(self, person: str, scope: str = Scope.WRITE) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if person != "anonymous":
            client.credentials(HTTP_AUTHORIZATION=f"Token {self.secrets[person, scope]}")
        return client

    def browser(self, person: str, **options: Any) -> Client:
        """A fresh one each time: what a request does to its cookies is not rolled back with the rows."""
        client = Client(raise_request_exception=False, **options)
        client.cookies.update(self.sessions[person])
        return client

    def client(self, route: Route, person: str) -> Client:
        return self.api(person) if route.is_api else self.browser(person)

    def ask(self, route: Route, method: str, person: str, values: dict[str, Any] | None = None) -> Any:
        """What `person` gets; a write carries an empty body. Whatever it changed is still there afterwards."""
        client = self.client(route, person)
        return getattr(client, method.lower())(route.path(self.here if values is None else values))


def _project(slug: str, people: dict[str, Role], users: dict[str, User]) -> Project:
    project = factories.ProjectFactory(name=slug.title(), slug=slug)
    for name, role in people.items():
        factories.MembershipFactory(project=project, user=users[name], role=role)
    factories.FormVersionFactory(project=project)
    factories.GuidelineFactory(project=project)
    return project


def _session(user: User | None) -> SimpleCookie[str]:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.cookies


def build() -> World:
    names = {"ada": True, "noor": False, "rev": False, "rosa": False, "rui": False, "eve": True}
    users = {name: factories.UserFactory(username=name, may_create_projects=creator) for name, creator in names.items()}
    roles = {"ada": Role.ADMIN, "noor": Role.RESEARCHER, "rev": Role.REVIEWER, "rosa": Role.RATER, "rui": Role.RATER}
    here = objects(_project("bicycles", roles, users), users["rosa"], 71)
    there = objects(_project("elsewhere", {"eve": Role.ADMIN}, users), users["eve"], 171)
    secrets = {
        (name, scope): ApiToken.objects.create(user=user, name=f"test {scope}", scope=scope)[1]
        for name, user in users.items()
        for scope in Scope.values
    }
    sessions = {name: _session(user) for name, user in users.items()} | {"anonymous": _session(None)}
    return World(users, here, there, sessions, secrets)


@pytest.fixture(scope="module")
def shared_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        block = transaction.atomic()
        block.__enter__()
        world = build()
    yield world
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        block.__exit__(None, None, None)


@pytest.fixture
def world(shared_world: World, db: None) -> World:
    return shared_world


TABLES = sorted(model._meta.db_table for model in apps.get_models() if model._meta.label not in UNWATCHED)


def fingerprint() -> dict[str, str]:
    """Every row of every table but the unwatched: what a refused request must leave as it was."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
            found[table] = repr(cursor.fetchall())
    return found


@pytest.fixture(scope="session")
def fields() -> Callable[[Route, str], list[str]]:
    """`fields(route, method)`: the names that the API's own description gives for the body of a route."""
    schema = SchemaGenerator().get_schema(public=True)

    def names(route: Route, method: str) -> list[str]:
        path = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.pattern)
        content = schema["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
        body = content.get("application/json", {}).get("schema", {})
        if "$ref" in body:
            body = schema["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        return sorted(body.get("properties", {}))

    return names
