"""A causal language model of ours as a judge: asked as one behind an endpoint is, but by a child process.

Where the form wants one choice, nothing is left to how well a small model writes JSON: the model says how likely it
would go on with each choice. Any other form it answers in writing.
"""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import Field, model_validator

from annotation.protocols import askable
from common.errors import Invalid
from common.words import gettext_noop
from corpus.models import ModelVersion
from lm.safety import check_model_folder
from routing.judges import PATIENCE, Answer, Question, refusal
from routing.judges.asking import Asking, Reply, Request
from routing.judges.child import ChildFailed, answers_of
from routing.judges.manner import Manner
from routing.judges.prompts import prompt
from routing.judges.readings import config_of, content_of, orders

# Part of a judge's identity: raise it when the way the model is asked changes.
VERSION = "local-1"


class Settings(Manner):
    model: str = Field(
        min_length=1,
        max_length=300,
        title=gettext_noop("Model"),
        description=gettext_noop("The name of a model version of this project, or a folder under MODEL_FOLDERS."),
    )
    probabilities: bool = Field(
        True,
        title=gettext_noop("Read choices from probabilities"),
        description=gettext_noop(
            "Where the form wants one choice, the likeliest counts. Off: the model writes its answer."
        ),
    )
    temperature: float = Field(
        0, ge=0, le=2, title=gettext_noop("Temperature"), description=gettext_noop("0: always the likeliest token.")
    )
    max_tokens: int = Field(
        300, ge=16, le=4000, title=gettext_noop("Longest reply"), description=gettext_noop("In tokens.")
    )

    @model_validator(mode="after")
    def _samples_can_differ(self) -> "Settings":
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(gettext_noop("several samples need a temperature above 0"))
        return self


class LocalLM:
    key = "local_lm"
    title = gettext_noop("Language model of this machine")
    description = gettext_noop("Asks a causal language model in a folder, in both orders; nothing leaves the machine.")
    Config = Settings
    protocols = frozenset({"pairwise", "best_of_n", "ranking", "rating", "thumbs", "labels", "critique", "spans"})
    batch = 16
    reads_recorded = False
    persuadable = True

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        kept = {"probabilities", "temperature", "max_tokens"}
        weights = _weights(config, project_id)
        return {"reader": VERSION} | weights | config.model_dump(include=kept) | config.identity()

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        """All questions in one process, and those that want a reply first in a second one."""
        ends = time.monotonic() + PATIENCE - 20
        askings = [Asking(question, config) for question in questions]
        tokens = [0] * len(askings)
        try:
            folder = _folder(config, project_id)
            while put := {
                f"{n}.{m}": (n, one) for n, asking in enumerate(askings) for m, one in enumerate(asking.due())
            }:
                said = _said(folder, put, askings, config, max(1.0, ends - time.monotonic()))
                for key, (number, request) in put.items():
                    reply, count = read(said.get(key, {}))
                    tokens[number] += count
                    askings[number].take(request, reply)
        except (Invalid, ChildFailed) as fault:
            why = gettext_noop("The language model could not be asked: %(fault)s") % {"fault": fault}
            for question in questions:
                yield refusal(question, why[:500], passing=True)
            return
        for asking, count in zip(askings, tokens, strict=True):
            yield asking.answer(tokens=count)


def _due(askings: Sequence[Asking]) -> dict[str, tuple[int, Request]]:
    """{id: (number of the asking, what it asks next)}."""
    due = [(number, request) for number, asking in enumerate(askings) for request in asking.due()]
    return {str(place): one for place, one in enumerate(due)}


def _said(
    folder: Path,
    put: Mapping[str, tuple[int, Request]],
    askings: Sequence[Asking],
    config: Settings,
    timeout: float,
) -> dict[str, dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"max_tokens": config.max_tokens, "temperature": config.temperature}]
    asked: dict[str, tuple[str, list[str]]] = {}
    for key, (number, request) in put.items():
        line = {"id": key, "messages": request.messages, "seed": request.sample}
        if config.probabilities and (found := choices(askings[number].question, request, config)):
            asked[key] = found
            line |= {"begins": f'{{"{found[0]}": ', "options": [json.dumps(one) for one in found[1]]}
        lines.append(line)
    said = answers_of("lm.answer", [str(folder)], lines, timeout=timeout)
    return {key: one | ({"choice": asked[key]} if key in asked else {}) for key, one in said.items()}


def choices(question: Question, request: Request, config: Settings) -> tuple[str, list[str]] | None:
    """(key, words) of the one choice that the form wants; None where it wants another kind of answer, or the prompt
    wants reasons before it."""
    if not request.as_json or request.portion or prompt(config.template).reasons_first:
        return None
    content = content_of(question, orders(question, both=config.both_orders)[request.order])
    task = askable(question.protocol).question(config_of(question), content)
    free = {"rationale", "strength"}
    needed = [key for key in task.answer if key not in free]
    if len(needed) != 1:
        return None
    try:
        words = [json.loads(word) for word in task.answer[needed[0]].split(" | ")]
    except ValueError:
        return None
    return (needed[0], words) if all(isinstance(word, str) for word in words) else None


def read(said: Mapping[str, Any]) -> tuple[Reply, int]:
    """What the process has answered, as `Asking` reads it, and how many tokens were written."""
    if "logps" in said:
        key, words = said["choice"]
        return _chosen(key, words, said["logps"]), 1
    if "text" not in said:
        return Reply("", fault=str(said.get("error") or gettext_noop("The language model said nothing."))[:300]), 0
    tokens = [
        {"token": token, "top_logprobs": [{"token": other, "logprob": logp} for other, logp in likely]}
        for token, likely in said["likely"]
    ]
    fault = "" if said["finished"] else gettext_noop("The reply broke off.")
    return Reply(said["text"], tokens, fault), int(said["tokens"])


def _chosen(key: str, words: Sequence[str], logps: Sequence[float]) -> Reply:
    """The likeliest of the choices, written as the model would have to write it."""
    most = max(logps)
    total = most + math.log(sum(math.exp(one - most) for one in logps))
    best = words[list(logps).index(most)]
    shares = [{"token": word, "logprob": logp - total} for word, logp in zip(words, logps, strict=True)]
    begin = f'{{"{key}": "'
    tokens: list[dict[str, Any]] = [
        {"token": begin, "top_logprobs": []},
        {"token": best, "top_logprobs": shares},
        {"token": '"}', "top_logprobs": []},
    ]
    return Reply(f'{begin}{best}"}}', tokens, note={"by": "probabilities"})


def _version(config: Settings, project_id: int) -> ModelVersion | None:
    kinds = [ModelVersion.Kind.POLICY, ModelVersion.Kind.REFERENCE]
    found = ModelVersion.objects.filter(project_id=project_id, name=config.model, kind__in=kinds).exclude(path="")
    return found.first()


def _folder(config: Settings, project_id: int) -> Path:
    """The model's folder: of a version of the project, else beneath a folder of MODEL_FOLDERS. Raises Invalid."""
    version = _version(config, project_id)
    if version is not None:
        return Path(version.path)
    for root in settings.MODEL_FOLDERS:
        try:
            folder = (root / config.model).resolve()
        except (OSError, ValueError):
            continue
        if folder.is_relative_to(root) and folder != root and folder.is_dir():
            return folder
    fault = gettext_noop("There is no language model called %(model)s: neither a version nor a folder.") % {
        "model": repr(config.model)
    }
    raise Invalid(fault, code="judge-model", fields={"model": [fault]})


def _weights(config: Settings, project_id: int) -> dict[str, Any]:
    """What tells one set of weights from another. Raises Invalid, UnsafeModel."""
    folder = _folder(config, project_id)
    try:
        check_model_folder(folder)
    except Invalid as fault:
        raise type(fault)(fault.detail, fields={"model": [fault.detail]}) from fault
    version = _version(config, project_id)
    if version is not None:
        return {"id": version.pk, "sha256": version.sha256}
    # To hash large weights takes longer than a page may: size and time of change tell a folder that was replaced.
    files = [(one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in sorted(folder.iterdir())]
    return {"folder": str(folder), "files": hashlib.sha256(json.dumps(files).encode()).hexdigest()}


JUDGE = LocalLM()
