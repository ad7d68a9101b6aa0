"""Reads of runs: what they train on, how far they are."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from common.configs import described, in_words
from common.errors import NotFound
from projects.models import Project
from training_bridge.derivations.settings import SINCE_SOFT_LABELS
from training_bridge.methods import METHODS
from training_bridge.methods.settings import without_effect
from training_bridge.models import ACTIVE, LIVE, Run
from training_bridge.services.runs import load_method

NOTICED = timedelta(seconds=10)
"""A worker says every second that it is there."""


def runs_of(project: Project) -> "QuerySet[Run]":
    models = ("base", "reference", "reward", "produced")
    return project.runs.select_related("snapshot", "created_by", "project", *models).order_by("-pk")


def run_of(project: Project, run_id: int) -> Run:
    """Raises NotFound."""
    found = runs_of(project).filter(pk=run_id).first()
    if found is None:
        raise NotFound
    return found


def labels_of(run: Run) -> dict[str, Any] | None:
    """What a run trains on: {"soft_labels", "version", "weights"}, None for each that its configuration does not use.

    None where its method weighs nothing.
    """
    if run.snapshot is None or "use_weights" not in run.config:
        return None
    derivation = SINCE_SOFT_LABELS | run.snapshot.derivation
    softly, weighted = run.config.get("use_soft_labels", False), run.config["use_weights"]
    return {
        "soft_labels": derivation["soft_labels"] if softly else None,
        "version": derivation["version"] if softly else None,
        "weights": derivation["weights"] if weighted else None,
    }


def settings_of(run: Run) -> list[tuple[str, str]]:
    """What a run was told, in words; settings that changed nothing are left out."""
    if run.method in METHODS:
        return described(load_method(run.method).Config, run.config, without_effect(run.config))
    return [(name, in_words(value)) for name, value in sorted(run.config.items())]


@dataclass(frozen=True)
class Progress:
    """A run at one moment, for its page and the API. `seconds_left` is None while nothing can be said.

    `memory`: the most that its first process has held so far, in GiB, of its GPU where it has one.
    """

    share: float | None
    tokens_per_second: float | None
    seconds_left: float | None
    memory: float | None


def progress_of(run: Run) -> Progress:
    """Speed and time left, by the last 50 measured steps of this attempt."""
    share = min(1.0, run.step / run.total_steps) if run.total_steps else None
    recent = list(run.metrics.filter(at__gte=run.started_at).order_by("-step")[:50]) if run.started_at else []
    speed = None
    if len(recent) > 1 and (seconds := (recent[0].at - recent[-1].at).total_seconds()) > 0:
        speed = (recent[0].step - recent[-1].step) / seconds
    left = None
    if speed and run.total_steps and run.state in ACTIVE:
        left = max(0, run.total_steps - run.step) / speed
    tokens = recent[0].values.get("tokens_per_second") if recent else None
    memory = recent[0].values.get("memory") if recent else None
    return Progress(share, tokens, left, memory)


def silence_of(run: Run) -> float | None:
    """For how many seconds the worker of a live run has given no sign of life; None where that is as it should be."""
    if run.state not in LIVE or run.heartbeat_at is None:
        return None
    silent = timezone.now() - run.heartbeat_at
    return silent.total_seconds() if silent > NOTICED else None


def log_tail(run: Run, lines: int = 200) -> list[str]:
    """The last lines of a run's log, oldest first."""
    found = run.log_lines.order_by("-pk").values_list("text", flat=True)[:lines]
    return list(found)[::-1]
