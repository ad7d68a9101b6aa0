"""Ways to begin: a project's form, rubric, overlap and the bones of its guideline, as published systems asked for them.

A preset is data. What people read in it is translated when a project is made of it, and is the project's own from then
on. "‹…›" in a guideline is a place that the admin fills in (`unfilled`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.protocols import PROTOCOLS, Value, Words, protocol
from common.errors import Invalid

PLACE = "‹"


@dataclass(frozen=True)
class Preset:
    """`needs`: what its items must have; `like`: who asked so; `fields`: as `annotation.services.forms` takes them."""

    key: str
    title: Words
    about: Words
    needs: Words
    like: str
    fields: tuple[Mapping[str, Any], ...]
    guideline: Words
    overlap: int = 1

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(field["protocol"] for field in self.fields)

    @property
    def asks(self) -> list[str]:
        """The titles of its forms of feedback."""
        return [str(protocol(key).title) for key in self.protocols]


def plain(value: Any) -> Any:
    """`value` with every text in it said in the language of now."""
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def unfilled(text: str) -> int:
    """How many places of a guideline wait to be filled in."""
    return text.count(PLACE)


HELPFULNESS: Value = {
    "key": "helpfulness",
    "name": _("Helpfulness"),
    "description": _("Does it do what was asked, for the person who asked?"),
}
CORRECTNESS: Value = {
    "key": "correctness",
    "name": _("Correctness"),
    "description": _("Is everything in it true, and nothing important left out?"),
}
COHERENCE: Value = {
    "key": "coherence",
    "name": _("Coherence"),
    "description": _("Is it clear, consistent and easy to follow?"),
}
HONESTY: Value = {
    "key": "honesty",
    "name": _("Honesty"),
    "description": _("Does it say what it does not know, and claim nothing it cannot?"),
}
SCALE = {"scale": "likert5", "low": _("poor"), "high": _("excellent")}
FAULTS = [
    {
        "key": "irrelevant",
        "name": _("Irrelevant or repeated"),
        "letter": "I",
        "color": 1,
        "description": _("It does not help to answer, says the same again, or cannot be followed."),
    },
    {
        "key": "wrong",
        "name": _("Wrong or not supported"),
        "letter": "W",
        "color": 2,
        "granularity": "sentence",
        "description": _("It is not true, or nothing that was given shows it."),
    },
    {
        "key": "harmful",
        "name": _("Harmful"),
        "letter": "H",
        "color": 3,
        "granularity": "sentence",
        "description": _("Somebody could be hurt by following it."),
    },
]
SPANS = {
    "name": "errors",
    "protocol": "spans",
    "label": _("What is wrong, and where?"),
    "config": {"categories": FAULTS},
}
CORRECTION = {
    "name": "correction",
    "protocol": "edit",
    "label": _("Write it as it should be"),
    "config": {"scratch": False, "unchanged": True},
}

COMPARE = _(
    "# Which response is better?\n\n"
    "Read the prompt, then both responses to their end. Choose the one that you would rather have been given.\n\n"
    "1. **Helpfulness** comes first: it does what was asked.\n"
    "2. Then **correctness**: check what you can check.\n"
    "3. Length and style count only where they help or hinder.\n\n"
    "Say “about the same” only if you could not choose after a second look, and “both are bad” if neither "
    "should be given.\n\n"
    "> [!GOOD] ‹a comparison that is easy to agree on›\n"
    "> ‹why A is better, in a sentence›\n\n"
    "> [!BAD] Taken in by length\n"
    "> ‹a long response that misses what was asked›\n"
)
RANK = _(
    "# Rank the responses\n\n"
    "Read all of them before you rank the first. Responses that are equally good share a rank.\n\n"
    "Reject what should never be given: off the topic, broken, or harmful.\n\n"
    "> [!GOOD] ‹a ranking with its reason›\n"
    "> ‹why the first is first›\n\n"
    "> [!BAD] ‹a ranking by length or tone›\n"
    "> ‹what was overlooked›\n"
)
RATE = _(
    "# Rate each response by its aspects\n\n"
    "Judge each aspect for itself: a response can be honest and of no help. 3 is what you would expect; 1 and 5 "
    "are rare.\n"
    "“Cannot tell” is an answer, e.g. where you cannot check a claim.\n\n"
    "> [!GOOD] ‹a response of 5 for helpfulness›\n"
    "> ‹what makes it so›\n\n"
    "> [!BAD] ‹a response of 1 for correctness›\n"
    "> ‹the claim that is wrong›\n"
)
FIND = _(
    "# Find what is wrong\n\n"
    "Read the prompt and the passages first. Mark the shortest stretch of text that is wrong, and say which type "
    "of fault it is.\n"
    "Add under “missing information” what the response should have said. If nothing is wrong, say so: “No errors”.\n"
    "Then correct the text, changing no more than needed.\n\n"
    "> [!GOOD] ‹a fault, marked exactly›\n"
    "> ‹which type it is, and why›\n\n"
    "> [!BAD] A whole paragraph is marked\n"
    "> ‹the few words that were meant›\n"
)
IMPROVE = _(
    "# Say what is wrong, then write it better\n\n"
    "Write to the author: what is wrong, why it matters, and what should stay. Then write the better answer "
    "yourself.\n\n"
    "> [!GOOD] ‹feedback that one can act on›\n"
    "> ‹the better answer, or its beginning›\n\n"
    "> [!BAD] “Could be better.”\n"
    "> ‹what one would have to know to improve it›\n"
)
REACT = _(
    "# Up or down?\n\n"
    "Thumb up if you would be glad to be given this response, down if not. Tick what decided it.\n\n"
    "> [!GOOD] ‹a response to be glad of›\n"
    "> ‹why›\n\n"
    "> [!BAD] ‹a response that looks fine and is not›\n"
    "> ‹why not›\n"
)
CHECK = _(
    "# Is each step right?\n\n"
    "A step is **good** if it is correct and leads on, **neutral** if it is correct and leads nowhere, **bad** "
    "if it is wrong.\n"
    "A step that follows from a wrong one is judged for itself. Do not look the solution up first.\n\n"
    "> [!GOOD] ‹a step that is short and right›\n"
    "> ‹why it is good›\n\n"
    "> [!BAD] ‹a step that looks right and is not›\n"
    "> ‹where the slip is›\n"
)

COMPARISON: Value = {"name": "preference", "protocol": "pairwise", "config": {"points": 7}}

_ALL = (
    Preset(
        "compare",
        _("Which response is better?"),
        _("Two responses side by side, on a scale of seven points, with ties and “both are bad”."),
        _("Two responses each"),
        "InstructGPT, HH-RLHF",
        (COMPARISON,),
        COMPARE,
        overlap=2,
    ),
    Preset(
        "rank",
        _("Rank several responses"),
        _("From best to worst, with shared ranks, and a lane for what should never be given."),
        _("Two to eight responses each"),
        "InstructGPT, OpenAssistant",
        ({"name": "ranking", "protocol": "ranking", "config": {"reject": True, "rationale": "optional"}},),
        RANK,
    ),
    Preset(
        "rate",
        _("Rate by aspects"),
        _("Every response on its own, 1 to 5 for each aspect of the rubric; “cannot tell” is an answer."),
        _("One response or more each"),
        "UltraFeedback, HelpSteer",
        (
            {
                "name": "ratings",
                "protocol": "rating",
                "config": {
                    "aspects": [one | SCALE for one in (HELPFULNESS, CORRECTNESS, COHERENCE, HONESTY)],
                    "rationale": "optional",
                },
            },
        ),
        RATE,
    ),
    Preset(
        "errors",
        _("Find errors"),
        _("Mark what is wrong in the text, with its type and weight, name what is missing, and correct it."),
        _("One response or more each; passages where there are any"),
        "Fine-Grained RLHF",
        (SPANS, CORRECTION | {"required": False}),
        FIND,
    ),
    Preset(
        "improve",
        _("Write feedback and a better answer"),
        _("What is wrong, what to keep, and the answer as it should have been."),
        _("One response or more each"),
        "ILF, Shepherd",
        (
            {"name": "feedback", "protocol": "critique", "config": {"min_length": 20}},
            {"name": "better", "protocol": "edit", "config": {"scratch": True}},
        ),
        IMPROVE,
    ),
    Preset(
        "thumbs",
        _("Thumbs"),
        _("Up or down for each response, with reasons to tick: the quickest there is."),
        _("One response or more each"),
        "KTO",
        (
            {
                "name": "thumbs",
                "protocol": "thumbs",
                "config": {
                    "reasons": [
                        {"key": "helpful", "label": _("Helpful")},
                        {"key": "clear", "label": _("Clear")},
                        {"key": "wrong", "label": _("Wrong")},
                        {"key": "off_topic", "label": _("Off the topic")},
                        {"key": "harmful", "label": _("Harmful")},
                    ]
                },
            },
        ),
        REACT,
        overlap=3,
    ),
    Preset(
        "steps",
        _("Check the steps"),
        _("Every paragraph of a solution is good, neutral or bad, up to the first mistake and beyond."),
        _("One response or more each, in paragraphs"),
        "PRM800K",
        ({"name": "steps", "protocol": "steps", "config": {"steps": "paragraphs"}},),
        CHECK,
    ),
    Preset(
        "whole",
        _("Compare, mark and correct"),
        _("One page for all: which is better on the whole, what is wrong where, and the better one put right."),
        _("Two responses each"),
        "Fine-Grained RLHF, RLHF-V",
        (
            COMPARISON,
            SPANS | {"required": False},
            CORRECTION | {"config": {"base": "better", "unchanged": True}, "required": False},
        ),
        FIND,
    ),
)
PRESETS: dict[str, Preset] = {one.key: one for one in _ALL}


def offered() -> list[Preset]:
    """Those whose forms of feedback there are."""
    return [one for one in PRESETS.values() if set(one.protocols) <= set(PROTOCOLS)]


def preset(key: str) -> Preset:
    """Raises Invalid where there is none of that key."""
    for one in offered():
        if one.key == key:
            return one
    raise Invalid(fields={"preset": [gettext("There is no such preset.")]})
