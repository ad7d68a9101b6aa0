"""Addresses that nobody answers, and faults that nobody foresaw."""

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/nothing/", "/api/v1/projects/no-such-project/items/x/y/"])
def test_an_unknown_address_of_the_api_is_a_problem_in_json(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "urn:prefloop:not-found"


@pytest.mark.django_db
def test_an_unknown_page_is_a_page(client: Client) -> None:
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.django_db
def test_an_address_for_forms_alone_is_a_page_with_a_way_on(client: Client) -> None:
    """Whoever sends a form after their session has ended is led to its address by the sign-in page."""
    answer = client.get("/sign-out/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "cannot be opened in this way" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "kind"), [("/api/v1/me/", "application/problem+json"), ("/sign-in/", "text/html")])
def test_a_fault_of_ours_tells_no_details(monkeypatch: pytest.MonkeyPatch, path: str, kind: str) -> None:
    def fall_over(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_request", fall_over)
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith(kind)
    assert "secret detail" not in answer.content.decode()
