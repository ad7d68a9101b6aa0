"""A simulated judge after AlpacaFarm (Dubois et al. 2023): a pool of scorers, one drawn for each item, whose verdict is
flipped at random with a set probability, as people differ from each other and from themselves.

Everything random is drawn from the seed and the item's key: the same item always gets the same verdict.
"""

import math
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop
from routing.judges import Answer, Question
from routing.judges.pairwise import Said, answer, merge
from routing.judges.scores import ANSWERED, Scored, from_scores
from routing.texts import plain_text

COURTESY = ["please", "thank", "thanks", "sorry", "welcome", "glad", "happy", "kindly", "appreciate", "hope"]


class Scorer(BaseModel):
    """Weights of what one simulated mind values. Each feature lies in [0, 1], so weights compare."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(title=gettext_noop("Name"), min_length=1, max_length=60)
    brevity: float = Field(
        title=gettext_noop("Brevity"),
        default=0,
        ge=-10,
        le=10,
        description=gettext_noop("1 at no words, ½ at 40 words."),
    )
    length: float = Field(
        title=gettext_noop("Length"), default=0, ge=-10, le=10, description=gettext_noop("The opposite of brevity.")
    )
    courtesy: float = Field(
        title=gettext_noop("Courtesy"),
        default=0,
        ge=-10,
        le=10,
        description=gettext_noop("1 where one of the courtesy words stands in it."),
    )
    overlap: float = Field(
        title=gettext_noop("Overlap"),
        default=0,
        ge=-10,
        le=10,
        description=gettext_noop("The share of the prompt's words that the response takes up."),
    )
    noise: float = Field(
        title=gettext_noop("Noise"),
        default=0,
        ge=0,
        le=10,
        description=gettext_noop("Standard deviation of a random part of the score."),
    )
    position_bias: float = Field(
        title=gettext_noop("Position bias"),
        default=0,
        ge=-10,
        le=10,
        description=gettext_noop("Added to whichever response is shown first."),
    )


def _pool() -> list[Scorer]:
    return [
        Scorer(name="terse", brevity=2, overlap=1, courtesy=0.5, noise=0.1),
        Scorer(name="warm", courtesy=2, brevity=1, overlap=0.5, noise=0.1),
        Scorer(name="literal", overlap=2, brevity=1, courtesy=1, noise=0.1),
        Scorer(name="hasty", brevity=1, courtesy=1, overlap=1, noise=0.4, position_bias=0.2),
    ]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title=gettext_noop("Seed"),
        description=gettext_noop("The same seed gives the same verdicts."),
    )
    flip: float = Field(
        0.25,
        ge=0,
        le=0.5,
        title=gettext_noop("Flips"),
        description=gettext_noop("The probability that a verdict is turned round; AlpacaFarm's is 0.25."),
    )
    tie_margin: float = Field(
        0.02,
        ge=0,
        le=10,
        title=gettext_noop("Tie margin"),
        description=gettext_noop("Scores closer than this are a tie."),
    )
    temperature: float = Field(
        0.5,
        gt=0,
        le=100,
        title=gettext_noop("Temperature"),
        description=gettext_noop("The score gap at which the judge is 73 % sure."),
    )
    both_orders: bool = Field(
        True,
        title=gettext_noop("Ask in both orders"),
        description=gettext_noop("Off: the position bias shows in the verdicts."),
    )
    courtesy_words: list[str] = Field(
        default_factory=lambda: list(COURTESY), max_length=500, title=gettext_noop("Courtesy words")
    )
    pool: list[Scorer] = Field(
        default_factory=_pool, min_length=1, max_length=50, title=gettext_noop("Pool of scorers")
    )


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def score(scorer: Scorer, prompt: str, response: str, courtesy: set[str]) -> float:
    """The weighted sum of the features, without noise and position."""
    told, asked = words(response), set(words(prompt))
    brevity = 40 / (40 + len(told))
    polite = float(any(word in courtesy for word in told))
    overlap = len(asked & set(told)) / len(asked) if asked else 0.0
    return (
        scorer.brevity * brevity + scorer.length * (1 - brevity) + scorer.courtesy * polite + scorer.overlap * overlap
    )


class Simulated:
    key = "simulated"
    title = gettext_noop("Simulated judge")
    description = gettext_noop(
        "A pool of simple scorers with random flips: to rehearse a project before anybody is paid."
    )
    Config = Settings
    protocols = ANSWERED
    batch = 200
    reads_recorded = False
    persuadable = False

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        return config.model_dump()

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        for question in questions:
            yield _one(question, config)


def _one(question: Question, config: Settings) -> Answer:
    chance = random.Random(f"{config.seed}/{question.key}/{question.field}")  # noqa: S311  a simulation
    scorer = chance.choice(config.pool)
    courtesy = {word.lower() for word in config.courtesy_words}
    prompt = plain_text(question.prompt)
    scores = [score(scorer, prompt, plain_text(messages), courtesy) for _, messages in question.responses]
    scores = [one + chance.gauss(0, scorer.noise) for one in scores]
    flipped = chance.random() < config.flip
    rationale = gettext_noop("The simulated judge %(name)s said so.") % {"name": scorer.name}
    if question.protocol == "pairwise":
        return _compared(question, scorer, scores, config, chance, flipped, rationale)
    # Out of sight of the others a response has no place: only what is shown first gains, once in each order asked.
    shown = (0, len(scores) - 1) if config.both_orders else (chance.choice((0, len(scores) - 1)),)
    for first in shown:
        scores[first] += scorer.position_bias / len(shown)
    best = scorer.brevity + scorer.length + scorer.courtesy + scorer.overlap
    if flipped:
        scores = [best - one for one in scores]
    ends = {"low": 0.0, "high": best} if best > 0 else {}
    scored = Scored(scores, [scores], config.tie_margin, config.temperature, **ends)
    orders = [{"scorer": scorer.name, "scores": [round(one, 6) for one in scores], "flipped": flipped}]
    return from_scores(question, scored, rationale=rationale, orders=orders)


def _compared(
    question: Question,
    scorer: Scorer,
    scores: Sequence[float],
    config: Settings,
    chance: random.Random,
    flipped: bool,
    rationale: str,
) -> Answer:
    gap = scores[0] - scores[1]
    said, orders = [], []
    for first in ("left", "right") if config.both_orders else (chance.choice(("left", "right")),):
        biased = gap + (scorer.position_bias if first == "left" else -scorer.position_bias)
        choice = "tie" if abs(biased) <= config.tie_margin else "left" if biased > 0 else "right"
        said.append(Said(choice, 1 / (1 + math.exp(-max(-700.0, min(700.0, biased / config.temperature))))))
        orders.append(
            {"first": first, "scorer": scorer.name, "gap": round(biased, 6), "choice": choice, "flipped": flipped}
        )
    verdict = replace(merge(said), rationale=rationale)
    if flipped and verdict.choice in {"left", "right"}:
        verdict = replace(verdict, choice="right" if verdict.choice == "left" else "left")
    return answer(question, verdict, orders=orders)


JUDGE = Simulated()
