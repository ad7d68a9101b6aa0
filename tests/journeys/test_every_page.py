"""Every page there is: axe finds nothing in light and dark, and a phone never has to scroll sideways."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from projects.models import Project
from tests.access.matrix import MATRIX
from tests.access.objects import objects
from tests.access.routes import Route, routes
from tests.browser import axe_by_day_and_night
from tests.factories import FormVersionFactory, GuidelineFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
TOO_WIDE = """() => document.documentElement.scrollWidth > innerWidth
  ? [`scrolls sideways: ${document.documentElement.scrollWidth} px`] : []"""


def pages_of(person: str) -> list[Route]:
    """The pages that `person` may open; whatever the admin may, only the admin opens."""
    found = [route for route in routes() if not route.is_api and person in MATRIX[route.name].get("GET", ())]
    return [route for route in found if person == "ada" or "ada" not in MATRIX[route.name]["GET"]]


def looked_at(page: Page, path: str) -> list[str]:
    """What is wrong with one page; nothing where it leads elsewhere or is no page (a file, a stream)."""
    page.set_viewport_size(DESKTOP)
    try:
        answer = page.goto(path, wait_until="load")
    except Exception as fault:
        if "Download is starting" in str(fault):
            return []
        raise
    if answer is None or "text/html" not in answer.headers.get("content-type", ""):
        return []
    # A page that says why there is nothing to show is a page as well.
    assert answer.status < 500 or "healthz" in path, f"{path}: {answer.status}"
    if "<!doctype" not in answer.text()[:20].lower():
        return []  # a part of a page, which htmx asks for
    faults = axe_by_day_and_night(page)
    page.set_viewport_size(PHONE)
    return faults + [f"phone, {one}" for one in page.evaluate(TOO_WIDE)]


def test_axe_finds_nothing_on_any_page(
    live_server: Any, open_page: Callable[..., Page], project: Project, ada: User, rosa: User
) -> None:
    FormVersionFactory(project=project)
    GuidelineFactory(project=project)
    values = objects(project, rosa, number=7)
    faults: dict[str, list[str]] = {}
    for name, user in (("ada", ada), ("rosa", rosa)):
        page = open_page(
            live_server.url, user=user, bypass_csp=True, tolerate=r"status of [45]\d\d|healthz", reduced_motion="reduce"
        )
        for route in pages_of(name):
            if found := looked_at(page, route.path(values)):
                faults[route.name] = found
    assert not faults, "\n".join(f"{name}: {one}" for name, found in faults.items() for one in found)
