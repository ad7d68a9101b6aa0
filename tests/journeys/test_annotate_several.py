"""A form of several questions keeps what was typed as one does: reloads, tabs, no network, the next item at once."""

from typing import Any

import pytest

from accounts.models import User
from annotation.models import Draft, FormVersion
from annotation.services import forms, leases, raters, submissions
from projects.models import Project
from tests.factories import FormVersionFactory
from tests.journeys.desk import answers, next_item, run_out, saved, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

QUESTIONS: list[dict[str, Any]] = [
    {"name": "preference", "protocol": "pairwise", "config": {}},
    {
        "name": "quality",
        "protocol": "rating",
        "config": {"aspects": [{"key": "help", "name": "Helpfulness"}, {"key": "style", "name": "Style"}]},
    },
    {"name": "remark", "protocol": "critique", "config": {"text": "required"}},
]
KEYS = "4 5 2 1 6"
"""Rates A 4 and 5, B 2 and 1, on their cards; prefers B clearly."""
TEXT = "[name^='answer.remark'][data-write]"


@pytest.fixture
def several(project: Project) -> None:
    FormVersion.objects.filter(project=project).delete()
    FormVersionFactory(project=project, number=1, fields=forms.check_fields(QUESTIONS))


def fill(page: Any, words: str) -> None:
    for key in KEYS.split():
        page.keyboard.press(key)
    page.fill(TEXT, words)


def shown(page: Any) -> list[str]:
    """What is chosen, in the order of the page, and what is written."""
    chosen = page.eval_on_selector_all("#work :checked", "all => all.map(one => `${one.name}=${one.value}`)")
    return [*chosen, page.input_value(TEXT)]


def test_drafts_tabs_and_devices(desk: Any, waiting: Any, several: None) -> None:
    waiting(2)
    page = desk(tolerate="409")
    fill(page, "Half a thought")
    saved(page)
    before = shown(page)
    assert len(before) == 6
    assert set(Draft.objects.get().values) == {"preference", "quality", "remark"}
    page.reload()
    page.wait_for_function("text => document.querySelector(`[data-write]`) && document.readyState === 'complete'")
    assert shown(page) == before
    other = page.context.new_page()
    other.goto(page.url)
    assert shown(other) == before
    page.keyboard.press("Escape")
    page.fill(TEXT, "Here")
    saved(page)
    other.fill(TEXT, "There")
    other.wait_for_selector("text=This answer was changed in another tab as well.")
    both = other.inner_text("#shown-versions")
    assert "Here" in both and "There" in both
    other.get_by_role("button", name="Keep what is here").click()
    saved(other)
    assert "There" in str(Draft.objects.get().values["remark"])


def test_offline_and_at_once(desk: Any, waiting: Any, several: None) -> None:
    waiting(3)
    page = desk(tolerate="ERR_INTERNET_DISCONNECTED")
    with page.expect_response(lambda answer: answer.url.endswith("/ahead/")):
        fill(page, "The first")
    page.wait_for_timeout(50)
    first = token_of(page)
    page.keyboard.press("Control+Enter")
    next_item(page, first)
    assert shown(page) == [""], "nothing is chosen beforehand"
    page.wait_for_selector("#undo")
    page.context.set_offline(True)
    fill(page, "In a tunnel")
    second = token_of(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=will be sent as soon as there is one")
    assert len(answers()) == 1 and page.input_value(TEXT) == "In a tunnel"
    page.context.set_offline(False)
    next_item(page, second)
    assert ["The first" in str(a.values) or "In a tunnel" in str(a.values) for a in answers()] == [True, True]
    page.keyboard.press("u")
    page.wait_for_function(f"() => document.querySelector(\"{TEXT}\").value === 'In a tunnel'")
    assert len(shown(page)) == 6


def test_a_lease_lost_while_typing(desk: Any, waiting: Any, several: None, project: Project, rui: User) -> None:
    waiting(1)
    page = desk(tolerate="409")
    fill(page, "Slow but sure")
    saved(page)
    before = shown(page)
    run_out(token_of(page))
    faster = raters.rater_for(project=project, user=rui)
    lease = leases.claim(project=project, rater=faster)
    assert lease is not None
    values = {
        "preference": {"choice": "tie"},
        "quality": {"scores": {letter: {"help": 3, "style": 3} for letter in "AB"}},
        "remark": {"text": "Faster"},
    }
    submissions.submit(rater=faster, token=lease.token, values=values)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("text=it went to somebody else")
    assert shown(page) == before
    page.get_by_role("button", name="Hand in as an extra").click()
    page.wait_for_selector("text=Handed in as an extra.")
    assert [a.standing for a in answers()] == ["counted", "extra"]
