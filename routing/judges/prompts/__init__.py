"""Prompts of judges that read and write: one file each. How a form's question is put; what is asked is the form's.

A prompt is text with named places (`$answer`), filled in once; nothing in it is ever run. Judged texts have no place in
it: they stand as data inside a fence. Its version is part of a judge's identity: raise it with every change of words.
To add one: docs/how-to/add-a-judge.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import cast

from common.errors import Invalid
from common.plugs import load
from common.words import gettext_noop as _

PROMPTS: dict[str, str] = {
    "plain": "routing.judges.prompts.plain:PROMPT",
    "rubric": "routing.judges.prompts.rubric:PROMPT",
    "self_reference": "routing.judges.prompts.self_reference:PROMPT",
    "principles": "routing.judges.prompts.principles:PROMPT",
}

PLACES = frozenset(
    {"does", "fence", "order", "answer", "rules", "letters", "principle", "guideline", "instructions", "asks"}
)
OWN_PLACES = frozenset({"letters", "principle", "guideline", "asks"})
"""Places that the instructions of one judge may name."""


@dataclass(frozen=True)
class Prompt:
    """`system`: the system message, by lines; a line whose places are all empty is left out.

    `reference`: the system message of an asking before, in which the judge writes an answer of its own to the prompt;
    empty: there is none. `by_portion`: a form of several aspects is asked one by one. `reasons_first`: the rationale
    comes before the verdict. `draws`: one of the judge's principles is drawn for each item.
    """

    key: str
    version: int
    title: str
    system: str
    reference: str = ""
    by_portion: bool = False
    reasons_first: bool = False
    draws: bool = False

    def __post_init__(self) -> None:
        for words in (self.system, self.reference):
            check_places(words, PLACES)


def prompt(key: str) -> Prompt:
    """The prompt called `key`. Raises Invalid where there is none."""
    return cast(Prompt, load(PROMPTS, key, "prompt"))


def check_places(words: str, known: frozenset[str]) -> None:
    """Raises Invalid where `words` names a place that is not there, or holds a `$` that names nothing."""
    found = Template(words)
    unknown = sorted(set(found.get_identifiers()) - known)
    if unknown or not found.is_valid():
        wrong = f"${unknown[0]}" if unknown else "$"
        names = ", ".join(f"${name}" for name in sorted(known))
        raise Invalid(
            _("“%(wrong)s” is no place of a prompt; there are: %(names)s. A dollar sign is written $$.")
            % {"wrong": wrong, "names": names}
        )


def filled(words: str, places: Mapping[str, str]) -> str:
    """`words` with its places filled in, without the lines that hold nothing then."""
    lines = (Template(line).substitute(places) for line in words.strip().splitlines())
    return "\n".join(line for line in lines if re.search(r"\S", line))
