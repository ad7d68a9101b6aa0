r"""Formulas in Markdown: $…$, $$…$$, \(…\) and \[…\] become MathML, on the server and bounded.

What cannot be read, or would take too long, is shown as its source. "$5 and $6" stays money.
"""

import html
import re
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

MAX_FORMULA = 1_000
"""Characters of one formula."""
MAX_FORMULAS = 10_000
"""Characters of all formulas of one text: the converter takes about 10 µs for each."""
MAX_DEPTH = 24

TAGS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mpadded", "menclose", "msqrt", "mroot", "mfrac"),
    *("msub", "msup", "msubsup", "munder", "mover", "munderover", "mtable", "mtr", "mtd"),
}
# Nothing that colours, moves, links or hides: a formula must not draw over the page or disappear from it.
LENGTH = re.compile(r"-?[0-3](\.\d{1,4})?em|0|0pt")
VALUES: dict[str, re.Pattern[str]] = {
    "display": re.compile("block|inline"),
    "mathvariant": re.compile("normal|bold|italic|monospace|sans-serif"),
    "notation": re.compile("[a-z ]{1,60}"),
    "columnalign": re.compile("left|center|right"),
    "linethickness": LENGTH,
    "width": LENGTH,
    "minsize": LENGTH,
    "maxsize": LENGTH,
    "lspace": LENGTH,
    "rspace": LENGTH,
    "form": re.compile("prefix|infix|postfix"),
    "scriptlevel": re.compile("[012]"),
    **dict.fromkeys(
        ("stretchy", "fence", "separator", "largeop", "movablelimits", "displaystyle", "accent"),
        re.compile("true|false"),
    ),
}
_OPERATOR = {"stretchy", "fence", "form", "separator", "largeop", "movablelimits", "lspace", "rspace"}
ATTRIBUTES: dict[str, set[str]] = {
    "math": {"display"},
    "mi": {"mathvariant"},
    "mtext": {"mathvariant"},
    "mo": _OPERATOR | {"minsize", "maxsize"},
    "mspace": {"width"},
    "mfrac": {"linethickness"},
    "mover": {"accent"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "menclose": {"notation"},
    "mtd": {"columnalign"},
}

# A command that makes commands can make them without end.
MAKES_COMMANDS = re.compile(r"\\(?:def|newcommand|DeclareMathOperator)(?![A-Za-z])")
# Names that the converter lacks, and those of its own that look the same.
SAME_AS = {
    r"{aligned}": "{split}",
    r"{alignedat}": "{split}",
    r"{align}": "{split}",
    r"{align*}": "{split}",
    r"{gathered}": "{matrix}",
    r"{gather}": "{matrix}",
    r"{gather*}": "{matrix}",
}
AROUND = re.compile(r"\\(?:begin|end)\{equation\*?\}|\\(?:label|nonumber|notag)(?:\{[^{}]*\})?(?![A-Za-z])")
# "5 million and the 6": a number, then a plain word, between two dollar signs.
MONEY = re.compile(r"\d[\d.,]*\s+[A-Za-z]{2,}")


def _too_deep(source: str) -> bool:
    depth = 0
    for sign in re.findall(r"\\.|[{}]|\\left|\\right", source):
        depth += (sign == "{") - (sign == "}")
        if depth > MAX_DEPTH:
            return True
    return source.count(r"\left") + source.count(r"\begin") + source.count(r"\sqrt[") > MAX_DEPTH


def _made_plain(element: Element) -> None:
    """Texts come with entities in them, to be pasted as they are: they become characters, and are escaped later."""
    for part in element.iter():
        if part.tag == "mo" and len(part):
            part.tag = "mrow"
        text = html.unescape(part.text) if part.text else ""
        # Function application and the like are there for machines; shown, they would be named as hidden characters.
        part.text = re.sub("[\u2061-\u2064]", "", text) or None


@lru_cache(maxsize=2048)
def mathml(source: str, *, block: bool = False) -> str:
    """MathML of one formula, well-formed but not yet sanitised; its source, as code, where it cannot be read."""
    shown = f"<code>{html.escape(source)}</code>"
    if len(source) > MAX_FORMULA or MAKES_COMMANDS.search(source) or _too_deep(source):
        return shown
    latex = AROUND.sub("", source)
    for name, other in SAME_AS.items():
        latex = latex.replace(name, other)
    try:
        element = Converter(display="block" if block else "inline").convert_to_element(latex)
        _made_plain(element)
        return tostring(element, encoding="unicode")
    except Exception:  # the converter has a dozen exceptions of its own, and IndexError for the rest
        return shown


def _is_escaped(text: str, at: int, start: int) -> bool:
    """Whether an odd number of backslashes stands before a position."""
    before = at
    while before > start and text[before - 1] == "\\":
        before -= 1
    return bool((at - before) % 2)


def _closing(text: str, start: int, mark: str, end: int) -> int:
    """Where the closing `mark` of a formula begins, not escaped, before `end`; -1 without one."""
    at = text.find(mark, start, end)
    while at >= 0 and _is_escaped(text, at, start):
        at = text.find(mark, at + 1, end)
    return at


def _opening(text: str, at: int) -> tuple[str, str] | None:
    """(opening, closing) mark at a position."""
    if text.startswith("$$", at):
        return "$$", "$$"
    if text.startswith("$", at):
        return "$", "$"
    if text.startswith("\\(", at):
        return "\\(", "\\)"
    if text.startswith("\\[", at):
        return "\\[", "\\]"
    return None


def _is_formula(text: str, start: int, end: int) -> bool:
    """Whether what stands between two single dollar signs is meant as a formula."""
    inside = text[start:end]
    if not inside or inside[0].isspace() or inside[-1].isspace() or MONEY.match(inside):
        return False
    return not (text[start - 2 : start - 1].isalnum() or text[end + 1 : end + 2].isdigit())


def _inline(state: StateInline, silent: bool) -> bool:
    marks = _opening(state.src, state.pos)
    if marks is None:
        return False
    start = state.pos + len(marks[0])
    # A formula is short: looking further would make a text full of dollar signs slow.
    end = _closing(state.src, start, marks[1], min(state.posMax, start + MAX_FORMULA + 2))
    if end < 0 or not state.src[start:end].strip():
        return False
    if marks[0] == "$" and not _is_formula(state.src, start, end):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content = state.src[start:end].strip()
        token.meta = {"block": marks[0] in {"$$", "\\["}}
    state.pos = end + len(marks[1])
    return True


def _block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    r"""$$ or \[ at the beginning of a line: everything up to its closing mark, which ends a line."""
    begin = state.bMarks[first] + state.tShift[first]
    marks = _opening(state.src, begin)
    if marks is None or len(marks[0]) < 2 or marks[0] == "\\(" or state.is_code_block(first):
        return False
    start = begin + len(marks[0])
    end = _closing(state.src, start, marks[1], min(state.eMarks[last - 1], start + MAX_FORMULA + 2))
    if end < 0 or not state.src[start:end].strip():
        return False
    line = next(number for number in range(first, last) if state.eMarks[number] >= end)
    after = state.src[end + len(marks[1]) : state.eMarks[line]]
    left = any(state.sCount[n] < state.blkIndent and not state.isEmpty(n) for n in range(first + 1, line + 1))
    if after.strip(" \t.,;") or left:
        return False
    if not silent:
        # Line by line: a quotation has its marks between them.
        content = state.getLines(first, line + 1, state.blkIndent, False).strip()
        content = content[len(marks[0]) :].rstrip(" \t.,;").removesuffix(marks[1])
        token = state.push("formula", "math", 0)
        token.block, token.map = True, [first, line + 1]
        token.content, token.meta = content.strip(), {"block": True}
        state.line = line + 1
    return True


def _rendered(renderer: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    env["formulas"] = env.get("formulas", 0) + len(token.content)
    if env["formulas"] > MAX_FORMULAS:
        made = f"<code>{html.escape(token.content)}</code>"
    else:
        made = mathml(token.content, block=token.meta["block"])
    return f"<p>{made}</p>\n" if token.block else made


def with_formulas(parser: MarkdownIt) -> MarkdownIt:
    """A Markdown parser that knows formulas, too."""
    parser.inline.ruler.before("escape", "formula", _inline)
    parser.block.ruler.before("fence", "formula", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.add_render_rule("formula", _rendered)
    return parser
