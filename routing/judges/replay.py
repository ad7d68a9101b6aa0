"""Replays verdicts that came with an import: another project's judge, asked again for nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _
from routing.judges import Answer, Question
from routing.judges.pairwise import Said, answer, refusal


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
    protocols = frozenset({"pairwise"})
    batch = 200
    reads_recorded = True
    persuadable = False

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        return config.model_dump()

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        for question in questions:
            yield _one(question, config)


def _one(question: Question, config: Settings) -> Answer:
    verdict = question.recorded.get(config.annotator)
    if verdict is None:
        return refusal(
            question, _("No verdict of %(annotator)s was recorded for this item.") % {"annotator": config.annotator}
        )
    orders: list[dict[str, Any]] = [{"recorded": verdict}]
    if verdict not in {"left", "right", "tie", "both_bad"}:
        if not config.unparsable_as_tie:
            return refusal(
                question,
                _("The recorded verdict of %(annotator)s could not be read.") % {"annotator": config.annotator},
                orders=orders,
            )
        verdict = "tie"
    confidence = None
    if config.second:
        second = question.recorded.get(config.second)
        orders.append({"recorded": second, "annotator": config.second})
        confidence = 1.0 if second == verdict else 0.5
    said = Said(
        verdict,
        rationale=_("Recorded verdict of %(annotator)s.") % {"annotator": config.annotator},
        confidence=confidence,
    )
    return answer(question, said, orders=orders)


JUDGE = Replay()
