"""Questions with typed answers on each response, the whole item, or each message: yes or no, one, several, a number.

A checklist is one question with several answers. "Cannot tell" is an answer: null.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from pydantic import Field, field_validator

from annotation.protocols import Config, Content, Controls, Key, Preference, Shape, Value, check_keys, questions
from annotation.protocols.asking import Asked, Task
from annotation.protocols.choosing import (
    ITEM,
    ByPart,
    Faults,
    Target,
    as_record,
    canonical,
    check_targets,
    each_record,
    is_target,
    needed,
    ordered,
    rail,
    record_target,
    said_of,
    shown_name,
    target_of,
    targets,
    undecided,
)
from annotation.protocols.questions import Question
from common.words import gettext_noop


class LabelsConfig(Config):
    target: Target = Field(
        "responses",
        title=gettext_noop("What the questions are about"),
        description=gettext_noop("Each response, the whole item, or each message of the conversation."),
    )
    questions: list[Question] = Field(
        default_factory=lambda: [
            Question(key="follows", label=gettext_noop("Does it do what was asked?"), cannot_tell=True)
        ],
        min_length=1,
        max_length=20,
        title=gettext_noop("Questions"),
        description=gettext_noop(
            "Each has a key, a label and a kind: yes_no, single or multiple (with options), number. required and "
            "cannot_tell are true or false."
        ),
    )

    @field_validator("questions")
    @classmethod
    def questions_differ(cls, questions: list[Question]) -> list[Question]:
        if len({question.key for question in questions}) < len(questions):
            raise ValueError(_("Two questions have the same key."))
        return questions


class Labels(ByPart, Asked):
    key = "labels"
    title = gettext_lazy("Labels and checklist")
    asks = gettext_lazy("What is true of it?")
    Config = LabelsConfig
    form_template = "annotation/protocols/labels.html"
    script = "annotation/protocols/rail.js"
    record_kinds = ("labels",)
    reads_text = True  # the number of messages is known with them
    on_cards = True
    keys: tuple[Key, ...] = ()

    def in_dock(self, config: Value) -> bool:
        kinds = [question["kind"] for question in config["questions"]]
        return config["target"] == "responses" or (config["target"] == ITEM and kinds in (["yes_no"], ["number"]))

    def check_item(self, shape: Shape, config: Value) -> str:
        if config["target"] == "responses" and not shape.responses:
            return _("there is no response to ask about")
        return ""

    # The page

    def controls(self, config: Value, answer: Value, content: Content) -> Controls:
        answers = answer.get("answers") or {}
        drawn = {
            name: {"groups": [questions.drawn(one, name, answers.get(name) or {}) for one in config["questions"]]}
            for name in targets(config["target"], content)
        }
        if config["target"] == "responses":
            return Controls({"rail": []}, drawn)
        return Controls({"rail": rail(drawn, content)})

    def read_posted(self, parts: Mapping[str, list[str]], config: Value) -> Value | None:
        kinds = {question["key"]: question["kind"] for question in config["questions"]}
        answers: dict[str, Value] = {}
        for part, posted in parts.items():
            name, _dot, key = part.partition(".")
            texts = [text for text in posted if text]
            if texts:
                answers.setdefault(name, {})[key] = questions.read(texts, kinds.get(key, ""))
        return {"answers": answers} if answers else None

    def as_posted(self, answer: Value, config: Value) -> list[tuple[str, str]]:
        return [
            (f"{name}.{key}", text)
            for name, answers in (answer.get("answers") or {}).items()
            for key, said in answers.items()
            for text in questions.posted(said)
        ]

    def in_words(self, answer: Value, config: Value) -> list[str]:
        answers, lines = answer.get("answers") or {}, []
        for name in ordered(answers):
            for question in config["questions"]:
                if question["key"] in answers[name]:
                    words = {
                        "question": question["label"],
                        "answer": questions.words(answers[name][question["key"]], question),
                    }
                    lines.append(said_of(name, pgettext("labels", "%(question)s %(answer)s") % words))
        return lines or [_("Nothing answered")]

    # Values

    def normal_form(self, raw: object, config: Value, content: Content) -> Value:
        given, faults = check_keys(raw, ("answers",)), Faults()
        found = given.get("answers")
        if not isinstance(found, dict):
            faults.add("answers", _("Must be an object."))
            faults.check()
        said = check_targets(found if isinstance(found, dict) else {}, config["target"], content)
        names = {name: name for name in targets(config["target"], content)}
        if config["target"] == "responses":
            names = {one.letter: str(one.id) for one in content.displayed}
        answers = {
            stored: self._answers(said.get(stored, (name, {}))[1], name, config, faults)
            for name, stored in names.items()
        }
        faults.check()
        kept = {name: one for name, one in sorted(answers.items()) if one}
        if not kept:
            faults.add("answers", _("There is no answer."))
            faults.check()
        return {"answers": kept}

    def _answers(self, said: object, name: str, config: Value, faults: Faults) -> Value:
        """{question: answer} of one target; a question left out is absent."""
        if not isinstance(said, dict):
            faults.add(name, _("Must be an object."))
            return {}
        for key in said.keys() - {question["key"] for question in config["questions"]}:
            faults.add(f"{name}.{key}", _("There is no such question."))
        answers: Value = {}
        for question in config["questions"]:
            key = question["key"]
            if key not in said:
                if question["required"]:
                    faults.add(f"{name}.{key}", needed(said_of(name, question["label"])))
                continue
            if wrong := questions.wrong(said[key], question):
                faults.add(f"{name}.{key}", said_of(name, f"{question['label']} {wrong}"))
            answers[key] = questions.in_order(said[key], question)
        return answers

    def display_form(self, value: Value, content: Content) -> Value:
        answers = value.get("answers") or {}
        return {"answers": {shown_name(name, content): dict(one) for name, one in answers.items()}} if answers else {}

    def from_record(self, record: Mapping[str, Any], names: Mapping[str, int], content: Content) -> Value:
        answers: dict[str, Value] = {}
        for one in each_record(record):
            target, found = target_of(one, names), one.get("labels")
            if target is None or target in answers or not isinstance(found, dict) or not found:
                return {"raw": dict(record)}
            if not all(questions.typed(said) for said in found.values()):
                return {"raw": dict(record)}
            answers[target] = dict(found)
        return {"answers": answers}

    def to_record(self, value: Value, names: Mapping[int, str]) -> Value:
        if "raw" in value:
            return dict(value["raw"])
        parts = [record_target(name, names) | {"labels": dict(one)} for name, one in value["answers"].items()]
        return as_record("labels", parts)

    # Labels: each question of each target is voted on.

    def ballots(self, value: Value) -> dict[str, str]:
        answers = {name: one for name, one in (value.get("answers") or {}).items() if is_target(name)}
        return {f"{name}.{key}": canonical(said) for name, one in answers.items() for key, said in one.items()}

    def elected(self, won: Mapping[str, str | None], values: Sequence[Value]) -> Value:
        answers: dict[str, Value] = {}
        for part, outcome in sorted(won.items()):
            name, _dot, key = part.partition(".")
            if outcome is not None:
                answers.setdefault(name, {})[key] = json.loads(outcome)
        return {"answers": answers} | undecided(won)

    def distance(self, left: Value, right: Value) -> float:
        """The mean over questions: 1 where answers differ; of several answers, the share that only one of them gave."""
        ours, theirs = self.ballots(left), self.ballots(right)
        parts = {*ours, *theirs}
        return sum(_apart(ours.get(part), theirs.get(part)) for part in parts) / len(parts) if parts else 0.0

    def preferences(self, value: Value, soft: Mapping[str, float] | None = None) -> list[Preference]:
        """None: a label says what a response is, not which of two is better."""
        return []

    # Judges

    def question(self, config: Value, content: Content) -> Task:
        names = targets(config["target"], content)
        answers = "{" + ", ".join(f'"{one["key"]}": …' for one in config["questions"]) + "}"
        return Task(
            "You answer questions about a text.",
            "What are the answers?",
            {"answers": "{" + ", ".join(f'"{name}": {answers}' for name in names) + "}"},
            [questions.told(one) for one in config["questions"]],
            ("answers",),
        )


def _apart(ours: str | None, theirs: str | None) -> float:
    if ours == theirs:
        return 0.0
    a, b = (json.loads(said) if said is not None else None for said in (ours, theirs))
    if not isinstance(a, list) or not isinstance(b, list):
        return 1.0
    return 1 - len({*a} & {*b}) / len({*a} | {*b})


PROTOCOL = Labels()
