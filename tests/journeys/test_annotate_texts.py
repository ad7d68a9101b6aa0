"""Texts of every kind on a rater's page: formulas, code, scripts, conversations; raw text is raw to the letter."""

import os
from pathlib import Path
from typing import Any

import pytest

from annotation.services import items
from projects.models import Project
from tests.browser import axe
from tests.factories import ItemFactory, PromptFactory, ResponseFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RAW = "Tab\there,\r\ntwo  blanks, pay \u202e$001\u202c now; 👍🏽 Café é 日本 𝒙 end"
FIRST = f"""The roots of $ax^2 + bx + c$ are

$$x = \\frac{{-b \\pm \\sqrt{{b^2 - 4ac}}}}{{2a}},$$

so the answer is $\\boxed{{42}}$; it costs $5, not $6. Broken: $\\frac$.

```python
def roots(a, b, c):
\treturn [(-b + sign * sqrt(b * b - 4 * a * c)) / (2 * a) for sign in (1, -1)]  # both of them, on one long line
```

| a | b |
|---|---|
| $\\alpha$ | 2 |

שלום, זה משפט בעברית (with some English).

{RAW}"""
SECOND = [
    {"role": "assistant", "content": "Let me look that up.", "tool_calls": [
        {"function": {"name": "search", "arguments": '{"q": "roots"}'}}]},
    {"role": "tool", "content": [{"type": "text", "text": "Found:"}, {"type": "image_url", "image_url": {"url": "x"}}]},
    {"role": "assistant", "content": "They are 1 and 2."},
]  # fmt: skip
PROMPT = [
    {"role": "system", "content": "Be brief and exact."},
    {"role": "user", "content": "Hello."},
    {"role": "assistant", "content": "Good morning. What can I do for you?"},
    {"role": "user", "content": "What are the roots of a *quadratic* equation?"},
]
CONTEXT = [
    {"title": "Algebra", "text": "It has two. They may be one.", "sentences": ["It has two.", "They may be one."]},
    {"kind": "reference", "text": "See any book."},
]  # fmt: skip


@pytest.fixture
def texts(project: Project) -> None:
    prompt = PromptFactory(project=project, messages=PROMPT, context=CONTEXT, language="en")
    pair = [
        ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": FIRST}]),
        ResponseFactory(prompt=prompt, messages=SECOND),
    ]
    items.open_slots(item=ItemFactory(project=project, prompt=prompt, responses=pair), humans=1, judges=0)


def pictured(page: Any, name: str) -> None:
    """Keeps a screenshot where one was asked for."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.usefixtures("texts")
def test_texts_of_every_kind(desk: Any) -> None:
    page = desk()
    first = page.locator(".response", has=page.locator("math"))
    assert first.locator("math").count() == 4
    assert first.locator("math").nth(1).bounding_box()["height"] > 30
    rendered = first.locator("[data-rendered]")
    assert rendered.get_by_text("it costs $5, not $6").count() == 1
    assert rendered.locator("code", has_text="\\frac").count() == 1
    code = first.locator("pre")
    assert code.evaluate("pre => pre.scrollWidth > pre.clientWidth && pre.textContent.includes('\\n\\treturn [')")
    assert first.locator("[data-body]").evaluate("body => body.scrollWidth <= body.clientWidth")
    right = first.locator("p", has_text="שלום").first
    assert right.evaluate("p => getComputedStyle(p).direction") == "rtl"

    turns = page.locator(".response .talk .message")
    assert turns.evaluate_all("all => all.map(one => one.dataset.role)") == ["assistant", "tool", "assistant"]
    assert '[tool call] search({"q": "roots"})' in turns.nth(0).inner_text()
    assert "[image_url]" in turns.nth(1).inner_text()

    system = page.locator(".prompt details", has_text="System prompt").first
    assert not system.get_by_text("Be brief and exact.").is_visible()
    assert page.get_by_text("Good morning.").is_visible()
    passage = page.locator(".passage").first
    assert not passage.locator("li").first.is_visible()
    passage.locator("summary").click()
    assert passage.locator("li").all_inner_texts() == CONTEXT[0]["sentences"]
    assert axe(page) == []
    pictured(page, "texts-light")

    page.keyboard.press("r")
    raw = first.locator("[data-raw]")
    assert raw.evaluate("element => element.textContent") == FIRST
    assert raw.locator(".unseen").evaluate_all("all => all.map(one => one.dataset.name)") == ["U+202E", "U+202C"]
    # What reorders is shut in: what follows it stands where it is written.
    follows = raw.evaluate("""element => {
      const seek = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      while (seek.nextNode()) if (seek.currentNode.data.includes("$001")) break;
      const at = seek.currentNode.data.indexOf("$001"), left = (n) => {
        const range = document.createRange();
        range.setStart(seek.currentNode, at + n); range.setEnd(seek.currentNode, at + n + 1);
        return range.getBoundingClientRect().left;
      };
      return left(1) < left(3);
    }""")
    assert follows
    assert axe(page) == []
    pictured(page, "texts-raw")


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize(
    ("name", "options"),
    [("dark", {"color_scheme": "dark"}), ("phone", {"viewport": {"width": 390, "height": 800}})],
)
def test_texts_in_the_dark_and_on_a_phone(desk: Any, name: str, options: dict[str, Any]) -> None:
    page = desk(**options)
    assert page.locator("math").count() == 4
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert axe(page) == []
    pictured(page, f"texts-{name}")
