"""A rater's day around the items: the queue, keys of one's own, keyboards of other scripts, breaks."""

from typing import Any

import pytest

from accounts.models import User
from annotation.models import Habits
from projects.models import Project
from tests.browser import axe
from tests.journeys.desk import LONG, answers, next_item, saved, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_the_queue_to_the_first_item_and_own_keys(page_of: Any, waiting: Any, rosa: User) -> None:
    waiting(3)
    page = page_of(rosa, tolerate="422")
    page.goto("/shortcuts/")
    page.focus("#key-skip")
    page.keyboard.press("y")
    assert page.input_value("#key-skip") == "y", "the key that is pressed, in place of the one before"
    page.keyboard.press("Tab")
    page.keyboard.press("m")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=This key is taken")
    assert not Habits.objects.exists() and page.input_value("#key-skip") == "y"
    page.fill("#key-flag", "")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=Your keys are saved.")
    page.goto("/")
    page.keyboard.press("g")
    page.wait_for_url("**/annotate/*/")
    page.wait_for_load_state()
    before = token_of(page)
    page.keyboard.press("s")  # not bound any more
    page.keyboard.press("y")
    page.keyboard.press("1")
    next_item(page, before)
    page.keyboard.press("?")
    assert page.locator("#help dt", has_text="y").count() == 1


def press(page: Any, key: str, code: str, **how: Any) -> None:
    """A key as a keyboard of another layout sends it."""
    event = {"key": key, "code": code, "bubbles": True, "cancelable": True} | how
    page.evaluate("event => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', event))", event)


def test_keyboards_of_other_scripts(desk: Any, waiting: Any) -> None:
    waiting(3)
    page = desk()
    press(page, "е", "KeyT")  # Cyrillic e, where a Latin keyboard has t: no shortcut
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    press(page, "у", "KeyE")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.press("Escape")
    press(page, "٣", "Digit3")
    assert page.is_checked("[data-digit='3']")
    press(page, "é", "Digit2")  # French: digits need Shift there
    assert page.is_checked("[data-digit='2']")
    press(page, "!", "Digit1", shiftKey=True)
    assert page.is_checked("[data-digit='2']")


def test_a_break_is_hinted_at_calmly_and_once(page_of: Any, waiting: Any, project: Project, rosa: User) -> None:
    waiting(2)
    page = page_of(rosa)
    page.clock.install()
    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_selector("#judgement")

    def work(minutes: int) -> None:
        for _ in range(minutes):
            page.clock.run_for(59_000)
            page.keyboard.press("Shift")

    work(40)
    page.reload()  # what was counted is remembered
    page.wait_for_selector("#judgement")
    assert page.locator("#shown-break").count() == 0
    work(8)
    assert "45 minutes" in page.inner_text("#shown-break")
    assert page.locator("dialog[open], [aria-modal]").count() == 0
    assert page.evaluate("document.activeElement.closest('#shown-break')") is None, "the focus stays"
    page.evaluate("document.getElementById('shown-break').remove()")
    work(20)
    assert page.locator("#shown-break").count() == 0
    page.clock.run_for(20 * 60_000)  # away
    work(30)
    assert page.locator("#shown-break").count() == 0, "a break was taken"
    Habits.objects.create(user=rosa, hints_breaks=False)
    page.reload()
    page.wait_for_selector("#judgement")
    assert page.locator("#notice-break").count() == 0, "there is nothing to be told"


HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_only_active_time_is_handed_in(page_of: Any, waiting: Any, project: Project, rosa: User) -> None:
    """A hidden tab does not count, nor what comes more than 60 seconds after the last input."""
    waiting(1)
    page = page_of(rosa)
    page.clock.install()
    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_selector("#judgement")
    page.clock.run_for(20_000)
    page.keyboard.press("3")  # 20 s
    page.clock.run_for(500_000)  # of these 60 s
    page.keyboard.press("Shift")
    page.clock.run_for(10_000)  # and 10 s
    page.evaluate(HIDE, True)
    page.clock.run_for(900_000)  # none of these
    page.evaluate(HIDE, False)
    page.clock.run_for(5_000)  # and 5 s
    saved(page)  # a draft on its way while the answer is handed in would be refused
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    (answer,) = answers()
    assert answer.active_ms is not None and 95_000 <= answer.active_ms < 97_000


WAYS: dict[str, dict[str, Any]] = {
    "zoom 200 %": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "high contrast": {"contrast": "more"},
    "high contrast, dark": {"contrast": "more", "color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
}


@pytest.mark.parametrize("way", WAYS)
def test_judging_for_eyes_of_every_kind(desk: Any, waiting: Any, way: str) -> None:
    """Nothing is lost, nothing scrolls two ways, and the contrast is what was asked for."""
    waiting(2, first=LONG, second=LONG.replace("valve", "nipple"))
    page = desk(**WAYS[way])
    page.keyboard.press("d")
    page.keyboard.press("3")
    page.keyboard.press("s")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    for name in ("Submit", "Skip", "Flag", "Help"):
        control = page.locator(".button", has_text=name).first
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"], name
    if "contrast" in WAYS[way]:
        faint = page.evaluate("getComputedStyle(document.querySelector('.question')).color")
        assert faint == page.evaluate("getComputedStyle(document.body).color"), "no faint text"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 this session")


LISTEN = """() => {
    window.heard = [];
    const live = document.getElementById('announcer');
    new MutationObserver(() => live.textContent && heard.push(live.textContent)).observe(live, {childList: true});
}"""


def test_what_a_screen_reader_hears(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED", reduced_motion="reduce")
    page.evaluate(LISTEN)

    def hears(words: str) -> None:
        page.wait_for_function("words => heard.some(one => one.includes(words))", arg=words)
        page.evaluate("heard.length = 0")

    page.keyboard.press("Enter")
    hears("Still needed: your choice")
    page.keyboard.press("5")
    hears("Saved")
    before = token_of(page)
    page.keyboard.press("Enter")
    next_item(page, before)
    hears("Next item.")
    assert page.evaluate("document.activeElement.id") == "work-title", "reading begins at the top of the item"
    page.context.set_offline(True)
    page.keyboard.press("2")
    hears("Offline — kept on this device")
    landmarks = page.evaluate(
        "[...document.querySelectorAll('main, header, nav[aria-label], section[aria-label]')].length"
    )
    assert landmarks >= 4
    assert page.evaluate("getComputedStyle(document.querySelector('.lane')).scrollBehavior") == "auto"


def test_the_theme_goes_round_and_stays(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk(color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    system = page.evaluate(paper)
    page.get_by_role("button", name="Light or dark as the system has it").click()
    light = page.evaluate(paper)
    page.reload()
    assert page.evaluate(paper) == light != system
    page.get_by_role("button", name="Light", exact=True).click()
    assert page.evaluate(paper) == system
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate("document.documentElement.dataset.theme") is None
