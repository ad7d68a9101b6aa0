"""The forms made of choices at work: by keyboard, by mouse, by finger at 390 px, without scripts; keys are counted."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from annotation.models import FormVersion
from annotation.services import forms, items, submissions
from projects.models import Project
from tests.browser import axe
from tests.factories import FormVersionFactory, ItemFactory, PromptFactory, ResponseFactory
from tests.journeys.desk import answers, saved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TEXTS = (
    "Find the hole with water: bubbles show it.\n\nDry it, glue a patch on and wait for five minutes.",
    "ابحث عن الثقب ثم رقّعه بعد تنظيفه جيدا.",
    "Take it to a shop.",
    "穴を見つけて、きれいにします。",
    "Buy a new tyre.",
    "Use sealant foam.",
)
ASPECTS = [
    {"key": "helpfulness", "name": "Helpfulness", "low": "useless", "high": "very helpful"},
    {"key": "style", "name": "Style", "scale": "stars"},
    {"key": "truth", "name": "Truth", "scale": "slider"},
]
QUESTIONS = [
    {"key": "safe", "label": "Is it safe?", "cannot_tell": True},
    {
        "key": "faults",
        "label": "What is wrong?",
        "kind": "multiple",
        "options": [{"key": "long", "label": "Too long"}, {"key": "rude", "label": "Rude"}],
    },
    {"key": "count", "label": "How many facts?", "kind": "number", "required": False, "cannot_tell": True},
]


def field(protocol: str, name: str = "asked", **config: Any) -> dict[str, Any]:
    return {"name": name, "protocol": protocol, "config": config}


@pytest.fixture
def asked(project: Project, desk: Callable[..., Any]) -> Callable[..., Any]:
    """`asked(fields, responses=2)`: rosa's page with an item that is asked about by these fields."""

    def sit_down(*fields: dict[str, Any], responses: int = 2, **options: Any) -> Any:
        FormVersion.objects.filter(project=project).delete()
        FormVersionFactory(project=project, number=1, fields=forms.check_fields(list(fields)))
        project.guidelines.all().delete()
        turns = [("user", "Hello!"), ("assistant", "What is the matter?"), ("user", "My tyre is flat.")]
        prompt = PromptFactory(project=project, messages=[{"role": role, "content": text} for role, text in turns])
        made = [
            ResponseFactory(
                prompt=prompt,
                messages=[{"role": "assistant", "content": TEXTS[n]}],
                meta={"steps": [{"text": f"Step {n} {i} of it."} for i in range(2)]},
            )
            for n in range(responses)
        ]
        items.open_slots(item=ItemFactory(project=project, prompt=prompt, responses=made), humans=1, judges=0)
        page = desk(**options)
        page.wait_for_timeout(100)
        return page

    return sit_down


def press(page: Any, keys: str) -> int:
    """Presses keys, with blanks between them; returns how many."""
    for key in keys.split():
        page.keyboard.press(key)
    return len(keys.split())


def handed_in(page: Any, name: str = "asked") -> Any:
    """What was answered, in the terms displayed."""
    page.wait_for_selector("text=Nothing left for you right now")
    (answer,) = answers()
    return submissions.displayed(answer)[name]


FORMS: dict[str, tuple[dict[str, Any], int, str, int]] = {
    "best": (field("best_of_n", none=True), 4, "3 Enter", 2),
    "best and worst": (field("best_of_n", worst="required", rationale="off"), 4, "2 4 Enter", 3),
    "ranking": (field("ranking", reject=True), 4, "3 1 = x Enter", 5),
    "ranking without ties": (field("ranking", ties=False), 4, "2 1 4 Enter", 4),
    "ranking in rounds": (field("ranking", rounds="best_worst"), 6, "2 1 3 6 4 Enter", 6),
    "rating": (field("rating", target="item", aspects=ASPECTS), 1, "4 5 7 Enter", 4),
    "ratings": (field("rating", aspects=ASPECTS[:2]), 2, "4 0 1 2 Enter", 5),
    "thumbs": (field("thumbs", neutral=True), 2, "1 3 Enter", 3),
    "messages": (field("thumbs", target="messages", every=False), 1, "1 0 2 Enter", 4),
    "labels": (field("labels", questions=QUESTIONS[:2], target="item"), 1, "0 1 2 Enter", 4),
    "steps": (field("steps"), 2, "1 3 2 k 1 0 Enter", 7),
    "first error": (field("steps", ask="first_error"), 2, "2 0 Enter", 3),
}
STORED: dict[str, Any] = {
    "best": {"best": "C"},
    "best and worst": {"best": "B", "worst": "D"},
    "ranking": {"tiers": [["B", "C"], ["A"]], "rejected": ["D"]},
    "ranking without ties": {"tiers": [["B"], ["A"], ["D"], ["C"]], "rejected": []},
    "ranking in rounds": {"tiers": [["B"], ["C"], ["D"], ["E"], ["F"], ["A"]], "rejected": []},
    "rating": {"item": {"helpfulness": 4, "style": 5, "truth": 70}},
    "ratings": {"A": {"helpfulness": 4, "style": None}, "B": {"helpfulness": 1, "style": 2}},
    "thumbs": {"A": {"value": "up"}, "B": {"value": "neutral"}},
    "messages": {"message:0": {"value": "up"}, "message:2": {"value": "down"}},
    "labels": {"item": {"safe": None, "faults": ["long", "rude"]}},
    "steps": {"A": {"labels": ["good", "bad"]}, "B": {"labels": ["good", "unknown"]}},
    "first error": {
        "A": {"labels": ["good", "bad"], "first_error": 1},
        "B": {"labels": ["good", "good"], "first_error": None},
    },
}


@pytest.mark.parametrize("which", FORMS)
def test_by_keyboard_alone(which: str, asked: Any) -> None:
    form, responses, keys, count = FORMS[which]
    page = asked(form, responses=responses, color_scheme="dark" if len(which) % 2 else "light")
    assert axe(page) == []
    assert press(page, keys) == count
    found = handed_in(page)
    found = found.get("scores", found.get("answers", found))
    assert found == STORED[which]


def test_several_forms_on_one_page_in_one_go(asked: Any) -> None:
    """Each answer leads to the next question, whatever its form; n and p go to and fro."""
    questions = field("labels", "labels", questions=QUESTIONS[:1], target="item")
    thumb = field("thumbs", "thumb", target="messages")
    page = asked(thumb, field("best_of_n", "best", rationale="off"), field("ranking", "order"), questions, responses=3)
    assert page.locator(".prompt .rail-stop").count() == 3
    press(page, "1 2 1 3 2 1 3 1")
    assert page.inner_text("#missing") == ""
    press(page, "p")
    assert page.evaluate("document.activeElement.dataset.card") is not None
    press(page, "n 0 Enter")
    assert handed_in(page, "thumb") == {f"message:{n}": {"value": one} for n, one in enumerate(["up", "down", "up"])}
    values = submissions.displayed(answers()[0])
    assert values["best"] == {"best": "C"} and values["order"]["tiers"] == [["B"], ["A"], ["C"]]
    assert values["labels"] == {"answers": {"item": {"safe": None}}}


EVERY_FORM = (
    field("best_of_n", "best", none=True, worst="optional"),
    field("ranking", "order", reject=True),
    field("rating", "rated", aspects=ASPECTS),
    field("thumbs", "thumb", target="messages", every=False, reasons=[{"key": "odd", "label": "Odd", "emoji": "😀"}]),
    field("labels", "labels", questions=QUESTIONS),
    field("steps", "steps"),
)


def _fill_in(page: Any, choose: Callable[[str, str], None]) -> None:
    """All six forms on one page; `choose(part, value)` picks a choice."""
    choose("best.best", "B")
    choose("best.worst", "A")
    page.locator("[name='answer.best.rationale']").fill("سبب وجيه")
    for name in "AB":
        choose(f"rated.{name}.helpfulness", "5")
        choose(f"rated.{name}.style", "?")
        choose(f"labels.{name}.safe", "yes")
        choose(f"labels.{name}.faults", "-" if name == "A" else "rude")
        choose(f"steps.{name}.0", "good")
        choose(f"steps.{name}.1", "bad")
    choose("thumb.message:1", "down")
    choose("thumb.message:1.reasons", "odd")


def _check_every_form() -> None:
    found = submissions.displayed(answers()[-1])
    assert found["best"] == {"best": "B", "worst": "A", "rationale": "سبب وجيه"}
    assert found["order"] == {"tiers": [["B"]], "rejected": ["A"]}
    assert found["rated"]["scores"] == {name: {"helpfulness": 5, "style": None, "truth": 40} for name in "AB"}
    assert found["thumb"] == {"message:1": {"value": "down", "reasons": ["odd"]}}
    assert found["labels"]["answers"]["A"] == {"safe": True, "faults": []}
    assert found["labels"]["answers"]["B"] == {"safe": True, "faults": ["rude"], "count": 2.5}
    assert {name: found["steps"][name]["labels"] for name in "AB"} == {key: ["good", "bad"] for key in "AB"}


def test_every_form_on_one_page_without_javascript(asked: Any) -> None:
    page = asked(*EVERY_FORM, java_script_enabled=False)

    def choose(part: str, value: str) -> None:
        page.locator(f"[name='answer.{part}'][value='{value}']").check(force=True)

    _fill_in(page, choose)
    page.get_by_label("Rank of response B").select_option("2nd")
    page.get_by_label("Rank of response A").select_option("Rejected")
    for name in "AB":
        page.locator(f"[name='answer.rated.{name}.truth'][type=number]").fill("40")
    page.locator("[name='answer.labels.B.count'][type=number]").fill("2.5")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_selector("text=Nothing left for you right now")
    _check_every_form()
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("Rank of response A").input_value() == "x"
    assert page.locator("[name='answer.labels.B.count'][type=number]").input_value() == "2.5"
    assert page.locator("[name='answer.rated.A.style'][value='?']").is_checked()


def test_every_form_on_a_phone_by_finger(asked: Any) -> None:
    """Tapped and dragged; a reload finds everything where it was; "cannot tell" and a number do not go together."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = asked(*EVERY_FORM, reduced_motion="reduce", **phone)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe(page) == []

    def choose(part: str, value: str) -> None:
        point = page.locator(f"[name='answer.{part}'][value='{value}']")
        point.evaluate("one => one.scrollIntoView({ block: 'center', inline: 'center' })")
        point.tap()
        assert point.is_checked(), part

    _fill_in(page, choose)
    _drag_by_finger(page, "B", "1")
    _drag_by_finger(page, "A", "x")
    for name in "AB":
        slider = page.locator(f".choices:has([name='answer.rated.{name}.truth']) input[type=range]")
        assert slider.get_attribute("aria-valuetext") == "not set"
        slider.fill("40")
    choose("labels.B.count", "?")
    page.locator("[name='answer.labels.B.count'][type=number]").fill("2.5")
    assert not page.locator("[name='answer.labels.B.count'][value='?']").is_checked()
    small = """() => [...document.querySelectorAll('#work :is(input, select, button, a.rank-letter)')]
        .filter(one => one.offsetParent !== null && one.getBoundingClientRect().height < 24)
        .map(one => one.outerHTML)"""
    assert page.evaluate(small) == []
    saved(page)
    page.reload()
    page.wait_for_selector("[data-lane-of='1'] [data-card='B']")
    assert page.locator("[name='answer.rated.A.style'][value='?']").is_checked()
    page.wait_for_selector(".prompt .rail-stop")
    assert page.inner_text("#missing") == ""
    page.get_by_role("button", name="Submit").tap()
    page.wait_for_selector("text=Nothing left for you right now")
    _check_every_form()


def _drag_by_finger(page: Any, letter: str, lane: str) -> None:
    grip, target = page.locator(f"[data-card='{letter}'] [data-grip]"), page.locator(f"[data-lane-row='{lane}']")
    target.evaluate("one => one.scrollIntoView({ block: 'center' })")
    start, end = grip.bounding_box(), target.bounding_box()
    touch = page.context.new_cdp_session(page)
    # The finger rests before it is lifted: a flick would go on scrolling, and swallow the next tap.
    points = [(start, "touchStart"), (start, "touchMove"), (end, "touchMove"), (end, "touchMove"), (end, "touchEnd")]
    for box, kind in points:
        page.wait_for_timeout(60)
        where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else [where]})
    page.wait_for_selector(f"[data-lane-of='{lane}'] [data-card='{letter}']")


def test_a_ranking_by_mouse_and_an_untouched_order_is_asked_about_once(asked: Any) -> None:
    page = asked(field("ranking"), responses=4)
    press(page, "Enter")
    page.wait_for_selector("text=Nothing is placed yet.")
    assert not answers()
    start, end = (page.locator(one).bounding_box() for one in ("[data-card='C'] [data-grip]", "[data-lane-row='1']"))
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + 90, end["y"] + 10, steps=4)
    page.mouse.up()
    page.wait_for_selector("[data-lane-of='1'] [data-card='C']")
    assert page.locator("text=Nothing is placed yet.").is_hidden()
    # A rank is chosen on the card as well: nobody has to drag.
    for letter, rank in (("A", "2"), ("B", "2"), ("D", "4"), ("C", "")):
        page.get_by_label(f"Rank of response {letter}").select_option(rank)
    assert page.inner_text("#missing") == "Still needed: a rank for C"
    # Space shows the whole text in place; j and k move among the cards.
    page.focus("[data-card='C']")
    press(page, "Space")
    assert page.text_content("[data-card='C'] [data-text]") == page.text_content("#response-C [data-raw]")
    press(page, "j k")
    assert page.evaluate("document.activeElement.dataset.card") == "C"
    press(page, "1 Enter")
    assert handed_in(page)["tiers"] == [["C"], ["A", "B"], ["D"]]


def test_the_order_shown_is_an_answer_if_it_is_handed_in_twice(asked: Any) -> None:
    page = asked(field("ranking"), responses=4)
    press(page, "Enter Enter")
    assert handed_in(page)["tiers"] == [["A"], ["B"], ["C"], ["D"]]


def test_a_slider_has_no_value_until_it_is_moved(asked: Any) -> None:
    hidden = ASPECTS[2] | {"hide_number": True}
    page = asked(field("rating", target="item", aspects=[hidden]), responses=1)
    slider = page.locator("input[type=range]")
    assert page.locator("input[type=number]").is_hidden()
    press(page, "Enter")
    assert page.inner_text("#missing") == "Still needed: Truth" and not answers()
    assert slider.evaluate("one => one === document.activeElement")
    press(page, "0")
    assert page.inner_text("#missing") == ""
    press(page, "Home ArrowRight")
    assert slider.input_value() == "1" and not page.locator("[value='?']").is_checked()
    box = slider.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    press(page, "Enter")
    assert handed_in(page)["scores"]["item"]["truth"] == 50


def test_two_versions_of_a_ranking_are_told_apart(asked: Any, rosa: User) -> None:
    page = asked(field("ranking"), responses=2, tolerate="409")
    other = page.context.new_page()
    other.goto(page.url)
    press(page, "2 1")
    saved(page)
    press(other, "1 =")
    other.wait_for_selector("text=This answer was changed in another tab as well.")
    shown = other.inner_text("#shown-versions")
    assert "A = B" in shown and "B > A" in shown
    other.get_by_role("button", name="Take the other").click()
    other.wait_for_selector("[data-lane-of='1'] [data-card='B']")
    press(other, "Enter")
    assert handed_in(other)["tiers"] == [["B"], ["A"]]
