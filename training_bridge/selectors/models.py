"""Reads of model versions: what measured and what used them."""

from typing import Any, Literal

from django.db.models import Q, QuerySet

from common.errors import NotFound
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge.models import Run

Subject = Literal["reward", "policy"]
"""What is measured: a reward model or a policy. A run's result, and its card, may have figures of both."""
FIGURES: dict[Subject, tuple[str, ...]] = {
    "reward": ("reward_accuracy",),
    "policy": ("win_rate", "implicit_accuracy"),
}
"""The shares of a result that are of the one and of the other; the first that is there is the most telling."""


def models_of(project: Project) -> "QuerySet[ModelVersion]":
    return project.model_versions.select_related("parent", "project", "hashing", "made_by__snapshot").order_by("-pk")


def model_of(project: Project, model_id: int) -> ModelVersion:
    """Raises NotFound."""
    found = models_of(project).filter(pk=model_id).first()
    if found is None:
        raise NotFound
    return found


def suggested(project: Project, model_id: int, method: str) -> dict[str, Any]:
    """Settings of `method` that suit a model: its own suggestion, or that of the nearest ancestor that has one.

    What a method trained is as large as what it was trained from, so the suggestion holds for it too.
    """
    version = models_of(project).filter(pk=model_id).first()
    while version is not None:
        if found := version.config.get("suggested"):
            return dict(found.get(method, {}))
        version = version.parent
    return {}


def runs_using(version: ModelVersion) -> "QuerySet[Run]":
    """Runs that started from a model, or compared with it, or were scored by it."""
    anywhere = Q(base=version) | Q(reference=version) | Q(reward=version)
    return Run.objects.filter(anywhere).select_related("produced", "project").order_by("-pk")


def subject_of(version: ModelVersion) -> Subject:
    return "reward" if version.kind == ModelVersion.Kind.REWARD else "policy"


def naming(version: ModelVersion) -> Q:
    """The run that made a model, and evaluations that name it: a policy as base. These may have measured it, or only
    the other model that they name."""
    role = "reward" if subject_of(version) == "reward" else "base"
    return Q(produced=version) | Q(method="evaluate", **{role: version})


def measured_by(version: ModelVersion) -> "QuerySet[Run]":
    """The newest runs whose result has shares of this model."""
    has_shares = Q(result__has_any_keys=FIGURES[subject_of(version)])
    done = Run.objects.filter(naming(version), has_shares, state=Run.State.SUCCEEDED)
    return done.select_related("snapshot", "reference").order_by("-pk")[:5]
