r"""`{{ text|guideline }}`: the Markdown of a guideline, with its good and bad examples set apart.

An example is a block quote at the top level whose first line names it; what follows the mark is its title:

    > [!GOOD] Short and to the point
    > Pump it up, then look where it hisses.

    > [!BAD]
    > It depends.

Colour is never the only sign: the word stands above each example.
"""

import html
import re
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt

from common.templatetags.markdown import MAX_CHARACTERS, render, show_unseen

register = template.Library()

MARK = re.compile(r" {0,3}> ?\[!(GOOD|BAD)\][ \t]*(.*)", re.IGNORECASE)
QUOTED = re.compile(r"^ {0,3}> ?")
BLOCKS = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table")


def examples(lines: list[str]) -> list[tuple[int, int]]:
    """First line and the line after the last of each example: block quotes that begin with a mark."""
    return [
        (token.map[0], token.map[1])
        for token in BLOCKS.parse("\n".join(lines))
        if token.type == "blockquote_open" and token.level == 0 and token.map and MARK.match(lines[token.map[0]])
    ]


def _example(lines: list[str]) -> str:
    found = MARK.match(lines[0])
    assert found is not None
    good = found[1].upper() == "GOOD"
    word = gettext("Good example") if good else gettext("Bad example")
    title = html.escape(show_unseen(found[2].strip()))
    inside = render("\n".join(QUOTED.sub("", line) for line in lines[1:]))
    head = f"<strong>{html.escape(word)}</strong>{f' <span>{title}</span>' if title else ''}"
    return f'<div class="example {"good" if good else "bad"}"><p class="example-head">{head}</p>{inside}</div>'


def html_of(text: str) -> str:
    """Safe HTML: every piece goes through the fences of `common.templatetags.markdown`, only the frames are ours."""
    if len(text) > MAX_CHARACTERS:
        return render(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    made, done = [], 0
    for first, after in examples(lines):
        made += [render("\n".join(lines[done:first])), _example(lines[first:after])]
        done = after
    return "".join([*made, render("\n".join(lines[done:]))])


@register.filter
def guideline(text: Any) -> SafeString:
    """Renders a guideline. Wrap it in an element of class `prose` with `hx-disable`."""
    return mark_safe(html_of(str(text or "")))  # noqa: S308  every piece was cleaned, every title escaped
