"""Scripts say nothing of their own: what they show comes from the page, in the page's language."""

import re
from pathlib import Path

import pytest
from django.conf import settings

SCRIPTS = sorted((Path(settings.BASE_DIR) / "static").rglob("*.js"))
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.DOTALL)
LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`")
# A word with a capital, alone or followed by others; names of keys and events are what the browser calls them.
SPOKEN = re.compile(r"\s*[A-Z][a-z]+(?:[ ,][\w ,;:’'…–—-]*)?[.!?…:]?\s*")
# A number, or what else a gap holds, and a word.
COUNTED = re.compile(r"\$\{[^{}]*\} [a-z]{3,}[.!?…]?\s*")
NAMES = {
    "Enter", "Escape", "Tab", "Space", "Backspace", "Delete", "Home", "End", "Shift", "Control", "Alt", "Meta", "Esc",
    "Accept", "Page", "Insert", "Dead", "Process", "Unidentified", "Segmenter",
}  # fmt: skip


def spoken(script: str) -> list[str]:
    """The texts of a script that look as if they were for people."""
    found = ("".join(groups) for groups in LITERAL.findall(COMMENT.sub("", script)))
    return [text for text in found if (SPOKEN.fullmatch(text) and text.strip() not in NAMES) or COUNTED.fullmatch(text)]


def test_what_counts_as_spoken() -> None:
    assert spoken('say("Saved."); key === "Enter"; load("Content-Type"); on("click") // "Not this."') == ["Saved."]
    assert spoken("say('Nothing is marked yet'); at(`Item-${n}`)") == ["Nothing is marked yet"]
    assert spoken("say(`${found.length} found`); top(`${top}px auto`)") == ["${found.length} found"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_says_nothing_of_its_own(script: Path) -> None:
    assert spoken(script.read_text(encoding="utf-8")) == []
