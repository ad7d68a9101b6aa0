"""Reward models of ours as a judge: they score every response, and the scores fill in the form.

Several versions make an ensemble (Coste et al. 2024, "Reward model ensembles help mitigate overoptimization"): a
response counts by the mean of its scores, by the worst of them, or by the mean less a multiple of their variance; the
last two compare scores of different models as they are, so the models should come from one recipe. Where the models
contradict each other, the confidence sinks.
"""

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.errors import Invalid
from common.words import gettext_noop
from corpus.models import ModelVersion
from routing.judges import PATIENCE, Answer, Question, refusal
from routing.judges.child import ChildFailed, answers_of
from routing.judges.scores import ANSWERED, Scored, from_scores
from routing.texts import plain_text


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model_version: str = Field(
        min_length=1,
        max_length=120,
        title=gettext_noop("Reward model"),
        description=gettext_noop("The name of a model version of this project."),
    )
    others: list[str] = Field(
        default_factory=list,
        max_length=9,
        title=gettext_noop("Further reward models"),
        description=gettext_noop("Names of more versions, with commas between them: together they make an ensemble."),
    )
    combine: Literal["mean", "worst", "cautious"] = Field(
        "mean",
        title=gettext_noop("How scores are combined"),
        json_schema_extra={
            "choices": {
                "mean": gettext_noop("mean"),
                "worst": gettext_noop("worst of all"),
                "cautious": gettext_noop("mean less variance"),
            }
        },
        description=gettext_noop("The last two distrust a response that the models disagree on."),
    )
    penalty: float = Field(
        1,
        ge=0,
        le=100,
        title=gettext_noop("Weight of the variance"),
        description=gettext_noop("For “mean less variance”: the variance of the scores is taken off so many times."),
    )
    tie_margin: float = Field(
        0,
        ge=0,
        le=100,
        title=gettext_noop("Tie margin"),
        description=gettext_noop("Scores closer than this are a tie; 0: never."),
    )
    temperature: float = Field(
        1,
        gt=0,
        le=100,
        title=gettext_noop("Temperature"),
        description=gettext_noop("The score gap is divided by this before it becomes a confidence."),
    )
    low: float | None = Field(
        None,
        title=gettext_noop("Score of the lowest point"),
        description=gettext_noop("For ratings and thumbs: the score that stands for the lower end of the scale."),
    )
    high: float | None = Field(
        None,
        title=gettext_noop("Score of the highest point"),
        description=gettext_noop("Without both ends, ratings and thumbs go to people: a score alone has no scale."),
    )

    @property
    def names(self) -> list[str]:
        return [self.model_version, *self.others]

    @model_validator(mode="after")
    def _makes_sense(self) -> "Settings":
        if len(set(self.names)) < len(self.names):
            raise ValueError(gettext_noop("A reward model is named twice."))
        if (self.low is None) != (self.high is None):
            raise ValueError(gettext_noop("Give both ends of the scale, or none."))
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(gettext_noop("The lowest point must lie below the highest."))
        return self


class RewardModel:
    key = "reward_model"
    title = gettext_noop("Reward model of this project")
    description = gettext_noop(
        "Scores every response with one trained reward model or several; it sees no order, so it has no position bias."
    )
    Config = Settings
    protocols = ANSWERED
    batch = 128
    reads_recorded = False
    persuadable = True

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        versions = _versions(config, project_id)
        first, *others = [{"sha256": version.sha256, "id": version.pk} for version in versions]
        kept = config.model_dump(include={"model_version", "tie_margin", "temperature"})
        kept |= config.model_dump(exclude_defaults=True)
        return first | ({"versions": others} if others else {}) | kept

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        ends = time.monotonic() + PATIENCE - 20
        try:
            versions = _versions(config, project_id)
            scores = [_scores(questions, version.path, ends - time.monotonic()) for version in versions]
        except (Invalid, ChildFailed) as fault:
            for question in questions:
                said = gettext_noop("The reward model could not score: %(fault)s") % {"fault": fault}
                yield refusal(question, said[:500], passing=True)
            return
        for number, question in enumerate(questions):
            yield _one(question, [_of(number, question, one) for one in scores], config)


def _versions(config: Settings, project_id: int) -> list[ModelVersion]:
    """The reward models, in the order named. Raises Invalid where one is missing."""
    found = ModelVersion.objects.filter(project_id=project_id, name__in=config.names, kind=ModelVersion.Kind.REWARD)
    known = {version.name: version for version in found if version.path}
    for name in config.names:
        if name not in known:
            fault = gettext_noop("This project has no reward model called %(model_version)s.") % {
                "model_version": repr(name)
            }
            key = "model_version" if name == config.model_version else "others"
            raise Invalid(fault, code="judge-model", fields={key: [fault]})
    return [known[name] for name in config.names]


def _scores(questions: Sequence[Question], folder: str, timeout: float) -> Mapping[str, Mapping[str, Any]]:
    """{"<number of the question>.<place of the response>": {"score"}}; one that could not be made is missing."""
    lines = [
        {
            "id": f"{number}.{place}",
            "messages": [*question.prompt, {"role": "assistant", "content": plain_text(messages)}],
        }
        for number, question in enumerate(questions)
        for place, (_, messages) in enumerate(question.responses)
    ]
    return answers_of("lm.score", [folder], lines, timeout=max(1.0, timeout))


def _of(number: int, question: Question, scores: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """One model's scores of a question's responses, in item order."""
    return [scores.get(f"{number}.{place}", {}).get("score") for place in range(len(question.responses))]


def _one(question: Question, members: Sequence[Sequence[Any]], config: Settings) -> Answer:
    orders = [_kept(name, scores) for name, scores in zip(config.names, members, strict=True)]
    if not all(isinstance(score, int | float) and math.isfinite(score) for one in members for score in one):
        return refusal(question, gettext_noop("The reward model gave no score."), orders=orders)
    total = [combined([one[place] for one in members], config) for place in range(len(question.responses))]
    scored = Scored(total, members, config.tie_margin, config.temperature, config.low, config.high)
    return from_scores(question, scored, rationale=gettext_noop("The reward model's scores say so."), orders=orders)


def _kept(name: str, scores: Sequence[Any]) -> dict[str, Any]:
    """What is kept of a model's scores in the call: of two responses, as left and right."""
    return {"model": name} | (
        dict(zip(("left", "right"), scores, strict=True)) if len(scores) == 2 else {"scores": list(scores)}
    )


def combined(scores: Sequence[float], config: Settings) -> float:
    """What a response counts by: the mean of its scores, the least, or the mean less `penalty` times the variance."""
    if config.combine == "worst":
        return min(scores)
    mean = statistics.fmean(scores)
    return mean - config.penalty * statistics.pvariance(scores) if config.combine == "cautious" else mean


JUDGE = RewardModel()
