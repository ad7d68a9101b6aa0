"""The API describes itself, completely and without a warning, and answers as it says."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import User

METHODS = {"get", "post", "put", "patch", "delete"}


def test_the_description_is_valid_and_without_warnings() -> None:
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=StringIO(), stderr=StringIO())


def test_anybody_may_read_it(db: None) -> None:
    response = Client().get("/api/v1/schema/")
    assert response.status_code == 200 and "/api/v1/projects/{slug}/" in response.content.decode()


def test_every_operation_has_a_name_words_and_a_way_in() -> None:
    schema = SchemaGenerator().get_schema(public=True)
    names: list[str] = []
    for path, operations in schema["paths"].items():
        for method in METHODS & set(operations):
            operation = operations[method]
            names.append(operation["operationId"])
            assert operation.get("description", "").strip(), f"{method} {path}: its view's docstring says nothing"
            assert operation["security"] == [{"token": []}], f"{method} {path}"
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("parameter", ["limit", "offset"])
def test_lists_say_how_to_turn_the_page(parameter: str) -> None:
    schema = SchemaGenerator().get_schema(public=True)
    named = {p["name"]: p["schema"] for p in schema["paths"]["/api/v1/projects/"]["get"]["parameters"]}
    assert named[parameter] == {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}


def test_every_operation_says_what_an_error_looks_like() -> None:
    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out, stderr=StringIO())
    for path, operations in json.loads(out.getvalue())["paths"].items():
        for method in METHODS & set(operations):
            content = operations[method]["responses"]["default"]["content"]
            assert set(content) == {"application/problem+json"}, f"{method} {path}"


@pytest.mark.parametrize("query", ["limit=a", "limit=", "offset=-1", "offset=1e3", "limit=1.5", "offset=" + "9" * 400])
def test_what_is_no_number_turns_no_page(api: Callable[..., APIClient], noor: User, query: str) -> None:
    response = api(noor).get(f"/api/v1/projects/?{query}")
    assert response.status_code == 400 and "whole number" in response.json()["detail"]


def test_the_title_of_an_error_is_no_template(api: Callable[..., APIClient], noor: User) -> None:
    method = api(noor).delete("/api/v1/me/")
    assert method.status_code == 405 and method.json()["title"] == "Method Not Allowed"
    noor.may_create_projects = True
    noor.save()
    media = api(noor).post("/api/v1/projects/", "a=b", content_type="text/plain")
    assert media.status_code == 415 and media.json()["title"] == "Unsupported Media Type"
