"""The next item stands ready: it is there before the network has answered, and nothing is lost where it answers no."""

from typing import Any

import pytest

from accounts.models import User
from annotation.models import Annotation, Slot
from annotation.services import leases, raters
from projects.models import Project
from tests.journeys.desk import answers, next_item, run_out, token_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def choose(page: Any, digit: str) -> str:
    """Answers, and waits until the next item stands ready. Returns the token of the one at hand."""
    with page.expect_response(lambda answer: answer.url.endswith("/ahead/")) as found:
        page.keyboard.press(digit)
    assert found.value.status == 200
    page.wait_for_timeout(50)  # the script reads the answer
    return token_of(page)


class Line:
    """The way of submissions to the server: they are held back until `go`, and pass or are lost from then on."""

    def __init__(self, page: Any) -> None:
        self.held: list[Any] = []
        self.then = ""
        page.route("**/submit/", self._meet)

    def _meet(self, route: Any) -> None:
        getattr(route, self.then)() if self.then else self.held.append(route)

    def go(self, then: str = "continue_") -> None:
        self.then = then
        while self.held:
            getattr(self.held.pop(), then)()


def test_the_next_item_is_there_before_the_answer_has_arrived(desk: Any, waiting: Any) -> None:
    waiting(3)
    page = desk()
    line = Line(page)
    before = choose(page, "2")
    page.keyboard.press("Enter")
    next_item(page, before)
    shown = token_of(page)
    assert Slot.objects.get(token=shown).ahead, "the server has not heard of the answer"
    assert page.evaluate("document.activeElement.id") == "work-title"
    page.keyboard.press("6")  # judged on without waiting
    line.go()
    page.wait_for_selector("#undo")
    assert (token_of(page), page.is_checked("[data-digit='6']")) == (shown, True)
    assert page.url.endswith(f"/annotate/{shown}/")
    assert page.inner_text("#progress").startswith("1 this session")
    page.keyboard.press("u")
    next_item(page, shown)
    assert page.is_checked("[data-digit='2']")
    assert [a.retracted_at is None for a in answers()] == [False]


def test_answers_given_faster_than_the_network_arrive_in_turn(desk: Any, waiting: Any) -> None:
    waiting(3)
    page = desk()
    line = Line(page)
    first = choose(page, "1")
    page.keyboard.press("Enter")
    next_item(page, first)
    second = token_of(page)
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    page.wait_for_selector("#save-state[data-state=sending]")
    assert len(line.held) == 1, "the second waits for the first"
    line.go()
    next_item(page, second)
    assert [str(a.idempotency_key) for a in answers()] == [first, second]
    assert page.inner_text("#progress").startswith("2 this session")
    page.go_back()
    page.wait_for_selector("text=B is much better")


def test_an_answer_that_is_refused_brings_its_item_back(desk: Any, waiting: Any, project: Project, rui: User) -> None:
    waiting(2)
    page = desk(tolerate="409")
    line = Line(page)
    before = choose(page, "3")
    page.keyboard.press("e")
    page.keyboard.type("Half of it.")
    page.keyboard.press("Control+Enter")
    next_item(page, before)
    run_out(before)
    assert leases.claim(project=project, rater=raters.rater_for(project=project, user=rui)) is not None
    line.go()
    page.wait_for_selector("text=it went to somebody else")
    assert (token_of(page), page.input_value("textarea")) == (before, "Half of it.")
    page.get_by_role("button", name="Hand in as an extra").click()
    next_item(page, before)
    assert [a.standing for a in answers()] == [Annotation.Standing.EXTRA]


def test_where_the_network_is_gone_the_item_comes_back_and_is_sent_later(desk: Any, waiting: Any) -> None:
    waiting(2)
    page = desk(tolerate="ERR_FAILED")
    line = Line(page)
    before = choose(page, "5")
    page.keyboard.press("Enter")
    next_item(page, before)
    shown = token_of(page)
    page.keyboard.press("2")
    line.go("abort")
    page.wait_for_selector("text=will be sent as soon as there is one")
    assert token_of(page) == before and page.is_checked("[data-digit='5']")
    assert answers() == []
    line.then = "continue_"
    page.evaluate("dispatchEvent(new Event('online'))")
    next_item(page, before)
    assert token_of(page) == shown
    page.wait_for_selector("[data-digit='2']:checked")
    assert len(answers()) == 1
