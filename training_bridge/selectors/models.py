"""Reads of model versions: what measured and what used them."""

from typing import Any

from django.db.models import Q, QuerySet

from common.errors import NotFound
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge.models import Run


def models_of(project: Project) -> "QuerySet[ModelVersion]":
    return project.model_versions.select_related("parent", "made_by__snapshot").order_by("-pk")


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


def measured_by(version: ModelVersion) -> "QuerySet[Run]":
    """The newest runs that measured a model: the one that made it, and evaluations (a policy's name it as base)."""
    role = "reward" if version.kind == ModelVersion.Kind.REWARD else "base"
    evaluated = Q(method="evaluate", **{role: version})
    has_shares = Q(result__has_key="reward_accuracy") | Q(result__has_key="win_rate")
    done = Run.objects.filter(evaluated | Q(produced=version), has_shares, state=Run.State.SUCCEEDED)
    return done.select_related("snapshot", "reference").order_by("-pk")[:5]
