"""A reward model of ours as a judge: it scores both responses, the gap between the scores says how sure it is.

Scores are made by a child process (`python -m lm.score`), so that no worker of the queue ever loads torch.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field

from common.errors import Invalid
from common.words import gettext_noop
from corpus.models import ModelVersion
from routing.judges import PATIENCE, Answer, Question
from routing.judges.pairwise import Said, answer, plain_text, refusal


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model_version: str = Field(
        min_length=1,
        max_length=120,
        title=gettext_noop("Reward model"),
        description=gettext_noop("The name of a model version of this project."),
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


class RewardModel:
    key = "reward_model"
    title = gettext_noop("Reward model of this project")
    description = gettext_noop(
        "Scores both responses with a trained reward model; it sees no order, so it has no position bias."
    )
    Config = Settings
    protocols = frozenset({"pairwise"})
    batch = 128
    reads_recorded = False

    def identity(self, config: Settings, project_id: int) -> dict[str, Any]:
        version = _version(config, project_id)
        return {"sha256": version.sha256, "id": version.pk, **config.model_dump()}

    def ask(self, questions: Sequence[Question], config: Settings, project_id: int) -> Iterator[Answer]:
        try:
            scores = _scores(questions, Path(_version(config, project_id).path))
        except (Invalid, ValueError, OSError, subprocess.SubprocessError) as fault:
            for question in questions:
                yield refusal(
                    question,
                    (gettext_noop("The reward model could not score: %(fault)s") % {"fault": fault})[:500],
                    passing=True,
                )
            return
        for number, question in enumerate(questions):
            yield _one(question, scores.get(f"{number}.0"), scores.get(f"{number}.1"), config)


def _version(config: Settings, project_id: int) -> ModelVersion:
    found = ModelVersion.objects.filter(
        project_id=project_id, name=config.model_version, kind=ModelVersion.Kind.REWARD
    ).first()
    if found is None or not found.path:
        fault = gettext_noop("This project has no reward model called %(model_version)s.") % {
            "model_version": repr(config.model_version)
        }
        raise Invalid(fault, code="judge-model", fields={"model_version": [fault]})
    return found


def _scores(questions: Sequence[Question], folder: Path) -> dict[str, Any]:
    """{"<number of the question>.<0 left, 1 right>": score}; a missing score is one that could not be made."""
    lines = []
    for number, question in enumerate(questions):
        for side, (_, messages) in enumerate(question.responses):
            said = [{"role": "assistant", "content": plain_text(messages)}]
            lines.append(json.dumps({"id": f"{number}.{side}", "messages": [*question.prompt, *said]}))
    base = Path(settings.BASE_DIR)
    # The child gets what it needs to run and to find a model, and no password.
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES") if name in os.environ
    }
    environment |= {
        "PYTHONPATH": f"{base}{os.pathsep}{base / 'platform'}",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    done = subprocess.run(
        [sys.executable, "-m", "lm.score", str(folder)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE - 20,
        cwd=base,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        raise ValueError(
            done.stderr.strip().splitlines()[-1]
            if done.stderr.strip()
            else gettext_noop("exit code %(returncode)s") % {"returncode": done.returncode}
        )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return {one["id"]: one["score"] for one in answers if "score" in one}


def _one(question: Question, left: Any, right: Any, config: Settings) -> Answer:
    orders = [{"left": left, "right": right}]
    if not all(isinstance(score, int | float) and math.isfinite(score) for score in (left, right)):
        return refusal(question, gettext_noop("The reward model gave no score."))
    gap = float(left) - float(right)
    choice = "tie" if abs(gap) < config.tie_margin or gap == 0 else "left" if gap > 0 else "right"
    confidence = 1 / (1 + math.exp(-min(700.0, abs(gap) / config.temperature)))
    said = Said(choice, rationale=gettext_noop("The reward model's scores say so."), confidence=confidence)
    return answer(question, said, orders=orders)


JUDGE = RewardModel()
