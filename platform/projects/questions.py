"""A survey's questions: what they may be, how an admin types them, how answers are checked. Pure, no tables.

A question is {"name", "kind", "label", "options"}: kind `single` and `multiple` have options; `scale` has 2 to 11
`points`, and as options words for its ends [low, high]; `text` has neither. Every one can be left unanswered.

As text, one question is a paragraph; its first line says kind, name and label, each further line is an option:

    single [age] How old are you?
    - under 30
    - 30 or older

    scale 1-7 [use] How often do you use a chatbot?
    - never
    - every day

    text [else] What else should we know?
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from common.errors import Invalid
from common.text import check_text

Question = dict[str, Any]

KINDS = ("single", "multiple", "scale", "text")
MOST_QUESTIONS, MOST_OPTIONS, MOST_POINTS = 40, 60, 11
LABEL_LENGTH, OPTION_LENGTH, TEXT_LENGTH = 500, 200, 4000
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
FIRST_LINE = re.compile(r"(single|multiple|text|scale\s+1-(\d+))\s*\[\s*([a-z0-9_]+)\s*\]\s*(.+)", re.IGNORECASE)


def _wrong(number: int, why: str) -> Invalid:
    return Invalid(fields={"questions": [_("Question %(number)s: %(why)s") % {"number": number, "why": why}]})


def _options(number: int, kind: str, raw: object, points: object) -> Question:
    """What a kind has beside name and label."""
    options = raw if raw is not None else []
    if not isinstance(options, list) or not all(isinstance(one, str) and one.strip() for one in options):
        raise _wrong(number, _("its options are a list of texts."))
    options = [one.strip() for one in options]
    if "-" in options:
        raise _wrong(number, _("an option needs a word."))
    if any(len(one) > OPTION_LENGTH for one in options) or len(set(options)) < len(options):
        raise _wrong(number, _("an option stands twice or is too long."))
    if kind == "text":
        if options:
            raise _wrong(number, _("a text has no options."))
        return {}
    if kind == "scale":
        if isinstance(points, bool) or not isinstance(points, int) or not 2 <= points <= MOST_POINTS:
            raise _wrong(number, _("a scale has 2 to %(most)s points.") % {"most": MOST_POINTS})
        if len(options) not in {0, 2}:
            raise _wrong(number, _("a scale has words for both of its ends, or none."))
        return {"options": options, "points": points}
    if not 2 <= len(options) <= MOST_OPTIONS:
        raise _wrong(number, _("it needs 2 to %(most)s options.") % {"most": MOST_OPTIONS})
    return {"options": options}


def check_questions(raw: object) -> list[Question]:
    """The questions that `raw` stands for, complete. Raises Invalid naming the first that is wrong, counted from 1."""
    if not isinstance(raw, list) or len(raw) > MOST_QUESTIONS:
        said = _("A survey is a list of at most %(most)s questions.") % {"most": MOST_QUESTIONS}
        raise Invalid(fields={"questions": [said]})
    found: list[Question] = []
    for number, one in enumerate(raw, start=1):
        if not isinstance(one, dict) or set(one) - {"name", "kind", "label", "options", "points"}:
            raise _wrong(number, _("it has a name, a kind, a label, and options or points."))
        name, kind, label = one.get("name"), one.get("kind"), one.get("label")
        if kind not in KINDS:
            raise _wrong(number, _("its kind is one of %(kinds)s.") % {"kinds": ", ".join(KINDS)})
        if not isinstance(name, str) or not NAME.fullmatch(name) or name in {other["name"] for other in found}:
            raise _wrong(number, _("its name is lower case, starts with a letter, and is used once."))
        if not isinstance(label, str) or not 1 <= len(label.strip()) <= LABEL_LENGTH:
            raise _wrong(number, _("it needs a label of at most %(most)s characters.") % {"most": LABEL_LENGTH})
        options = _options(number, kind, one.get("options"), one.get("points"))
        found.append({"name": name, "kind": kind, "label": label.strip(), **options})
    return found


def read_questions(text: str) -> list[Question]:
    """Questions as an admin types them. Raises Invalid."""
    found: list[Question] = []
    blocks = [block for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()) if block.strip()]
    for number, block in enumerate(blocks, start=1):
        first, *rest = [line.strip() for line in block.strip().split("\n")]
        match = FIRST_LINE.fullmatch(first)
        if match is None:
            raise _wrong(number, _("it must begin like “single [age] How old are you?”."))
        kind = "scale" if match[2] else match[1].lower()
        question: Question = {"name": match[3].lower(), "kind": kind, "label": match[4]}
        if not all(line.startswith("-") for line in rest):
            raise _wrong(number, _("each option is a line that begins with “-”."))
        if rest:
            question["options"] = [line[1:].strip() for line in rest]
        if match[2]:
            question["points"] = int(match[2][:4])
        found.append(question)
    return check_questions(found)


def as_text(questions: Iterable[Question]) -> str:
    """The inverse of `read_questions`."""
    blocks = []
    for one in questions:
        kind = f"scale 1-{one['points']}" if one["kind"] == "scale" else one["kind"]
        lines = [f"{kind} [{one['name']}] {one['label']}", *(f"- {option}" for option in one.get("options", []))]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _answer(question: Question, given: object) -> object:
    """One answer in its normal form; None where it was not given. Raises ValueError with the reason."""
    if given is None or given == "" or given == []:
        return None
    kind = question["kind"]
    if kind == "text":
        if not isinstance(given, str) or len(given) > TEXT_LENGTH:
            raise ValueError(_("A text of at most %(most)s characters.") % {"most": TEXT_LENGTH})
        check_text(given)
        return given.strip() or None
    if kind == "scale":
        if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= question["points"]:
            raise ValueError(_("A number from 1 to %(most)s.") % {"most": question["points"]})
        return given
    chosen = given if isinstance(given, list) else [given]
    if any(one not in question["options"] for one in chosen) or (kind == "single" and len(chosen) > 1):
        raise ValueError(_("Choose among the options."))
    return [one for one in question["options"] if one in chosen] if kind == "multiple" else chosen[0]


def check_answers(questions: Iterable[Question], given: object) -> dict[str, object]:
    """An answer for every question, None where it was left open. Raises Invalid, fields named by question."""
    asked = {one["name"]: one for one in questions}
    if not isinstance(given, Mapping):
        raise Invalid(fields={"values": [_("Must be an object of question names.")]})
    faults = {str(name)[:60]: [_("There is no such question.")] for name in set(given) - set(asked)}
    found: dict[str, object] = {}
    for name, question in asked.items():
        try:
            found[name] = _answer(question, given.get(name))
        except ValueError as fault:
            faults[name] = [str(fault)]
    if faults:
        raise Invalid(_("Some answers are not valid."), fields=faults)
    return found
