"""One completion from an endpoint that speaks the OpenAI protocol, by the official client.

An operator lists the hosts that may be asked. The key goes nowhere else: no redirect is followed, no proxy of the
environment used. Whatever comes back is bounded in time and size and checked before it counts.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai
from django.conf import settings
from pydantic import BaseModel, Field

from common import text
from common.errors import Invalid
from common.said import said as translated
from common.words import gettext_noop as _
from routing.judges.limits import Limits, NoRoom

MAX_BYTES = 1_000_000
LONGEST_PAUSE = 20.0
BYTES_A_TOKEN = 4


class Token(BaseModel):
    token: str
    top_logprobs: list[dict[str, Any]] = []


class Logprobs(BaseModel):
    content: list[Token] | None = None


class Message(BaseModel):
    content: str | None = None
    tool_calls: list[Any] | None = None


class Choice(BaseModel):
    message: Message
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Usage(BaseModel):
    prompt_tokens: int = Field(default=0, ge=0, le=10**7)
    completion_tokens: int = Field(default=0, ge=0, le=10**7)


class Completion(BaseModel):
    """What is read of a completion; endpoints differ in the rest."""

    choices: list[Choice] = Field(min_length=1, max_length=1)
    usage: Usage | None = None

    def used(self, request: dict[str, Any]) -> tuple[Usage, bool]:
        """The tokens, and whether they are an estimate: where the endpoint counts none, so many bytes are one."""
        if self.usage is not None and (self.usage.prompt_tokens or self.usage.completion_tokens):
            return self.usage, False
        asked = sum(len(message["content"].encode()) for message in request["messages"])
        told = len((self.choices[0].message.content or "").encode())
        counts = {"prompt_tokens": -(-asked // BYTES_A_TOKEN), "completion_tokens": -(-told // BYTES_A_TOKEN)}
        return Usage(**counts), True


class Silent(Exception):
    """No completion this time; asking again later may help."""


def check_host(base_url: str) -> None:
    """Raises Invalid unless `base_url` is plain http(s) to a host on the operator's list."""
    fault = _fault(base_url)
    if fault:
        fault = translated(fault)
        raise Invalid(fault, code="judge-host", fields={"base_url": [fault]})


def _fault(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        return _("This is not an address.")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return _("An address starts with http:// or https:// and names a host.")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return _("An address holds no user name, password, query or fragment.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = 443 if parts.scheme == "https" else 80
    names = {f"{host}:{port or usual}"} | ({host} if port in {None, usual} else set())
    if names & {name.lower() for name in settings.JUDGE_ALLOWED_HOSTS}:
        return ""
    return _("This host is not on the operator's list JUDGE_ALLOWED_HOSTS (as host, or host:port).")


@contextmanager
def connected(base_url: str, api_key_env: str, timeout: float) -> Iterator[openai.OpenAI]:
    """A client of `base_url`, closed at the end. `timeout` in seconds. Raises Invalid for a host that is not listed."""
    check_host(base_url)
    key = os.environ.get(api_key_env, "") if api_key_env else ""
    http = openai.DefaultHttpxClient(follow_redirects=False, trust_env=False, timeout=timeout)
    with openai.OpenAI(
        base_url=base_url, api_key=key or "none", max_retries=0, timeout=timeout, http_client=http
    ) as client:
        yield client


def complete(
    client: openai.OpenAI, request: dict[str, Any], *, limits: Limits, timeout: float, retries: int, deadline: float
) -> Completion:
    """The completion of `request`. Busy, failing, silent or garbled: asked again, each time after a longer pause.

    `timeout`: seconds for one attempt; `deadline`: of the monotonic clock, for all. Raises Silent.
    """
    for attempt in range(retries + 1):
        try:
            with limits.place(seconds=2 * timeout + 10, deadline=deadline):
                body = _body(client, request, min(deadline, time.monotonic() + timeout))
            return Completion.model_validate(text.loads(body))
        except NoRoom as fault:
            raise Silent(str(fault)) from fault
        # Besides the client's own errors, a body that breaks off raises those of whichever HTTP library is beneath.
        except Exception as fault:
            problem, again, wanted = _problem(fault)
        if wanted:
            limits.hold(wanted)
        pause = wanted or _pause(attempt)
        if not again or attempt == retries or time.monotonic() + pause >= deadline:
            break
        time.sleep(pause)
    raise Silent(problem)


def _pause(attempt: int) -> float:
    """Twice as long after each attempt, with jitter, so that those who failed together do not come back together."""
    return min(LONGEST_PAUSE, 2.0**attempt) * random.uniform(0.5, 1)  # noqa: S311  not a secret


def _body(client: openai.OpenAI, request: dict[str, Any], deadline: float) -> bytes:
    """The answer's body, read piece by piece: an endpoint that sends a byte a second, or never stops, is left."""
    body = bytearray()
    headers = {"Accept-Encoding": "identity"}
    with client.chat.completions.with_streaming_response.create(**request, extra_headers=headers) as response:
        for piece in response.iter_bytes():
            body += piece
            if len(body) > MAX_BYTES:
                raise ValueError(_("it is longer than %(max_bytes)s bytes") % {"max_bytes": MAX_BYTES})
            if time.monotonic() > deadline:
                raise ValueError(_("it was not complete in time"))
    return bytes(body)


def _problem(fault: Exception) -> tuple[str, bool, float]:
    """What to call `fault`, whether another attempt may help, and the seconds that the endpoint wants to be left."""
    if isinstance(fault, openai.APIStatusError):
        said = _("The endpoint answered %(status_code)s.") % {"status_code": fault.status_code}
        passing = fault.status_code in {408, 409, 429} or fault.status_code >= 500
        return said, passing, _wanted(fault.response.headers.get("retry-after", "")) if passing else 0.0
    if isinstance(fault, openai.APITimeoutError):
        return _("The endpoint did not answer in time."), True, 0.0
    if isinstance(fault, openai.APIConnectionError):
        return _("The endpoint could not be reached."), True, 0.0
    if isinstance(fault, ValueError):
        return (_("What came back is no completion: %(fault)s") % {"fault": fault})[:300], True, 0.0
    return _("The answer broke off (%(kind)s).") % {"kind": type(fault).__name__}, True, 0.0


def _wanted(header: str) -> float:
    """The seconds of a Retry-After, which is a number or a date (RFC 9110, section 10.2.3); 0 where it says nothing."""
    with suppress(ValueError):
        seconds = float(header)
        return seconds if 0 < seconds < float("inf") else 0.0
    with suppress(ValueError):
        when = parsedate_to_datetime(header)
        return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    return 0.0
