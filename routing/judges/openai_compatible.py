"""A language model behind an endpoint that speaks the OpenAI protocol (vLLM, Ollama, and the like).

What to ask and how to read it is `routing.judges.asking`'s; here it is carried: one item a request, one choice a
request (endpoints differ in more), no tools.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import openai
from django.core.cache import cache
from pydantic import BaseModel, Field, model_validator

from common.errors import Invalid
from common.words import gettext_noop
from routing.judges import Answer, Question, refusal
from routing.judges.asking import Asking, Reply, Request
from routing.judges.batches import Batch, Fetched, Job
from routing.judges.endpoint import Choice, Completion, check_host, complete, connected
from routing.judges.limits import Limits
from routing.judges.manner import Manner
from routing.judges.prompts import prompt

# Seconds for one batch of questions with all retries; under `PATIENCE`. What was replied until then is kept.
DEADLINE = 200
CACHE_SECONDS = 7 * 24 * 3600
BATCH = 8


class Address(BaseModel, extra="forbid"):
    """Whom to ask."""

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


# Fields stand in the form in the order of the bases, the last base first.
class Settings(Manner, Address):
    temperature: float = Field(
        0,
        ge=0,
        le=2,
        title=gettext_noop("Temperature"),
        description=gettext_noop("0: as repeatable as the endpoint is."),
    )
    max_tokens: int = Field(
        800, ge=16, le=8000, title=gettext_noop("Longest reply"), description=gettext_noop("In tokens.")
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
    at_once: int = Field(
        8,
        ge=1,
        le=64,
        title=gettext_noop("Requests at a time"),
        description=gettext_noop("By all workers together, to this model at this address with this key."),
    )
    per_minute: int = Field(
        0,
        ge=0,
        le=100_000,
        title=gettext_noop("Requests a minute"),
        description=gettext_noop("By all workers together, spread evenly. 0: no limit."),
    )
    price_in: float = Field(
        0, ge=0, le=1000, title=gettext_noop("Price of input"), description=gettext_noop("Per million tokens.")
    )
    price_out: float = Field(
        0, ge=0, le=1000, title=gettext_noop("Price of output"), description=gettext_noop("Per million tokens.")
    )

    @model_validator(mode="after")
    def _samples_can_differ(self) -> "Settings":
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(gettext_noop("several samples need a temperature above 0"))
        return self

    @model_validator(mode="after")
    def _within_the_deadline(self) -> "Settings":
        steps = 2 if prompt(self.template).reference else 1
        if self.timeout * (self.retries + 1) * steps > DEADLINE:
            raise ValueError(
                gettext_noop("patience × (retries + 1) × steps of the prompt must not exceed %(deadline)s seconds")
                % {"deadline": DEADLINE}
            )
        requests = BATCH * (self.samples * (2 if self.both_orders else 1) + steps - 1)
        needed = math.ceil(requests * 60 / DEADLINE)
        if 0 < self.per_minute < needed:
            raise ValueError(
                gettext_noop("%(needed)s requests a minute are needed for a batch of items to be judged in time")
                % {"needed": needed}
            )
        return self


class OpenAICompatible:
    key = "openai_compatible"
    title = gettext_noop("Language model behind an endpoint")
    description = gettext_noop("Asks any endpoint that speaks the OpenAI protocol, in both orders.")
    Config = Settings
    protocols = frozenset(
        {"pairwise", "best_of_n", "ranking", "rating", "thumbs", "labels", "critique", "spans"},
    )
    batch = BATCH
    reads_recorded = False
    persuadable = True

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        check_host(config.base_url)
        kept = {"base_url", "model", "temperature", "max_tokens", "json_mode"}
        return config.model_dump(include=kept) | config.identity()

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        """Asks all questions at once, as far as the limit lets it; what hangs beyond the deadline is given up."""
        pool = ThreadPoolExecutor(config.at_once)
        deadline = time.monotonic() + DEADLINE
        try:
            with connected(config.base_url, config.api_key_env, config.timeout) as client:
                jobs, refused = _jobs(questions, config)
                yield from refused
                batch = Batch(pool, Fetch(client, config, deadline), jobs)
                while batch.running:
                    left = max(0.0, deadline - time.monotonic())
                    done, _ = wait(batch.running, timeout=left + 10, return_when=FIRST_COMPLETED)
                    if not done:
                        break
                    yield from (job.answer() for job in batch.took(done))
                for job in batch.given_up():
                    job.fault = gettext_noop("The endpoint did not answer in time.")
                    yield job.answer()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _jobs(questions: Sequence[Question], config: Settings) -> tuple[list[Job], list[Answer]]:
    """What can be asked, and the refusals of what cannot."""
    jobs, refused = [], []
    for question in questions:
        try:
            jobs.append(Job(question, Asking(question, config)))
        except Invalid as fault:
            refused.append(refusal(question, fault.detail))
    return jobs, refused


class Fetch:
    """Carries requests to the endpoint, or finds their replies where they were kept."""

    def __init__(self, client: openai.OpenAI, config: Settings, deadline: float) -> None:
        self._client, self._config, self._deadline = client, config, deadline
        asked = json.dumps([config.base_url, config.model, config.api_key_env])
        name = hashlib.sha256(asked.encode()).hexdigest()[:32]
        self._limits = Limits(name, at_once=config.at_once, per_minute=config.per_minute)

    def __call__(self, request: Request) -> Fetched:
        """Raises Silent."""
        config, body = self._config, self._body(request)
        # The fence in the messages is random, so a request is known by what it is about.
        settings = {key: value for key, value in body.items() if key != "messages"}
        about = json.dumps([config.base_url, settings, request.about, request.sample], sort_keys=True)
        name = f"judge:{hashlib.sha256(about.encode()).hexdigest()}"
        kept = None if request.fresh else cache.get(name)
        if kept is not None:
            choice = Completion.model_validate(kept).choices[0]
            return Fetched(request, _reply(request, choice, {"cached": True}), 0, 0.0)
        found = complete(
            self._client,
            body,
            limits=self._limits,
            timeout=config.timeout,
            retries=config.retries,
            deadline=self._deadline,
        )
        cache.set(name, found.model_dump(), CACHE_SECONDS)
        used, estimated = found.used(body)
        cost = (used.prompt_tokens * config.price_in + used.completion_tokens * config.price_out) / 1e6
        note = {"cached": False} | ({"estimated": True} if estimated else {})
        return Fetched(
            request, _reply(request, found.choices[0], note), used.prompt_tokens + used.completion_tokens, cost
        )

    def _body(self, request: Request) -> dict[str, Any]:
        config = self._config
        body: dict[str, Any] = {
            "model": config.model,
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
            "messages": request.messages,
        }
        body |= {"seed": request.sample} if config.temperature > 0 else {}
        if request.as_json:
            body |= {"response_format": {"type": "json_object"}} if config.json_mode else {}
            body |= {"logprobs": True, "top_logprobs": 5} if config.logprobs else {}
        return body


def _reply(request: Request, choice: Choice, note: dict[str, Any]) -> Reply:
    fault = ""
    if choice.message.tool_calls:
        fault = gettext_noop("The judge called a tool; it has none.")
    # An answer of the judge's own serves as a yardstick even where it breaks off.
    elif choice.finish_reason not in {"stop", None} | (set() if request.as_json else {"length"}):
        fault = (gettext_noop("The reply broke off (%(why)s).") % {"why": choice.finish_reason})[:200]
    tokens = [token.model_dump() for token in (choice.logprobs.content if choice.logprobs else None) or []]
    return Reply(choice.message.content or "", tokens, fault, note)


JUDGE = OpenAICompatible()
