"""The API describes itself, completely and without a warning, and answers as it says."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

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
    named = {p["name"] for p in schema["paths"]["/api/v1/projects/"]["get"]["parameters"]}
    assert parameter in named
