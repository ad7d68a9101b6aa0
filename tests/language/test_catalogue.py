"""Each language's catalogue is whole, and compiled as it is written: newcomers have no compiler for it."""

import gettext
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from tests.language.po import Entry, entries

SOURCES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))
GAP = re.compile(r"%(?:\(\w+\))?[sdrf]|%%|\{\w*\}")
ADDRESS = re.compile(r"</?\w+[^>]*>")


def languages() -> list[str]:
    return [path.parts[-3] for path in SOURCES]


def test_every_language_but_the_one_of_the_code_has_a_catalogue() -> None:
    assert languages() == sorted(code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)


def faults(entry: Entry) -> list[str]:
    """What is wrong with the translation of one text; a plural form may leave its number out."""
    if not all(entry.texts):
        return ["not translated"]
    allowed = [Counter(GAP.findall(text)) for text in (entry.text, entry.plural or entry.text)]
    elements = Counter(ADDRESS.findall(entry.plural or entry.text))
    found = [f"other gaps: {text!r}" for text in entry.texts if Counter(GAP.findall(text)) not in allowed]
    found += [f"other elements: {text!r}" for text in entry.texts if Counter(ADDRESS.findall(text)) != elements]
    return found + (["fuzzy"] if "fuzzy" in entry.flags else [])


@pytest.mark.parametrize("source", SOURCES, ids=languages())
def test_every_text_is_translated_with_its_gaps_and_elements(source: Path) -> None:
    wrong = {entry.text: found for entry in entries(source) if entry.text and (found := faults(entry))}
    assert not wrong, f"{source}: translate, then `make messages`:\n" + "\n".join(
        f"{k!r}: {v}" for k, v in wrong.items()
    )


@pytest.mark.parametrize("source", SOURCES, ids=languages())
def test_what_is_compiled_is_what_is_written(source: Path) -> None:
    written: dict[object, str] = {}
    for entry in (one for one in entries(source) if one.text):
        if entry.plural is None:
            written[entry.key] = entry.texts[0]
        else:
            written |= {(entry.key, number): text for number, text in enumerate(entry.texts)}
    with source.with_suffix(".mo").open("rb") as handle:
        compiled = gettext.GNUTranslations(handle)._catalog  # type: ignore[attr-defined]  # no other way to all of it
    compiled.pop("")
    assert compiled == written, "Run `make messages` and commit the .mo file with the .po file."
