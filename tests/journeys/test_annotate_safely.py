"""What a rater has typed survives: reloads, other tabs and devices, lost leases, no network, a session that ended."""

import re
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Annotation, Draft
from annotation.services import leases, raters, submissions
from projects.models import Project
from tests.browser import sign_in
from tests.journeys.desk import answers, arrived, next_item, run_out, saved, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_reload_and_another_device_find_the_draft(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    page.keyboard.press("3")
    page.keyboard.press("e")
    page.keyboard.type("Half a thought")
    saved(page)
    assert re.fullmatch(r"Saved \d\d:\d\d:\d\d", page.inner_text("#save-state"))
    assert Draft.objects.get().values["preference"] == {"scale": 3, "rationale": "Half a thought"}
    page.keyboard.type(" and more")  # on the device at once; the server may not have it yet
    page.reload()
    assert page.input_value("textarea") == "Half a thought and more"
    elsewhere = desk()
    elsewhere.wait_for_function("() => document.querySelector('textarea').value.startsWith('Half a thought')")
    assert elsewhere.is_checked("[data-digit='3']")


def test_two_tabs_show_both_versions(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="409")
    other = page.context.new_page()
    other.goto(page.url)
    page.keyboard.press("1")
    saved(page)
    other.keyboard.press("7")
    other.wait_for_selector("text=This answer was changed in another tab as well.")
    shown = other.inner_text("#shown-versions")
    assert "B is much better" in shown and "A is much better" in shown
    other.get_by_role("button", name="Take the other").click()
    assert other.is_checked("[data-digit='1']")
    before = token_of(page)
    page.keyboard.press("Enter")
    next_item(page, before)
    arrived(page, 1)
    other.keyboard.press("7")
    other.keyboard.press("Enter")
    other.wait_for_selector("text=You have already answered this item")
    assert len(answers()) == 1
    other.get_by_role("button", name="Replace it by this one").click()
    other.wait_for_selector("text=Corrected. Your earlier answer is kept beside it.")
    assert [a.values["preference"]["strength"] for a in answers()] == [3, 3]
    first, second = answers()
    assert first.values["preference"]["choice"] != second.values["preference"]["choice"]


def test_a_lease_lost_while_typing_keeps_the_text_as_an_extra(
    desk: Any, waiting: Any, project: Project, rui: User
) -> None:
    (item,) = waiting(1)
    page = desk(tolerate="409")
    page.keyboard.press("2")
    page.keyboard.press("e")
    page.keyboard.type("Slow but sure.")
    saved(page)
    run_out(token_of(page))
    faster = raters.rater_for(project=project, user=rui)
    lease = leases.claim(project=project, rater=faster)
    assert lease is not None
    submissions.submit(rater=faster, token=lease.token, values={"preference": {"choice": "tie"}})
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=it went to somebody else")
    assert page.input_value("textarea") == "Slow but sure."
    page.get_by_role("button", name="Hand in as an extra").click()
    page.wait_for_selector("text=Handed in as an extra.")
    extra = item.annotations.get(standing=Annotation.Standing.EXTRA)
    assert extra.values["preference"]["rationale"] == "Slow but sure."
    assert item.annotations.filter(standing=Annotation.Standing.COUNTED).count() == 1


def test_a_lease_that_ran_out_but_nobody_took_still_serves(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    page.keyboard.press("2")
    saved(page)
    run_out(token_of(page))
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    assert [a.standing for a in answers()] == [Annotation.Standing.COUNTED]


def test_offline_keeps_the_answer_and_sends_it_when_back(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED")
    before = token_of(page)
    page.context.set_offline(True)
    page.keyboard.press("5")
    page.keyboard.press("e")
    page.keyboard.type("In a tunnel.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=will be sent as soon as there is one")
    assert page.inner_text("#save-state") == "Offline — kept on this device"
    assert answers() == []
    page.context.set_offline(False)
    next_item(page, before)
    assert [a.values["preference"]["rationale"] for a in answers()] == ["In a tunnel."]


def test_an_answer_given_offline_survives_the_closed_tab(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=will be sent as soon as there is one")
    address, before = page.url, token_of(page)
    page.close()
    assert answers() == []
    page.context.set_offline(False)
    later = page.context.new_page()
    later.goto(address)
    next_item(later, before)
    assert len(answers()) == 1


def test_signed_out_while_judging_leads_back_to_the_draft(
    desk: Any, waiting: Any, rosa: User, live_server: Any
) -> None:
    waiting(1)
    page = desk(tolerate="403")
    page.keyboard.press("4")
    saved(page)
    page.context.clear_cookies()
    page.keyboard.press("e")
    page.keyboard.type("Still here")
    page.wait_for_selector("text=You have been signed out.")
    page.get_by_role("link", name="Sign in and go on").click()
    page.wait_for_url("**/sign-in/**")
    assert "next=" in page.url and token_of_address(page.url)
    sign_in(page.context, rosa, live_server.url)
    page.goto("/projects/bicycles/annotate/")
    page.wait_for_function("() => document.querySelector('textarea').value === 'Still here'")
    assert page.is_checked("[data-digit='4']")


def token_of_address(address: str) -> bool:
    return re.search(r"annotate(%2F|/)[0-9a-f-]{36}", address) is not None
