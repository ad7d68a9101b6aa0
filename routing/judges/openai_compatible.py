"""A language model behind an endpoint that speaks the OpenAI protocol (vLLM, Ollama, and the like).

The protocol of the form says what to ask and reads the reply; one item an asking, no tools.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import openai
from django.core.cache import cache
from pydantic import BaseModel, ConfigDict, Field, model_validator

from annotation.protocols import askable
from common.words import gettext_noop
from routing.judges import Answer, Question
from routing.judges.endpoint import Choice, Completion, Silent, Usage, check_host, complete, connected
from routing.judges.logprobs import probability_of_a
from routing.judges.pairwise import Said, answer, merge, plain_text, refusal

# Part of a judge's identity: raise it when a protocol's question or the reading of its answer changes.
VERSION = "questions-1"
# Seconds for one question, both orders and all retries; under `PATIENCE`.
DEADLINE = 200
CACHE_SECONDS = 7 * 24 * 3600


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = Field(
        max_length=300,
        title=gettext_noop("Address"),
        description=gettext_noop("E.g. http://gpu1:8000/v1; the host must be in JUDGE_ALLOWED_HOSTS."),
    )
    model: str = Field(min_length=1, max_length=200, title=gettext_noop("Model"))
    api_key_env: str = Field(
        "",
        pattern=r"^(PREFLOOP_JUDGE_KEY_[A-Z0-9_]{1,60})?$",
        title=gettext_noop("Variable with the key"),
        description=gettext_noop(
            "The workers' environment variable that carries it, PREFLOOP_JUDGE_KEY_…; empty: no key."
        ),
    )
    guideline: bool = Field(
        True,
        title=gettext_noop("Tell it the guideline"),
        description=gettext_noop("The judge reads what the project tells its people."),
    )
    temperature: float = Field(
        0,
        ge=0,
        le=2,
        title=gettext_noop("Temperature"),
        description=gettext_noop("0: as repeatable as the endpoint is."),
    )
    max_tokens: int = Field(
        300, ge=16, le=4000, title=gettext_noop("Longest reply"), description=gettext_noop("In tokens.")
    )
    both_orders: bool = Field(
        True,
        title=gettext_noop("Ask in both orders"),
        description=gettext_noop("Twice the price; without it a bias for a position goes unseen."),
    )
    json_mode: bool = Field(
        True,
        title=gettext_noop("Ask for JSON mode"),
        description=gettext_noop("Off for endpoints that do not know response_format."),
    )
    logprobs: bool = Field(
        True,
        title=gettext_noop("Ask for log-probabilities"),
        description=gettext_noop("The confidence is read from them. Off for endpoints that do not know them."),
    )
    timeout: float = Field(
        30, ge=1, le=120, title=gettext_noop("Patience"), description=gettext_noop("Seconds for one request.")
    )
    retries: int = Field(
        2,
        ge=0,
        le=5,
        title=gettext_noop("Retries"),
        description=gettext_noop("Of one request, when the endpoint is busy, failing or silent."),
    )
    price_in: float = Field(
        0, ge=0, le=1000, title=gettext_noop("Price of input"), description=gettext_noop("Per million tokens.")
    )
    price_out: float = Field(
        0, ge=0, le=1000, title=gettext_noop("Price of output"), description=gettext_noop("Per million tokens.")
    )

    @model_validator(mode="after")
    def _within_the_deadline(self) -> "Settings":
        if self.timeout * (self.retries + 1) * (2 if self.both_orders else 1) > DEADLINE:
            raise ValueError(
                gettext_noop("patience × (retries + 1) × orders must not exceed %(deadline)s seconds")
                % {"deadline": DEADLINE}
            )
        return self


class Unusable(Exception):
    """A reply that does not count."""


class OpenAICompatible:
    key = "openai_compatible"
    title = gettext_noop("Language model behind an endpoint")
    description = gettext_noop("Asks any endpoint that speaks the OpenAI protocol, in both orders.")
    Config = Settings
    protocols = frozenset({"pairwise"})
    batch = 8
    reads_recorded = False

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        check_host(config.base_url)
        kept = {"base_url", "model", "guideline", "temperature", "max_tokens", "both_orders", "json_mode"}
        return {"prompt": VERSION, **config.model_dump(include=kept)}

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        """Asks all questions at once, each in a thread of its own; what hangs beyond the deadline is given up."""
        pool = ThreadPoolExecutor(self.batch)
        try:
            with connected(config.base_url, config.api_key_env, config.timeout) as client:
                deadline = time.monotonic() + DEADLINE
                waiting = {pool.submit(_one, client, question, config, deadline): question for question in questions}
                while waiting:
                    left = max(0.0, deadline - time.monotonic())
                    done, _ = wait(waiting, timeout=left + 10, return_when=FIRST_COMPLETED)
                    if not done:
                        break
                    for future in done:
                        del waiting[future]
                        yield future.result()
                for question in waiting.values():
                    yield refusal(question, gettext_noop("The endpoint did not answer in time."), passing=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one(client: openai.OpenAI, question: Question, config: Settings, deadline: float) -> Answer:
    """One question in one or both orders."""
    orders: list[dict[str, Any]] = []
    said: list[Said] = []
    spent: dict[str, Any] = {"tokens": 0, "cost": 0.0}
    try:
        for first in ("left", "right") if config.both_orders else ("left",):
            completion, cached = _completion(client, question, first, config, deadline)
            usage = Usage() if cached else completion.usage or Usage()
            spent["tokens"] += usage.prompt_tokens + usage.completion_tokens
            spent["cost"] += (usage.prompt_tokens * config.price_in + usage.completion_tokens * config.price_out) / 1e6
            raw = (completion.choices[0].message.content or "")[:4000]
            orders.append({"first": first, "raw": raw, "cached": cached})
            said.append(_said(question, first, completion.choices[0]))
            orders[-1] |= {"choice": said[-1].choice, "p_left": said[-1].p_left}
    except Unusable as fault:
        return refusal(question, str(fault), orders=orders, **spent)
    except Exception as fault:  # what one question does must not lose the others
        text = (
            str(fault)
            if isinstance(fault, Silent)
            else gettext_noop("The judge failed: %(kind)s: %(fault)s") % {"kind": type(fault).__name__, "fault": fault}
        )
        return refusal(question, text[:500], orders=orders, passing=True, **spent)
    return answer(question, merge(said), orders=orders, **spent)


def _said(question: Question, first: str, choice: Choice) -> Said:
    """One reply, read by the question's protocol, in the item's own order. Raises Unusable."""
    if choice.message.tool_calls:
        raise Unusable(gettext_noop("The judge called a tool; it has none."))
    if choice.finish_reason not in {"stop", None}:
        raise Unusable((gettext_noop("The reply broke off (%(why)s).") % {"why": choice.finish_reason})[:200])
    found = askable(question.protocol).read_answer(choice.message.content or "", dict(question.config))
    if found is None:
        raise Unusable(gettext_noop("The reply is not of the form asked for."))
    tokens = [token.model_dump() for token in (choice.logprobs.content if choice.logprobs else None) or []]
    p_a = probability_of_a(tokens)
    sides = {"A": "left", "B": "right"} if first == "left" else {"A": "right", "B": "left"}
    return Said(
        choice=sides.get(str(found["choice"]), str(found["choice"])),
        p_left=p_a if p_a is None or first == "left" else 1 - p_a,
        strength=found.get("strength", 0),
        rationale=found.get("rationale", ""),
    )


def _completion(
    client: openai.OpenAI, question: Question, first: str, config: Settings, deadline: float
) -> tuple[Completion, bool]:
    """The endpoint's completion and whether it was kept from before. Raises Silent."""
    request: dict[str, Any] = {
        "model": config.model,
        "temperature": config.temperature,
        "max_tokens": config.max_tokens,
    }
    request |= {"response_format": {"type": "json_object"}} if config.json_mode else {}
    request |= {"logprobs": True, "top_logprobs": 5} if config.logprobs else {}
    texts = [plain_text(messages) for _, messages in question.responses]
    asked: dict[str, Any] = {
        "config": dict(question.config),
        "prompt": list(question.prompt),
        "shown": texts if first == "left" else texts[::-1],
        "guideline": question.guideline if config.guideline else "",
    }
    # The fence in the messages is random, so a request is known by what it is about.
    about = json.dumps([VERSION, config.base_url, request, question.protocol, asked], sort_keys=True)
    name = f"judge:{hashlib.sha256(about.encode()).hexdigest()}"
    kept = cache.get(name)
    if kept is not None:
        return Completion.model_validate(kept), True
    request["messages"] = askable(question.protocol).question(**asked)
    found = complete(client, request, timeout=config.timeout, retries=config.retries, deadline=deadline)
    cache.set(name, found.model_dump(), CACHE_SECONDS)
    return found, False


JUDGE = OpenAICompatible()
