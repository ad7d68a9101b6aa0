"""Text that people and models wrote, made safe to look at: `{{ text|markdown }}`; plain text: `{{ text|visible }}`;
plain text whose every character keeps its place: `{{ text|exact }}`.

Three fences, each enough by itself against scripts: Markdown without HTML, an allow-list of tags, and the site's CSP.
No image is ever fetched, no attribute of htmx survives, and no character is there that cannot be seen.
"""

import html
import re
from functools import lru_cache
from typing import Any

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from common import formulas

register = template.Library()

# Beyond these the parser is not worth its time (about 10 µs a mark): the text is shown as it was written.
MAX_CHARACTERS = 100_000
MAX_MARKS = 16_000
MARK = re.compile(r"[\n|*_`\[<$\\&!~#]")
# Longer texts are rendered anew each time: the cache must stay small.
MAX_CACHED = 10_000

BLOCKS = {"p", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "th", "td"}
TAGS = {
    *BLOCKS,
    *("br", "hr", "em", "strong", "s", "code", "pre", "a", "table", "thead", "tbody", "tr"),
    *formulas.TAGS,
}
# Each paragraph finds its own direction; code runs from left to right.
ATTRIBUTES: dict[str, set[str]] = {
    **{block: {"dir"} for block in BLOCKS},
    "a": {"href"},
    "ol": {"start", "dir"},
    "pre": {"dir", "tabindex"},
    **formulas.ATTRIBUTES,
}
VALUES = {"dir": re.compile("auto|ltr"), "tabindex": re.compile("0"), "start": re.compile(r"\d{1,9}")}
OUTWARD = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
# A code line that is longer scrolls, so that the keyboard must be able to get there.
WIDE = 60

# Characters that show nothing or turn the text around them: controls (but tab, line feed and carriage return),
# soft hyphen, fillers, bidi and zero-width characters, invisible operators, tags, variation selectors beyond emoji's.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
    # Joiners shape emoji and several scripts; next to ASCII, or to nothing, they only hide.
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)


def _named(match: re.Match[str]) -> str:
    code = ord(match.group())
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def show_unseen(text: str) -> str:
    """`text` with every character that hides or reorders others replaced by its name, e.g. ⟨U+202E⟩; ESC by ␛."""
    return UNSEEN.sub(_named, text)


def _image(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """What an image would say: fetching one would tell its server who reads."""
    return html.escape(f"[image: {tokens[index].content}]")


def _under_the_page(state: Any) -> None:
    """A text's own headings stand beneath those of the page that shows it."""
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"


def _code(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Code exactly as it was written; what is wide can be reached and scrolled by keyboard."""
    content = tokens[index].content
    scrolls = ' tabindex="0"' if any(len(line) > WIDE for line in content.splitlines()) else ""
    return f'<pre dir="ltr"{scrolls}><code>{html.escape(content)}</code></pre>\n'


def _find_directions(state: Any) -> None:
    for token in state.tokens:
        if token.nesting == 1 and token.tag in BLOCKS:
            token.attrSet("dir", "auto")


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)
    parser.core.ruler.push("under_the_page", _under_the_page)
    parser.core.ruler.push("find_directions", _find_directions)
    return formulas.with_formulas(parser)


PARSER = _parser()


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Links of strangers lead out, never to a place on this site; other attributes have few values.

    nh3 of itself lets `title` and `lang` through.
    """
    if attribute == "href":
        return value if OUTWARD.match(value) else None
    if attribute == "rel":
        return value
    known = formulas.VALUES.get(attribute) or VALUES.get(attribute)
    return value if known is not None and known.fullmatch(value) else None


def _is_long(text: str) -> bool:
    """Whether parsing takes too long; lines, cells of tables and links cost more than other marks."""
    if len(text) > MAX_CHARACTERS:
        return True
    dear = 2 * (text.count("\n") - text.count("\n\n")) + text.count("|") + 3 * text.count("](")
    return len(MARK.findall(text)) + dear > MAX_MARKS


def render(text: str) -> str:
    """Safe HTML for the Markdown `text`; in one block as it was written, where parsing it would take long."""
    return _rendered(text) if len(text) <= MAX_CACHED else _rendered.__wrapped__(text)


@lru_cache(maxsize=256)
def _rendered(text: str) -> str:
    text = show_unseen(text)
    if _is_long(text):
        return f'<pre dir="auto" tabindex="0">{html.escape(text)}</pre>'
    # Entities and formulas can name hidden characters, too.
    return show_unseen(
        nh3.clean(
            PARSER.render(text),
            tags=TAGS,
            attributes=ATTRIBUTES,
            attribute_filter=_kept,
            url_schemes={"http", "https", "mailto"},
            link_rel="nofollow ugc noopener",
            strip_comments=True,
        )
    )


@register.filter
def markdown(text: Any) -> SafeString:
    """Renders untrusted Markdown. Wrap it in an element of class `prose` with `hx-disable`."""
    return mark_safe(render(str(text or "")))  # noqa: S308  nh3 has cleaned it


@register.filter
def visible(text: Any) -> str:
    """Plain text in which nothing hides; it is escaped like any other text."""
    return show_unseen(str("" if text is None else text))


def _marked(match: re.Match[str]) -> str:
    return f'<span class="unseen" data-name="{_named(match).strip("⟨⟩")}">{match.group()}</span>'


@register.filter
def exact(text: Any) -> SafeString:
    """Plain text for an element in which selections are counted: its textContent is `text` to the letter.

    A carriage return is written so that HTML keeps it; what hides or reorders stands apart, its name drawn by CSS.
    """
    escaped = html.escape(str("" if text is None else text))
    return mark_safe(UNSEEN.sub(_marked, escaped).replace("\r", "&#13;"))  # noqa: S308  escaped above
