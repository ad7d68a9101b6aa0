"""Texts that are written down in English, in rows, files and the API, and translated where people read them.

Needs no Django: methods and plugs carry such texts, too. `gettext_noop` marks one where it stands in the code; the
filter `said` (templatetags/words.py) translates it, also when it was stored with its gaps filled.
"""

import re
from collections.abc import Callable
from functools import cache

GAP = re.compile(r"%\((\w+)\)s")
_sentences: list[str] = []


def gettext_noop(text: str) -> str:
    """`text` itself. `make messages` looks for this name; a text with gaps, `%(name)s`, is remembered as well."""
    if GAP.search(text):
        _sentences.append(text)
        _patterns.cache_clear()
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every remembered text as a pattern of what it becomes, those with most words of their own first."""
    found = []
    for text in sorted(set(_sentences), key=lambda one: (-len(GAP.sub("", one)), one)):
        parts = GAP.split(text)
        seen: set[str] = set()
        for at in range(1, len(parts), 2):
            parts[at], name = f"(?P={parts[at]})" if parts[at] in seen else f"(?P<{parts[at]}>.+?)", parts[at]
            seen.add(name)
        for at in range(0, len(parts), 2):
            parts[at] = re.escape(parts[at].replace("%%", "%"))
        found.append((text, re.compile("".join(parts), re.DOTALL)))
    return found


def said(text: str, gettext: Callable[[str], str]) -> str:
    """`text` as `gettext` translates it; where it has no translation, as one of the texts with gaps filled in."""
    translated = gettext(text) if text else ""
    if translated != text:
        return translated
    if "\n" in text:
        return "\n".join(said(line, gettext) for line in text.split("\n"))
    for pattern, shape in _patterns():
        if match := shape.fullmatch(text):
            return gettext(pattern) % {name: said(value, gettext) for name, value in match.groupdict().items()}
    return text
