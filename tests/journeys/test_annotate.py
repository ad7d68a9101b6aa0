"""A rater's day in a real browser: judging, correcting, skipping, with keys, with fingers, without JavaScript."""

from typing import Any

import pytest

from accounts.models import User
from annotation.models import Flag, Skip
from projects.models import Project
from tests.factories import GuidelineFactory
from tests.journeys.desk import LONG, answers, arrived, next_item, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_ten_pairs_by_keyboard_alone_take_two_keys_each(desk: Any, waiting: Any) -> None:
    waiting(10)
    page = desk()
    assert page.evaluate("document.querySelectorAll('#judgement :checked').length") == 0
    for number in range(10):
        before = token_of(page)
        page.keyboard.press(str(number % 7 + 1))
        page.keyboard.press("Enter")
        if number < 9:
            next_item(page, before)
    page.wait_for_selector("text=Nothing left for you right now")
    assert len(answers()) == 10
    page.wait_for_selector("#progress:has-text('10 this session')")
    for number, answer in enumerate(answers()):
        value, step = answer.values["preference"], number % 7 - 3
        assert value["strength"] == abs(step)
        if step:
            better = value[value["choice"]]
            assert better == answer.display_order[0 if step < 0 else 1]
        else:
            assert value["choice"] == "tie"
        assert answer.active_ms is not None and answer.active_ms < 60_000


def test_every_key_works_where_there_is_no_guideline(desk: Any, waiting: Any, project: Project) -> None:
    project.guidelines.all().delete()
    waiting(1)
    page = desk()
    assert page.query_selector("#guideline") is None
    page.keyboard.press("i")
    page.keyboard.press("6")
    page.keyboard.press("e")
    page.keyboard.type("It says how.")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["rationale"] == "It says how."


def test_what_is_missing_is_listed_and_focused(desk: Any, waiting: Any, project: Project) -> None:
    fields = project.form_versions.get().fields
    fields[0]["config"]["rationale"] = "required"
    project.form_versions.update(fields=fields)
    waiting(1)
    page = desk()
    page.keyboard.press("Enter")
    assert page.inner_text("#missing") == "Still needed: your choice, a rationale"
    assert page.evaluate("document.activeElement.type") == "radio"
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.type("sdf1 w?")  # every one of them is a shortcut elsewhere
    assert page.input_value("textarea") == "sdf1 w?"
    assert page.is_checked("[data-digit='6']")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") != "TEXTAREA"
    page.keyboard.press("e")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["rationale"] == "sdf1 w?"


def test_without_javascript(page_of: Any, waiting: Any, project: Project, rosa: User) -> None:
    waiting(3)
    page = page_of(rosa, java_script_enabled=False)
    page.goto(f"/projects/{project.slug}/annotate/")
    page.get_by_label("B is clearly better").check(force=True)
    page.fill("textarea", "It says how.")
    page.get_by_role("button", name="Submit").click()
    assert [a.values["preference"]["rationale"] for a in answers()] == ["It says how."]
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("B is clearly better").is_checked()
    assert page.input_value("textarea") == "It says how."
    page.get_by_role("button", name="Submit").click()
    page.locator("summary", has_text="Flag").click()
    page.get_by_role("button", name="It holds personal data").click()
    assert page.get_by_text("Flagged. Thank you.").is_visible()
    before = page.url
    page.locator("summary", has_text="Skip").click()
    page.get_by_role("button", name="I do not understand it").click()
    assert page.url != before
    page.go_back()
    page.goto(f"/projects/{project.slug}/answers/")
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("About the same").check(force=True)
    page.get_by_role("button", name="Save").click()
    assert answers()[-1].revises is not None
    assert answers()[-1].values["preference"]["choice"] == "tie"


def test_back_leads_to_the_answer_and_its_correction(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    next_item(page, before)
    page.go_back()
    page.wait_for_selector("text=A is much better")
    assert page.locator("#judgement").count() == 0
    page.get_by_role("link", name="Edit").click()
    page.wait_for_selector("#judgement")
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Corrected. Your earlier answer is kept beside it.")
    assert page.inner_text(".verdict") == "B is much better"
    first, second = answers()
    assert second.revises_id == first.pk
    page.get_by_role("link", name="Next item").click()
    page.wait_for_selector("#judgement")


def test_undo_gives_the_item_back_as_it_was(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    text = page.inner_text("#response-A")
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.type("It helps.")
    page.keyboard.press("Control+Enter")
    next_item(page, before)
    other = token_of(page)
    page.keyboard.press("u")
    next_item(page, other)
    assert page.is_checked("[data-digit='2']")
    assert page.input_value("textarea") == "It helps."
    assert page.inner_text("#response-A") == text
    assert answers()[0].retracted_at is not None
    again = token_of(page)
    page.keyboard.press("Control+Enter")
    next_item(page, again)
    arrived(page, 2)
    assert [a.retracted_at is None for a in answers()] == [False, True]


def test_skip_with_a_reason_takes_two_keys_and_flag_stays(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk()
    before = token_of(page)
    page.keyboard.press("f")
    page.keyboard.press("3")
    page.wait_for_function("() => document.getElementById('announcer').textContent.includes('Flagged')")
    assert token_of(page) == before
    page.keyboard.press("s")
    page.keyboard.press("2")
    next_item(page, before)
    assert Skip.objects.get().reason == "expertise"
    assert Flag.objects.get().reason == "broken"


def test_the_guideline_opens_by_itself_and_after_a_change(desk: Any, waiting: Any, project: Project) -> None:
    waiting(6)
    page = desk()
    drawer = page.locator("#guideline")
    assert drawer.get_attribute("open") is not None
    page.keyboard.press("i")
    assert drawer.get_attribute("open") is None
    for _ in range(4):
        before = token_of(page)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        next_item(page, before)
        assert drawer.get_attribute("open") is None
    GuidelineFactory(project=project, number=2, text="Now prefer the *short* one.")
    before = token_of(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    next_item(page, before)
    page.wait_for_selector("#guideline[open] >> text=The guidelines have changed since your last answer.")
    page.fill("[data-search]", "SHORT")
    assert page.inner_text("mark.found") == "short"


def test_on_a_phone_one_response_at_a_time(desk: Any, waiting: Any) -> None:
    waiting(1, first=LONG, second=LONG)
    page = desk(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.evaluate("document.getElementById('guideline').open = false")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shown = """letter => {
        const box = document.getElementById('response-' + letter).getBoundingClientRect();
        return box.left >= 0 && box.right <= innerWidth;
    }"""
    assert page.evaluate(shown, "A") and not page.evaluate(shown, "B")
    line = page.locator("[data-prompt-line]")
    assert line.is_hidden()
    page.evaluate("scrollTo(0, 900)")
    line.wait_for(state="visible")
    assert line.inner_text().startswith("How do I repair a bicycle tyre")
    page.locator("[data-show='response-B']").tap()
    page.wait_for_function(shown, arg="B")
    page.wait_for_selector("[data-show='response-B'][aria-current=true]")
    page.get_by_label("B is much better").tap()
    page.wait_for_selector("text=B is much better")
    page.get_by_role("button", name="Submit").tap()
    page.wait_for_selector("text=Nothing left for you right now")
    assert answers()[0].values["preference"]["strength"] == 3


def test_the_form_has_a_live_preview(page_of: Any, project: Project, ada: User) -> None:
    page = page_of(ada)
    page.goto(f"/projects/{project.slug}/form/")
    assert page.locator("#preview .points:not(.beside) .point").count() == 7
    page.fill("[name='0-config-points']", "4")
    page.press("[name='0-config-points']", "Tab")
    page.wait_for_function("() => document.querySelectorAll('#preview .points:not(.beside) .point').length === 4")
    assert project.form_versions.count() == 1
    page.get_by_role("button", name="Put in force").click()
    page.wait_for_selector("text=Version 2 is in force.")
    assert project.form_versions.first().fields[0]["config"]["points"] == 4
