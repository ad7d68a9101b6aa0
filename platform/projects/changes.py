"""What changed between two texts, word by word: pure functions, no tables.

Paragraphs are compared first and words only inside those that differ, so that a long text costs little; two paragraphs
with too many words between them are shown as one that went and one that came.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

MAX_PAIRS = 4_000_000
"""Words of the old times words of the new paragraph: beyond it they are not compared word by word."""
ALIKE = 0.35
"""Two paragraphs that share less than this of their words are two, not one that was changed."""
# A run of blanks, a word, or one sign; of scripts written without spaces every character is a word.
WORDS = re.compile(r"\s+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:['\u2019][^\W_]+)*|.", re.DOTALL)

Kind = Literal["same", "gone", "new"]


@dataclass(frozen=True)
class Part:
    """A run of text that stands in both (`same`), only in the old (`gone`) or only in the new text (`new`)."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Change:
    """One paragraph that is not as it was."""

    parts: tuple[Part, ...]


def paragraphs(text: str) -> list[str]:
    """Runs of lines between blank lines, blanks at the end of a line left out: nobody sees those change."""
    tidy = re.sub(r"[ \t]+$", "", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    return [part.strip("\n") for part in re.split(r"\n{2,}", tidy) if part.strip()]


def _joined(runs: Sequence[tuple[bool, str, str]]) -> tuple[Part, ...]:
    """Runs of (same, old text, new text): neighbours that differ are made one that went and one that came."""
    made: list[Part] = []
    for same, run in groupby(runs, key=lambda one: one[0]):
        texts = list(run)
        gone, new = "".join(one[1] for one in texts), "".join(one[2] for one in texts)
        made += [Part("same", gone)] if same else [Part("gone", gone), Part("new", new)]
    return tuple(part for part in made if part.text)


def words(old: str, new: str) -> tuple[Part, ...]:
    """The two texts as one row of parts: same + gone is the old text, same + new is the new one."""
    left, right = WORDS.findall(old), WORDS.findall(new)
    if len(left) * len(right) > MAX_PAIRS:
        return (Part("gone", old), Part("new", new))

    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    runs = [(how == "equal", "".join(left[a:b]), "".join(right[c:d])) for how, a, b, c, d in steps]
    # A blank between two changed words is part of the change: phrases are read, not single words.
    inner = [bool(0 < at < len(runs) - 1 and same and not gone.strip()) for at, (same, gone, _) in enumerate(runs)]
    return _joined([(same and not blank, gone, new) for (same, gone, new), blank in zip(runs, inner, strict=True)])


def _alike(old: str, new: str) -> bool:
    left, right = ([word for word in WORDS.findall(text) if word.strip()] for text in (old, new))
    return SequenceMatcher(None, left, right, autojunk=False).quick_ratio() >= ALIKE


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    """Paragraphs that took the place of others: by pairs where they are alike, else what went, then what came."""
    for before, after in zip(old, new, strict=False):
        if _alike(before, after):
            yield Change(words(before, after))
        else:
            yield Change((Part("gone", before),))
            yield Change((Part("new", after),))
    paired = min(len(old), len(new))
    yield from (Change((Part("gone", text),)) for text in old[paired:])
    yield from (Change((Part("new", text),)) for text in new[paired:])


def changes(old: str, new: str) -> tuple[Change, ...]:
    """The paragraphs of `new` that are not as in `old`, and those that are gone, in the order of the text."""
    left, right = paragraphs(old), paragraphs(new)
    found: list[Change] = []
    for how, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if how != "equal":
            found.extend(_replaced(left[a:b], right[c:d]))
    return tuple(found)
