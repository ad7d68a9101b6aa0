"""Texts that were written down in English (`common.words`), in the language of who reads them."""

import gettext as catalogues
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.utils.translation import get_language, gettext, to_locale

GAP = re.compile(r"%\((\w+)\)s")
OWN_WORD = re.compile(r"[^\W\d_]{3,}")
FEWEST_WORDS = 2


@dataclass(frozen=True)
class _Pattern:
    """A text with gaps. `longest`: its longest part between them; what lacks that part need not be compared."""

    text: str
    longest: str
    shape: re.Pattern[str]


def _pattern(text: str) -> _Pattern:
    parts = GAP.split(text)
    words = [part.replace("%%", "%") for part in parts[::2]]
    shape, seen = re.escape(words[0]), set()
    for name, after in zip(parts[1::2], words[1:], strict=True):
        shape += (f"(?P={name})" if name in seen else f"(?P<{name}>.+?)") + re.escape(after)
        seen.add(name)
    return _Pattern(text, max(words, key=len), re.compile(shape, re.DOTALL))


@cache
def _patterns(language: str) -> Sequence[_Pattern]:
    """The texts with gaps that the catalogue of a language knows, those with most words of their own first.

    A text with hardly a word of its own could be anything, and is none of them.
    """
    folder = settings.LOCALE_PATHS[0]
    known = catalogues.translation("django", folder, [to_locale(language)], fallback=True)
    own = {
        text: len(OWN_WORD.findall(GAP.sub(" ", text)))
        for text in getattr(known, "_catalog", {})
        if isinstance(text, str) and GAP.search(text)
    }
    return [_pattern(text) for text in sorted(own, key=lambda one: (-own[one], one)) if own[text] >= FEWEST_WORDS]


def said(text: str) -> str:
    """`text` in the reader's language; where the catalogue lacks it, as one of its texts with the gaps filled in."""
    translated = gettext(text) if text else ""
    if translated != text:
        return translated
    if "\n" in text:
        return "\n".join(said(line) for line in text.split("\n"))
    for pattern in _patterns(get_language() or settings.LANGUAGE_CODE):
        if pattern.longest in text and (match := pattern.shape.fullmatch(text)):
            return gettext(pattern.text) % {name: said(value) for name, value in match.groupdict().items()}
    return text
