"""An admin makes a project of a preset and a crowd link; somebody from the platform comes, agrees, judges, is paid."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from annotation.services import items
from projects.models import Membership, Project
from projects.services import surveys
from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def make_project(page: Page) -> None:
    """By keyboard alone, from the list of projects to the checklist."""
    page.goto("/")
    page.get_by_role("link", name="Make the first one").press("Enter")
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", checked=True)).to_have_value("thumbs")
    page.keyboard.press("Tab")
    page.keyboard.type("Bread")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Before raters begin")).to_be_visible()


def link_for_a_crowd(page: Page) -> str:
    page.get_by_role("link", name="Invite raters").click()
    page.get_by_role("link", name="Links for a crowd").click()
    page.get_by_label("Participant's id").fill("PROLIFIC_PID")
    page.get_by_role("button", name="Make the link").click()
    return (page.locator(".notice.good pre").text_content() or "").partition("?")[0].strip()


def test_from_a_preset_to_a_completion_code(live_server: Any, open_page: Callable[..., Page], ada: User) -> None:
    admin = open_page(live_server.url, user=ada)
    make_project(admin)
    admin.get_by_role("link", name="Fill it in").click()
    admin.get_by_label("Guideline").fill("Would you be glad of it?\n\n> [!GOOD] Short\n> Knead it for ten minutes.")
    admin.get_by_role("button", name="Make it the version").click()
    expect(admin.locator(".example.good")).to_contain_text("Good example")
    admin.goto("/projects/bread/completion/")
    admin.get_by_label("Answers wanted of each rater").fill("1")
    admin.get_by_role("button", name="Save").click()
    admin.goto("/projects/bread/")
    link = link_for_a_crowd(admin)
    project = Project.objects.get(slug="bread")
    surveys.set_consent(project=project, text="You judge texts.", actor=ada)
    items.open_slots(item=factories.ItemFactory(project=project), humans=1, judges=0)
    admin.goto("/projects/bread/")
    admin.get_by_role("button", name="Start").click()
    expect(admin.get_by_text("Before raters begin")).to_have_count(0)

    rater = open_page(live_server.url)
    rater.goto(f"{link}?PROLIFIC_PID=5f1c")
    rater.get_by_role("button", name="Begin").click()
    rater.get_by_role("link", name="Annotate").first.click()
    rater.get_by_label("I have read this and agree.").check()
    rater.get_by_role("button", name="Go on").click()
    rater.wait_for_selector("#judgement")
    for place in range(2):
        rater.get_by_role("radio", name="Good").nth(place).check(force=True)
    rater.get_by_role("button", name="Submit").click()
    expect(rater.get_by_role("heading", name="You have done your part")).to_be_visible()
    member = Membership.objects.get(participant__external_id="5f1c")
    expect(rater.locator("#work .code")).to_have_text(member.completion_code)
    admin.goto("/projects/bread/completion/")
    expect(admin.get_by_role("cell", name="5f1c")).to_be_visible()
