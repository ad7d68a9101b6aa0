"""Text that people and models wrote, made safe to look at: `{{ text|markdown }}`; plain text: `{{ text|visible }}`.

Three fences, each enough by itself against scripts: Markdown without HTML, an allow-list of tags, and the site's CSP.
No image is ever fetched, no attribute of htmx survives, and no character is there that cannot be seen.
"""

import html
import re
from typing import Any

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()

# Beyond this the parser is not worth its time: the text is shown as it was written.
MAX_CHARACTERS = 100_000

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
OUTWARD = re.compile(r"(https?://|mailto:)", re.IGNORECASE)

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


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    parser.core.ruler.push("under_the_page", _under_the_page)
    return parser


PARSER = _parser()


def _outward(tag: str, attribute: str, value: str) -> str | None:
    """Links of strangers lead out, never to a place on this site. nh3 of itself lets `title` and `lang` through."""
    if attribute in {"title", "lang"} or (attribute == "href" and not OUTWARD.match(value)):
        return None
    return value


def render(text: str) -> str:
    """Safe HTML for the Markdown `text`."""
    text = show_unseen(text)
    if len(text) > MAX_CHARACTERS:
        return f"<pre>{html.escape(text)}</pre>"
    return nh3.clean(
        PARSER.render(text),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_outward,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow ugc noopener",
        strip_comments=True,
    )


@register.filter
def markdown(text: Any) -> SafeString:
    """Renders untrusted Markdown. Wrap it in an element of class `prose` with `hx-disable`."""
    return mark_safe(render(str(text or "")))  # noqa: S308  nh3 has cleaned it


@register.filter
def visible(text: Any) -> str:
    """Plain text in which nothing hides; it is escaped like any other text."""
    return show_unseen(str("" if text is None else text))
