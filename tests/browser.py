"""A real browser for journeys: Debian's chromium through Playwright. Whatever the page complains of fails the test."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Response, sync_playwright

if TYPE_CHECKING:  # the suite asks for a browser without Django's apps
    from accounts.models import User

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
DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MS = 45_000
COLOURS = ("color-contrast", "link-in-text-block")
AXE = Path(__file__).parent / "vendor" / "axe.min.js"


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

    def watch(self, context: BrowserContext, tolerate: str | None) -> None:
        """Hears every page of the context, but nothing that the pattern `tolerate` finds something in."""

        def hear(page: Page | None, text: str) -> None:
            if tolerate is None or not re.search(tolerate, text):
                self.heard.append(f"{page.url if page else 'a closed page'}: {text}")

        def on_console(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"}:
                hear(message.page, f"console: {message.text}")

        def on_dialog(dialog: Dialog) -> None:
            hear(dialog.page, f"dialog: {dialog.message}")
            dialog.dismiss()

        def on_response(answer: Response) -> None:
            if answer.status >= 500:
                hear(None, f"answer {answer.status} of {answer.url}")

        context.on("weberror", lambda error: hear(error.page, f"page error: {error.error}"))
        context.on("console", on_console)
        context.on("dialog", on_dialog)
        context.on("response", on_response)


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(base_url, user=None, tolerate=None, **context)`: a browser of that person's own, not yet anywhere.

    `user`: who is signed in, where the server shares the test's database. `tolerate`: a pattern of complaints these
    pages may make, e.g. r"status of 409"; everything else that they complain of fails the test. `context`: Playwright's
    new_context options (viewport, java_script_enabled, color_scheme …).
    """
    complaints = Complaints()
    contexts: list[BrowserContext] = []

    def open_one(base_url: str, *, user: "User | None" = None, tolerate: str | None = None, **context: Any) -> Page:
        made = browser.new_context(base_url=base_url, **{"viewport": DESKTOP} | context)
        made.set_default_timeout(PATIENCE_MS)
        contexts.append(made)
        complaints.watch(made, tolerate)
        if user is not None:
            sign_in(made, user, base_url)
        return made.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints.heard, "the browser complained:\n" + "\n".join(complaints.heard)


def sign_in(context: BrowserContext, user: "User", base_url: str) -> None:
    """Puts a fresh session of `user` into a browser."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": base_url}])


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe-core finds wrong with the page as it stands, one line a finding. `rules`: only these, else all."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {node['target']} {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]
    ]


def axe_by_day_and_night(page: Page) -> list[str]:
    """The same in light and dark, where only colours differ. Nothing on the page may move: reduced_motion="reduce"."""
    page.emulate_media(color_scheme="light")
    found = axe(page)
    page.emulate_media(color_scheme="dark")
    return found + [f"dark, {one}" for one in axe(page, COLOURS)]
