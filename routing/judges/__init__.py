"""Judges: one file each. A judge is a rater that is a machine: questions in, answers out.

It never writes: `routing.services.calls` puts what it says through the same door as a person's answer.
To add one: docs/how-to/add-a-judge.md.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, cast

from pydantic import BaseModel

from common.plugs import load

JUDGES: dict[str, str] = {
    "replay": "routing.judges.replay:JUDGE",
    "simulated": "routing.judges.simulated:JUDGE",
    "openai_compatible": "routing.judges.openai_compatible:JUDGE",
    "reward_model": "routing.judges.reward_model:JUDGE",
    "local_lm": "routing.judges.local_lm:JUDGE",
    "jury": "routing.judges.jury:JUDGE",
}

# Seconds in which a judge must have answered, or given up on, one batch of its own size. A worker's claim on calls is
# taken for lost some time after that (`routing.services.calls.STALE_SECONDS`).
PATIENCE = 240


@dataclass(frozen=True)
class Question:
    """One field of the form asked about one item. `responses`: (id, messages), in the item's own order: left, right.

    `key` is stable for the item (its external id): what a judge draws at random, it draws from that. `guideline`: what
    the project tells its people; `context`: passages that came with the prompt.
    `recorded`: {annotator: value} known from an import, in normal form, only for a judge that `reads_recorded`.
    `fresh`: what was kept of an earlier asking will not do.
    """

    call_id: int
    key: str
    field: str
    protocol: str
    config: Mapping[str, Any]
    prompt: Sequence[Mapping[str, Any]]
    responses: Sequence[tuple[int, Sequence[Mapping[str, Any]]]]
    guideline: str = ""
    context: Sequence[str] = ()
    recorded: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    fresh: bool = False


@dataclass(frozen=True)
class Answer:
    """What a judge said to one question.

    `value`: as its protocol's `normal_form` takes it; None: not usable, people are asked, `error` says why.
    `passing`: the fault may pass (a time-out, a busy endpoint), so the call may be made again.
    `orders`: per order asked, what was said: kept for whoever looks into the call. `cost` in the project's currency.
    """

    call_id: int
    field: str
    value: dict[str, Any] | None
    confidence: float | None = None
    orders: tuple[dict[str, Any], ...] = ()
    tokens: int = 0
    cost: float = 0.0
    error: str = ""
    passing: bool = False


def refusal(
    question: Question, error: str, *, orders: Sequence[dict[str, Any]] = (), passing: bool = False, **rest: Any
) -> Answer:
    """No usable value, and why; `passing`, `orders`, `rest`: as Answer has them."""
    return Answer(question.call_id, question.field, None, None, tuple(orders), error=error, passing=passing, **rest)


class Judge(Protocol):
    """The interface of every judge. `Config` forbids unknown fields and holds no secret."""

    key: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    protocols: ClassVar[frozenset[str]]
    batch: ClassVar[int]
    reads_recorded: ClassVar[bool]
    persuadable: ClassVar[bool]
    """Whether a text that it reads could talk it into a verdict: planted cases are then put to it."""

    def identity(self, config: Any, project_id: int) -> dict[str, Any]:
        """All that could change a verdict (model, prompt, parser, sampling). Raises Invalid for what cannot work."""
        ...

    def ask(self, questions: Sequence[Question], config: Any, project_id: int) -> Iterator[Answer]:
        """One answer a question, in any order, each as soon as known; within PATIENCE seconds for `batch` of them.

        What is wrong with one question is an Answer with `error`, never an exception.
        """
        ...


def identity_hash(identity: Mapping[str, Any]) -> str:
    """What a judge goes by as a rater; `identity`: its kind and what the kind's `identity` says."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def judge(key: str) -> Judge:
    """The judge of kind `key`. Raises Invalid where there is none."""
    return cast(Judge, load(JUDGES, key, "judge"))
