"""Marking words, writing a critique, mending a text: by mouse, by finger, by keyboard alone."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Item
from annotation.protocols.spans import PROTOCOL as SPANS
from annotation.services import forms, items
from corpus.models import Response
from projects.models import Project
from tests.browser import axe_by_day_and_night
from tests.factories import ItemFactory, PromptFactory, ResponseFactory
from tests.journeys.desk import answers, saved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXT = "Clean the hole and patch it. A tyre has two wheels. Then ride home."
PASSAGE = "A wheel has one tyre. A tyre has no wheels."
ONTOLOGY = {
    "categories": [
        {"key": "wrong", "name": "Wrong", "letter": "W", "color": 1},
        {"key": "unclear", "name": "Unclear", "letter": "U", "color": 2},
        {"key": "idle", "name": "Idle", "letter": "I", "color": 3, "granularity": "sentence"},
    ],
    "evidence": True,
}
VECTORS = {
    # What is typed after `m`, and what is then marked. formats.md, section 2: the accents are letters of their own.
    "\U0001f44d\U0001f3fd Caf\u00e9 e\u0301 \u65e5\u672c \U0001d499 end": [("End", (16, 19)), ("Home", (0, 2))],
    "One \U0001f6b2 line.\r\nTwo lines.\r\n": [("End", (17, 22)), ("Home Shift+ArrowDown", (0, 11))],
    "أصلح إطار الدراجة": [("ArrowLeft", (5, 9)), ("Home Shift+ArrowLeft", (0, 9))],
}


@pytest.fixture
def asks(project: Project) -> Callable[..., Item]:
    """`asks([fields], *texts, context=…)`: one open item of a project whose form has these fields."""

    def make(fields: list[dict[str, Any]], *texts: str, context: tuple[str, ...] = ()) -> Item:
        forms.set_form(project=project, fields=[{"name": field["protocol"]} | field for field in fields])
        project.guidelines.all().delete()
        passages = [{"kind": "passage", "text": text} for text in context]
        prompt = PromptFactory(project=project, context=passages)
        replies = [ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": text}]) for text in texts]
        item: Item = ItemFactory(project=project, prompt=prompt, responses=replies)
        items.open_slots(item=item, humans=1, judges=0)
        return item

    return make


@pytest.fixture
def at_work(page_of: Any, project: Project, rosa: User) -> Callable[..., Any]:
    """`at_work()`: rosa's page, its modules loaded."""

    def open_one(**options: Any) -> Any:
        page = page_of(rosa, **options)
        page.goto(f"/projects/{project.slug}/annotate/")
        page.wait_for_selector("[data-list] ~ [data-empty]:not([hidden]), [data-list] li", state="attached")
        page.wait_for_function("() => [...document.querySelectorAll('[data-js]')].every(part => !part.hidden)")
        return page

    return open_one


def press(page: Any, *keys: str) -> int:
    for key in keys:
        page.keyboard.press(key)
    return len(keys)


def hand_in(page: Any) -> dict[str, Any]:
    page.get_by_role("button", name="Submit").click()
    page.wait_for_selector("text=Nothing left for you right now")
    return answers()[-1].values


def drag_over(page: Any, words: str) -> None:
    """Selects words of response A with the mouse."""
    ends = page.evaluate(
        """words => {
            const root = document.querySelector('#response-A [data-raw]');
            const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
            const range = document.createRange();
            const from = root.textContent.indexOf(words), to = from + words.length;
            for (let at = 0; walker.nextNode(); at += walker.currentNode.data.length) {
                const { data } = walker.currentNode;
                if (from >= at && from < at + data.length) range.setStart(walker.currentNode, from - at);
                if (to > at && to <= at + data.length) range.setEnd(walker.currentNode, to - at);
            }
            const [first, last] = [[...range.getClientRects()][0], [...range.getClientRects()].at(-1)];
            return [first.left + 1, first.top + 8, last.right - 1, last.top + 8];
        }""",
        words,
    )
    page.mouse.move(*ends[:2])
    page.mouse.down()
    page.mouse.move(*ends[2:], steps=4)
    page.mouse.up()


def clear_of_the_words(page: Any) -> bool:
    """Whether the open panel lies beside what it is about, inside the window."""
    return bool(
        page.evaluate(
            """() => {
            const panel = document.querySelector('[data-marker]').getBoundingClientRect();
            const marked = [...document.querySelectorAll('.mk.at, .mk.now')];
            const apart = box => box.bottom <= panel.top || box.top >= panel.bottom
                || box.right <= panel.left || box.left >= panel.right;
            const inside = panel.top >= 0 && panel.bottom <= innerHeight && panel.right <= innerWidth;
            return inside && marked.length > 0 && marked.flatMap(one => [...one.getClientRects()]).every(apart);
        }"""
        )
    )


def test_a_mark_by_keyboard_alone_takes_eight_keys_at_most(asks: Any, at_work: Any) -> None:
    asks([{"protocol": "spans", "config": ONTOLOGY}], TEXT)
    page = at_work()
    press(page, "r")
    assert page.get_by_text("Marks are made on the raw ones").is_visible()
    # Into the raw text, to the second sentence, to its second word, over three more; type; severity.
    used = press(page, "m", "ArrowDown", "ArrowRight", *["Shift+ArrowRight"] * 3, "1", "2")
    assert used <= 8
    page.wait_for_function("() => document.querySelector('#announcer').textContent.includes('Wrong · Major')")
    # A type of sentences takes the sentence; a place between the words is none of the answer's.
    press(page, "ArrowRight", "3", "1", "Escape", "Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    spans = answers()[-1].values["spans"]["spans"]
    assert [one["quote"] for one in spans] == ["tyre has two wheels", "Then ride home."]
    assert [one["severity"] for one in spans] == ["major", "minor"]


def test_marks_by_mouse_overlap_and_are_edited_deleted_and_had_back(asks: Any, at_work: Any) -> None:
    asks([{"protocol": "spans", "config": ONTOLOGY}], TEXT, context=(PASSAGE,))
    page = at_work()
    drag_over(page, "tyre has two whe")
    page.get_by_role("button", name="Wrong").click()
    assert clear_of_the_words(page)
    page.get_by_role("button", name="Major").click()
    page.locator("[data-comment]").fill("It has none.")
    page.get_by_role("button", name="Add evidence").click()
    page.locator(".to-mark").get_by_text("A tyre has no").click(position={"x": 200, "y": 8})
    assert page.locator("[data-evidence-list]").inner_text().startswith("A tyre has no wheels.")
    page.get_by_role("button", name="Done").click()
    drag_over(page, "two wheels. Then")
    press(page, "2", "1")
    assert clear_of_the_words(page)
    press(page, "Escape")
    assert page.locator(".mk[data-ids='1 0'], .mk[data-ids='0 1']").inner_text() == "two whe"
    drag_over(page, "home")
    page.get_by_role("button", name="Unclear").click()
    page.get_by_role("button", name="Minor").click()
    page.get_by_role("button", name="Delete: home").click()
    assert page.locator("[data-list] li").count() == 2
    press(page, "z")
    assert page.locator("[data-list] li").count() == 3
    page.locator(".mk", has_text="home").click()
    page.get_by_role("button", name="Wrong").click()
    saved(page)
    page.reload()
    page.wait_for_selector("[data-list] li")
    assert page.locator("[data-list] [data-about]").all_inner_texts() == [
        "Wrong · Major · A · It has none.",
        "Unclear · Minor · A",
        "Wrong · Minor · A",
    ]
    first, second, third = hand_in(page)["spans"]["spans"]
    assert (first["quote"], second["quote"], third["quote"]) == ("tyre has two whe", "two wheels. Then", "home")
    assert first["evidence"] == [{"context": 0, "start": 22, "end": 43, "quote": "A tyre has no wheels."}]


def test_marks_by_finger_on_a_phone(asks: Any, at_work: Any) -> None:
    asks([{"protocol": "spans", "config": ONTOLOGY}], TEXT)
    page = at_work(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)

    def tap(words: str) -> None:
        box = page.evaluate(
            """words => {
                const root = document.querySelector('#response-A [data-raw]');
                const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
                while (walker.nextNode()) {
                    const at = walker.currentNode.data.indexOf(words);
                    if (at < 0) continue;
                    const range = document.createRange();
                    range.setStart(walker.currentNode, at);
                    range.setEnd(walker.currentNode, at + words.length);
                    const box = range.getBoundingClientRect();
                    return [box.left + box.width / 2, box.top + box.height / 2];
                }
            }""",
            words,
        )
        page.touchscreen.tap(*box)

    tap("two")
    page.wait_for_selector("[data-marker]:popover-open")
    tap("wheels")
    assert clear_of_the_words(page)
    page.get_by_role("button", name="Wrong").tap()
    page.get_by_role("button", name="Minor").tap()
    page.get_by_role("button", name="Done").tap()
    page.get_by_role("button", name="Add what is missing").tap()
    page.locator("[data-of=category]").select_option("Unclear")
    page.locator("[data-of=severity]").select_option("Major")
    page.locator("[data-of=comment]").fill("Which glue?")
    assert page.get_by_label("No errors").is_disabled(), "there are errors"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    marked, missing = hand_in(page)["spans"]["spans"]
    assert (marked["quote"], marked["severity"]) == ("two wheels", "minor")
    response = marked["target"]["response"]
    said = {"omission": True, "response": response, "category": "unclear", "severity": "major"}
    assert missing == said | {"comment": "Which glue?"}


def test_no_errors_is_said_and_nothing_is_not_enough(asks: Any, at_work: Any) -> None:
    asks([{"protocol": "spans"}], TEXT)
    page = at_work()
    press(page, "Enter")
    assert "No errors" in page.inner_text("#missing") and not answers()
    press(page, "Escape", "c", "Enter")
    page.wait_for_selector("text=Nothing left for you right now")
    value = answers()[-1].values["spans"]
    assert value["none"] is True and value["spans"] == [] and len(value["sha256"]) == 1


def test_the_same_words_in_browser_server_and_export(asks: Any, at_work: Any) -> None:
    for text, cases in VECTORS.items():
        item = asks([{"protocol": "spans", "config": {"categories": ONTOLOGY["categories"][:1]}}], text)
        page = at_work()
        assert page.evaluate("document.querySelector('#response-A [data-raw]').textContent") == text
        for keys, _place in cases:
            press(page, "m", "Home", *keys.split(), "1", "1")
        spans = hand_in(page)["spans"]["spans"]
        response = item.item_responses.get().response
        stored = response.messages[0]["content"]
        places = sorted(place for _keys, place in cases)
        assert [(one["segments"][0]["start"], one["segments"][0]["end"]) for one in spans] == places
        record = SPANS.to_record(answers()[-1].values["spans"], {response.pk: "r"})
        for one in record["spans"]:
            assert stored[one["segments"][0]["start"] : one["segments"][0]["end"]] == one["quote"]


CUT = """async ([text, from, to]) => {
    const { anchor, reach, snap } = await import('/static/annotation/marking/text.js');
    const [a, b] = snap(text, from, to);
    const found = anchor(text, a, b);
    return [found.start, found.end, found.quote, reach(text, found).join() === [a, b].join()];
}"""


PLACE = """async (rects) => {
    const { placed } = await import('/static/annotation/marking/panel.js');
    const over = (a, b) => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
    const box = rect => { const { left, top, height } = placed(rect, 440, 420, { width: 1280, height: 800 });
        return { left, top, right: left + 440, bottom: top + height }; };
    return rects.map(([left, top, right, bottom]) => { const rect = { left, top, right, bottom };
        const at = box(rect), inside = at.left >= 0 && at.top >= 0 && at.right <= 1280 && at.bottom <= 800;
        return inside && !over(at, rect); });
}"""


def test_no_selection_cuts_a_character_and_no_panel_hides_one(asks: Any, at_work: Any) -> None:
    asks([{"protocol": "spans"}], TEXT)
    page = at_work()
    text = next(iter(VECTORS))
    assert page.evaluate(CUT, [text, 1, 2]) == [0, 2, "\U0001f44d\U0001f3fd", True]
    assert page.evaluate(CUT, [text, 19, 22]) == [16, 19, "end", True]
    assert page.evaluate(CUT, [text, 11, 12]) == [8, 10, "e\u0301", True]
    assert page.evaluate(CUT, ["a\r\nb", 2, 3]) == [1, 3, "\r\n", True]
    words, low, column, broad = [40, 200, 160, 220], [600, 700, 900, 720], [40, 100, 440, 790], [40, 250, 1200, 700]
    assert page.evaluate(PLACE, [words, low, column, broad, [900, 100, 1270, 780]]) == [True] * 5


def test_a_critique_of_each_response_and_an_edit(asks: Any, page_of: Any, project: Any, rosa: User) -> None:
    edit = {"protocol": "edit", "config": {"unchanged": True, "note": "optional"}}
    critique = {"protocol": "critique", "config": {"of": "responses", "keep": "off", "min_length": 5}}
    asks([critique, edit], "One\r\ntwo three.", "Other text.")
    page = page_of(rosa)
    page.goto(f"/projects/{project.slug}/annotate/")
    page.wait_for_selector("[data-module]")
    letter = "A" if "three" in page.inner_text("#response-A") else "B"
    for box in page.get_by_label("What is wrong").all():
        box.fill("Too short.")
    page.locator(f"[data-words='Edit {letter}']").check(force=True)
    editor = page.locator("[data-text]")
    page.wait_for_function("() => document.querySelector('[data-text]').value")
    assert editor.input_value() == "One\ntwo three."
    assert "a change of the text" in page.inner_text("#missing")
    editor.fill("One\ntwo and four.")
    page.wait_for_selector("text=2 words added, 1 removed.")
    assert page.locator("[data-diff] ins").all_inner_texts() == ["and", "four"]
    assert page.locator("[data-diff] del").all_inner_texts() == ["three"]
    page.get_by_role("button", name="Restore the original").click()
    assert editor.input_value() == "One\ntwo three."
    editor.fill("One\ntwo and four.")
    saved(page)
    page.reload()
    page.wait_for_selector("[data-diff] ins")
    values = hand_in(page)
    child = Response.objects.get(pk=values["edit"]["response"])
    assert child.messages[0]["content"] == "One\r\ntwo and four." and child.parent_id == values["edit"]["base"]
    assert {one["text"] for one in values["critique"]["responses"].values()} == {"Too short."}


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(asks: Any, at_work: Any, width: int) -> None:
    critique = {"protocol": "critique", "config": {"of": "responses", "aspects": [{"key": "tone", "name": "Tone"}]}}
    ontology = ONTOLOGY | {"correction": "optional", "targets": ["responses", "context", "messages"]}
    fields = [{"protocol": "spans", "config": ontology}, critique, {"protocol": "edit"}]
    asks(fields, TEXT, context=(PASSAGE,))
    page = at_work(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    press(page, "m", "ArrowRight", "Shift+ArrowRight", "1", "1", "Shift+ArrowRight", "2", "2")
    page.get_by_role("button", name="Add what is missing").click()
    page.locator("[data-text]").fill("Clean it.")
    press(page, "Escape", "m", "ArrowRight", "Enter")
    page.wait_for_selector("[data-marker]:popover-open")
    assert axe_by_day_and_night(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript_what_is_missing_can_be_said(asks: Any, page_of: Any, project: Any, rosa: User) -> None:
    asks([{"protocol": "spans"}], TEXT)
    page = page_of(rosa, java_script_enabled=False)
    page.goto(f"/projects/{project.slug}/annotate/")
    assert page.locator("noscript .notice").is_visible()
    page.locator("[data-of=category]").first.select_option("Unclear")
    page.locator("[data-of=severity]").first.select_option("Minor")
    page.locator("[data-of=comment]").first.fill("The price.")
    page.get_by_role("button", name="Submit").click()
    page.get_by_text("Nothing left for you right now").wait_for()
    (missing,) = answers()[-1].values["spans"]["spans"]
    assert missing == {"omission": True, "category": "unclear", "severity": "minor", "comment": "The price."}
