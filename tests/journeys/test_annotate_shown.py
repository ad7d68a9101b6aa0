"""What a rater is shown: the pair and its differences, hostile text inert, nothing of others, all of it accessible."""

from typing import Any

import pytest

from accounts.models import User
from annotation.models import Item
from projects.models import Project
from tests.browser import axe_by_day_and_night
from tests.journeys.desk import LONG

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


HOSTILE = (
    "<img src=x onerror=alert(1)><script>alert(2)</script> <b hx-get='/' hx-trigger='load'>c</b> ![i](https://e.vil/i)"
)


def test_views_of_the_pair(desk: Any, waiting: Any) -> None:
    waiting(1, first=LONG, second=LONG.replace("valve", "nipple") + "\n\nThe *end*.")
    page = desk()
    page.keyboard.press("d")
    marked = page.eval_on_selector_all("mark.only", "marks => [...new Set(marks.map(mark => mark.textContent))].sort()")
    assert {"nipple", "valve"} <= set(marked)
    page.keyboard.press("r")
    assert page.locator("[data-raw]:visible").count() == 2
    assert any("*end*" in text for text in page.locator("[data-raw]").all_inner_texts())
    page.keyboard.press("d")
    assert page.locator("mark.only").count() == 0
    bodies = page.locator("[data-body]")
    bodies.nth(0).evaluate("body => { body.scrollTop = body.scrollHeight }")
    page.wait_for_function("() => [...document.querySelectorAll('[data-body]')].every(b => b.scrollTop > 100)")
    wide = bodies.nth(0).bounding_box()["width"]
    page.keyboard.press("w")
    assert bodies.nth(0).bounding_box()["width"] > wide * 1.5


COUNT_ACTIVE_TIME = """async () => {
    const { ActiveClock } = await import('/static/annotation/clock.js');
    let now = 0;
    const clock = new ActiveClock(5000, () => now);
    now = 30_000; clock.input();   // 30 s of reading
    now = 500_000; clock.input();  // away for minutes: 60 s of them count
    now = 510_000;
    return clock.value();
}"""
COMPARE = """async ([a, b]) => {
    const { compare, words } = await import('/static/annotation/diff.js');
    const [left, right] = [words(a), words(b)];
    const [onlyLeft, onlyRight] = compare(left.map(w => w.word), right.map(w => w.word));
    const pick = (list, only) => list.filter((_, i) => only[i]).map(w => w.word);
    return [pick(left, onlyLeft), pick(right, onlyRight)];
}"""


def test_time_counts_while_somebody_is_there(desk: Any, waiting: Any) -> None:
    waiting(1)
    assert desk().evaluate(COUNT_ACTIVE_TIME) == 5_000 + 30_000 + 60_000 + 10_000


def test_words_are_compared_in_any_script_and_at_any_length(desk: Any, waiting: Any) -> None:
    waiting(1)
    page = desk()
    assert page.evaluate(COMPARE, ["a b c d", "a c x d"]) == [["b"], ["x"]]
    assert page.evaluate(COMPARE, ["same", "same"]) == [[], []]
    assert page.evaluate(COMPARE, ["", "new"]) == [[], ["new"]]
    assert page.evaluate(COMPARE, ["أصلح إطار الدراجة", "أصلح عجلة الدراجة"]) == [["إطار"], ["عجلة"]]
    far = [" ".join(f"w{n}" for n in range(9000)), " ".join(f"w{n}" for n in range(8999, -1, -1)) + " end"]
    assert page.evaluate(COMPARE, far) == [[], ["end"]]  # beyond the limit: only words of no counterpart


def test_hostile_text_is_shown_inert(desk: Any, waiting: Any) -> None:
    waiting(1, first=HOSTILE, second=HOSTILE + " ")
    page = desk()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("r")
    page.keyboard.press("d")
    assert page.locator("#work img, #work script, #work [hx-get]").count() == 0
    assert "onerror" in page.inner_text("#response-A")
    assert [url for url in asked if "e.vil" in url] == []


def test_the_page_tells_nothing_of_models_and_others(desk: Any, waiting: Any, project: Project, rui: User) -> None:
    (item,) = waiting(1)
    ids = [f'"{one.response_id}"' for one in item.item_responses.all()]
    page = desk()
    source = page.content()
    for response in item.item_responses.select_related("response"):
        assert response.response.model_name not in source
        assert response.response.external_id not in source
    assert not any(one in source for one in ids)
    assert item.external_id not in source


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(page_of: Any, waiting: Any, project: Project, rosa: User, ada: User, width: int) -> None:
    waiting(2, first=LONG, second="# Title\n\n```\ncode " + "x" * 300 + "\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    options = {"viewport": {"width": width, "height": 844}, "reduced_motion": "reduce"}
    page = page_of(rosa, **options)

    def check(where: str) -> None:
        assert axe_by_day_and_night(page) == [], where
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} scrolls sideways"

    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_selector("#judgement")
    check("item with guidelines")
    page.keyboard.press("i")
    page.keyboard.press("d")
    page.keyboard.press("3")
    page.keyboard.press("s")
    check("item chosen, differences, skipping")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check("help")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 this session")
    check("next item")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    check("nothing left")
    page.goto(f"/projects/{project.slug}/answers/")
    check("my answers")
    page.get_by_role("link", name="Show").first.click()
    check("an answer")
    page = page_of(ada, **options)
    for name in ("items/", f"items/{Item.objects.first().pk}/", "form/"):  # type: ignore[union-attr]  # made above
        page.goto(f"/projects/{project.slug}/{name}")
        check(name)
