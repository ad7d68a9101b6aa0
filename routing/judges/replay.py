"""Replays verdicts that came with an import: another project's judge, asked again for nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from annotation.protocols import PROTOCOLS, protocol
from common.words import gettext_noop as _
from routing.judges import Answer, Question, refusal
from routing.judges.pairwise import Said, answer
from routing.judges.readings import content_of
from routing.judges.readings import orders as as_is


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    annotator: str = Field(
        min_length=1,
        max_length=200,
        title=_("Annotator"),
        description=_("The recorded judge's name in the import, e.g. gpt-3.5-turbo."),
    )
    second: str = Field(
        "",
        max_length=200,
        title=_("Second judge"),
        description=_("Another recorded judge; the confidence is 1 where both say the same, else 0.5. Empty: none."),
    )
    unparsable_as_tie: bool = Field(
        False,
        title=_("Unusable verdicts are ties"),
        description=_("Off: an item whose recorded verdict was unusable goes to people."),
    )


class Replay:
    key = "replay"
    title = _("Replay of recorded verdicts")
    description = _("Says what a judge said in an import, at no cost; what it did not say goes to people.")
    Config = Settings
    protocols = frozenset(PROTOCOLS)
    batch = 200
    reads_recorded = True
    persuadable = False

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        return config.model_dump()

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        for question in questions:
            yield _one(question, config)


def _one(question: Question, config: Settings) -> Answer:
    value = question.recorded.get(config.annotator)
    if value is None:
        return refusal(
            question, _("No verdict of %(annotator)s was recorded for this item.") % {"annotator": config.annotator}
        )
    orders: list[dict[str, Any]] = [_kept(question, value)]
    if not _usable(question, value):
        if not (config.unparsable_as_tie and question.protocol == "pairwise"):
            return refusal(
                question,
                _("The recorded verdict of %(annotator)s could not be read.") % {"annotator": config.annotator},
                orders=orders,
            )
        value = {"choice": "tie"}
    confidence = None
    if config.second:
        second = question.recorded.get(config.second, {})
        orders.append(_kept(question, second) | {"annotator": config.second})
        confidence = 1.0 if _same(question, value, second) else 0.5
    if question.protocol == "pairwise":
        rationale = _("Recorded verdict of %(annotator)s.") % {"annotator": config.annotator}
        return answer(question, Said(value["choice"], rationale=rationale, confidence=confidence), orders=orders)
    return Answer(question.call_id, question.field, dict(value), confidence, tuple(orders))


def _kept(question: Question, value: Mapping[str, Any]) -> dict[str, Any]:
    if "choice" in value:
        return {"recorded": value["choice"]}
    content = content_of(question, as_is(question, both=False)[0])
    return {"verdict": protocol(question.protocol).display_form(dict(value), content)} if value else {"recorded": ""}


def _usable(question: Question, value: Mapping[str, Any]) -> bool:
    if question.protocol == "pairwise":
        return value.get("choice") in {"left", "right", "tie", "both_bad"}
    return bool(value) and "raw" not in value


def _same(question: Question, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return _usable(question, other) and protocol(question.protocol).distance(dict(one), dict(other)) == 0


JUDGE = Replay()
