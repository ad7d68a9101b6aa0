"""A language in which every translated text stands in marks, so that a text without them was never asked for."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from django.db import models

OPEN, CLOSE = "⟦", "⟧"
CONTEXT = "\x04"
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
# What is read aloud, shown on hovering, or said by scripts.
SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "aria-roledescription", "aria-valuetext"}
WORD = re.compile(r"[^\W\d_]{2,}")
SENTENCE = re.compile(r"[^\W\d_]{2,},? [^\W\d_]{2,}")
# The rest of a word where a page cut a text off.
CUT = re.compile(r"\w+…\s*$")
# Proper names, units and keys, which are the same in every language.
SAME = re.compile(r"\b(Prefloop|UTC|sha256|Deutsch|English|Esc|Enter)\b")


class Marked:
    """Takes the place of Django's catalogue of one language; remembers what was asked for, as it stands in the code."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.plural = lambda number: int(number != 1)

    def gettext(self, message: str) -> str:
        self.asked.add(message)
        return f"{OPEN}{message.rpartition(CONTEXT)[2]}{CLOSE}"

    def ngettext(self, one: str, many: str, number: Any) -> str:
        self.asked.add(one)
        return f"{OPEN}{(one if number == 1 else many).rpartition(CONTEXT)[2]}{CLOSE}"

    def language(self) -> str:
        return "de"

    def to_language(self) -> str:
        return "de"


def outside(text: str, depth: int = 0) -> tuple[str, int]:
    """What of `text` stands outside the marks, and how many marks are open at its end; `depth`: at its beginning."""
    kept = []
    for sign in text:
        if sign == OPEN:
            depth += 1
        elif sign == CLOSE:
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(sign)
    return "".join(kept), depth


@dataclass
class _Element:
    """An open element. `apart`: its texts are no words of ours; `depth`: marks that are open where it begins."""

    tag: str
    apart: bool
    depth: int


class _Texts(HTMLParser):
    """Gathers (where, text outside the marks) of all that is met, but of code, people's prose and `translate="no"`.

    A translation may hold elements; a mark that was cut off ends with the element in which it was opened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.stack = [_Element("", False, 0)]
        self.depth = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        apart = given.get("translate") == "no" or tag in {"script", "style", "code"} or self.stack[-1].apart
        apart = apart or "prose" in given.get("class", "").split()
        for name, value in given.items() if not apart else ():
            text, _ = outside(value)
            spoken = name in SPOKEN or (name == "value" and given.get("type") in {"submit", "button", "reset"})
            if spoken or (name.startswith(("data-", "hx-confirm")) and SENTENCE.search(text)):
                self.found.append((f"{name} of <{tag}>", text))
        if tag not in VOID:
            self.stack.append(_Element(tag, apart, self.depth))

    def handle_endtag(self, tag: str) -> None:
        while len(self.stack) > 1:
            ended = self.stack.pop()
            self.depth = ended.depth
            if ended.tag == tag:
                break

    def handle_data(self, data: str) -> None:
        text, self.depth = outside(data, self.depth)
        if not self.stack[-1].apart:
            self.found.append((f"<{self.stack[-1].tag}>", text))


def texts(html: str) -> list[tuple[str, str]]:
    parser = _Texts()
    parser.feed(html)
    return parser.found


def escaped(found: Iterable[tuple[str, str]], content: re.Pattern[str]) -> list[str]:
    """Of texts outside the marks those that are no content either, with where they stand."""
    wrong = []
    for where, text in found:
        rest = SAME.sub(" ", content.sub(" ", CUT.sub("", text)))
        if words := WORD.findall(rest):
            wrong.append(f"{where}: {' '.join(text.split())[:120]} ({' '.join(words[:4])})")
    return wrong


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from (value, *value.splitlines())
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)


def brought(kinds: Iterable[type[models.Model]]) -> set[str]:
    """What people, models and files brought: each string of each row of `kinds`, but the words of fixed choices."""
    known: set[str] = set()
    for kind in kinds:
        fields = [
            field.attname
            for field in kind._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField | models.JSONField) and not field.choices
        ]
        for row in kind._default_manager.values_list(*fields) if fields else []:
            for value in row:
                known.update(strings(json.loads(json.dumps(value, default=str))))
    return known


def content(known: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the texts `known`, and whatever says "quokka", as tests call what they bring themselves."""
    words = sorted((text.strip() for text in known if WORD.search(text)), key=len, reverse=True)
    ours = r"[\w-]*quokka[\w-]*"
    return re.compile(r"(?<!\w)(" + "|".join([ours, *map(re.escape, words)]) + r")(?!\w)")
