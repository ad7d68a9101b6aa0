"""The same day in German: by keyboard, on a phone, without JavaScript, in every form."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from accounts.models import User
from annotation.presets import PRESETS, preset
from annotation.services.founding import found_project
from annotation.services.items import open_slots
from corpus.models import Prompt
from projects.services.projects import change_settings
from tests.browser import axe
from tests.factories import ItemFactory
from tests.journeys.desk import answers, next_item, saved, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

GERMAN = {"locale": "de-DE"}
PHONE = {"viewport": {"width": 390, "height": 844}}


def test_two_keys_a_pair_and_everything_is_said_in_german(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(**GERMAN)
    assert page.get_attribute("html", "lang") == "de"
    before = token_of(page)
    page.keyboard.press("6")
    saved(page)
    assert page.inner_text("#save-state").startswith("Gespeichert")
    page.keyboard.press("Enter")
    next_item(page, before)
    page.wait_for_selector("#progress:has-text('1 in dieser Sitzung')")
    page.wait_for_function("() => document.getElementById('announcer').textContent.includes('Abgegeben.')")
    page.keyboard.press("?")
    assert page.get_by_role("heading", name="Tasten").is_visible() and len(answers()) == 1


def test_the_language_is_chosen_and_a_pair_judged_without_javascript(
    desk: Any, page_of: Callable[..., Any], waiting: Any, rosa: User
) -> None:
    page = page_of(None, java_script_enabled=False)
    page.goto("/sign-in/")
    page.click("button[name=language][value=de]")
    assert page.inner_text("h1") == "Anmelden" and page.get_attribute("html", "lang") == "de"
    waiting(1)
    rosa.language = "de"
    rosa.save()
    page = desk(java_script_enabled=False)
    page.get_by_label("B ist deutlich besser").check(force=True)
    page.get_by_role("button", name="Abgeben").click()
    assert len(answers()) == 1 and "Im Moment ist nichts mehr da" in page.content()


def test_every_form_fits_a_phone_in_german(page_of: Callable[..., Any], ada: User) -> None:
    page = page_of(ada, **GERMAN, **PHONE)
    for key in PRESETS:
        with translation.override("de"):
            project = found_project(actor=ada, preset=preset(key), name=key)
        change_settings(project=project, actor=ada, state="active")
        item = ItemFactory(project=project)
        Prompt.objects.filter(pk=item.prompt_id).update(context=[{"kind": "passage", "text": "Der Reifen ist platt."}])
        open_slots(item=item, humans=1, judges=0)
        page.goto(f"/projects/{project.slug}/annotate/")
        page.wait_for_selector("#judgement")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{key} is {wide} px wide"
        assert axe(page) == [], key
