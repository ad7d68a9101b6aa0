"""A real browser against a live server. A page error, a console error or a refused resource (CSP) fails the journey."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User

playwright_api = pytest.importorskip("playwright.sync_api")

# Playwright's synchronous interface keeps an event loop in this thread; the tests use the database outside of it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
PLACES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
]
PATIENCE_MS = 15_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The machine's own Chromium; journeys skip where there is none."""
    executable = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PLACES)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """`open_page(user, **options of a browser context)`: a page of that person's own session, not yet anywhere.

    What the journey expects to go wrong it names in `page.expected_faults` (parts of messages).
    """
    contexts, pages = [], []

    def make(user: User | None, **options: Any) -> Any:
        options = {"base_url": live_server.url, "viewport": {"width": 1280, "height": 800}} | options
        context = chromium.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        if user is not None:
            sign_in(context, user, live_server.url)
        page = watched(context.new_page())
        pages.append(page)
        return page

    yield make
    faults = [fault for page in pages for fault in page.faults if not any(e in fault for e in page.expected_faults)]
    for context in contexts:
        context.close()
    assert not faults, faults


def sign_in(context: Any, user: User, url: str) -> None:
    """Puts a fresh session of `user` into a browser context."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": url}])


def watched(page: Any) -> Any:
    page.faults, page.expected_faults = [], []
    page.on("pageerror", lambda error: page.faults.append(f"page error: {error}"))
    page.on("console", lambda message: message.type == "error" and page.faults.append(f"console: {message.text}"))
    page.on("dialog", lambda dialog: (page.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    return page


@pytest.fixture
def axe() -> Callable[[Any], list[str]]:
    """`axe(page)`: what axe-core finds on the page as it stands, one line a finding."""

    def run(page: Any) -> list[str]:
        page.evaluate(AXE)
        found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node['html'][:160]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    return run
