"""The browser fixture hears what it should: a silent check would let every journey pass."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Complaints
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.services]


def test_the_first_page_is_quiet(demo_stack: Stack, open_page: Callable[..., Page]) -> None:
    page = open_page(demo_stack.url)
    page.goto("/")
    assert "/sign-in/" in page.url


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("console.error('broken thing')", "broken thing"),
        ("setTimeout(() => { throw new Error('thrown thing') })", "thrown thing"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        (
            "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
            "Content Security Policy",
        ),
        ("setTimeout(() => alert('a dialog'))", "a dialog"),
        ("fetch('/nowhere')", "404"),
    ],
)
def test_complaints_are_heard_unless_tolerated(demo_stack: Stack, browser: Browser, script: str, heard: str) -> None:
    for tolerate in (None, heard):
        complaints = Complaints()
        with browser.new_context(base_url=demo_stack.url) as context:
            complaints.watch(context, tolerate)
            page = context.new_page()
            page.goto("/")
            page.evaluate(f"() => {{ {script} }}")
            page.wait_for_timeout(300)
        found = "\n".join(complaints.heard)
        assert (heard in found) == (tolerate is None), found
