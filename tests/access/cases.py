"""Routes of the matrix by kind, and one person who may use each."""

from typing import Any

from django.test import Client

from tests.access.matrix import MATRIX
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
