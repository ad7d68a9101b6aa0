"""A real browser for journeys: Debian's chromium through Playwright. Whatever the page complains of fails the test."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def executable() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless chromium for the session; skips, with the reason, where none is installed."""
    path = executable()
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on PATH")
    # Playwright's synchronous interface keeps an event loop in this thread, and Django refuses the ORM beside one.
    # Nothing here runs in that loop, so the ORM is safe.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield launched
        launched.close()


@dataclass
class Complaints:
    """What pages said that nobody should hear: errors, failed scripts, breaches of the content security policy."""

    heard: list[str] = field(default_factory=list)

    def watch(self, page: Page, tolerate: str | None) -> None:
        def hear(text: str) -> None:
            if tolerate is None or not re.search(tolerate, text):
                self.heard.append(f"{page.url}: {text}")

        page.on("pageerror", lambda error: hear(f"page error: {error}"))
        page.on(
            "console",
            lambda message: hear(f"console: {message.text}") if message.type in {"error", "warning"} else None,
        )
        page.on("dialog", lambda dialog: (hear(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "response", lambda answer: hear(f"answer {answer.status} of {answer.url}") if answer.status >= 500 else None
        )


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(base_url, tolerate=None, **context)`: a new person's browser, signed in as nobody.

    `context`: Playwright's new_context options (viewport, java_script_enabled, color_scheme …). `tolerate`: a pattern
    of complaints this page may make, e.g. r"status of 409". Everything else that it complains of fails the test.
    """
    complaints = Complaints()
    contexts: list[BrowserContext] = []

    def open_one(base_url: str, *, tolerate: str | None = None, **context: Any) -> Page:
        made = browser.new_context(base_url=base_url, **context)
        made.set_default_timeout(15_000)
        contexts.append(made)
        page = made.new_page()
        complaints.watch(page, tolerate)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints.heard, "the browser complained:\n" + "\n".join(complaints.heard)
