"""Reads: what pages, API and commands show of snapshots, runs and models. Nothing is written here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Label
from common import plugs
from common.errors import Conflict, NotFound
from corpus.models import ModelVersion
from projects.models import Project
from training_bridge import needs
from training_bridge.derivations import DERIVATIONS, Derivation
from training_bridge.derivations.settings import SINCE_SOFT_LABELS
from training_bridge.exporters import EXPORTERS, Exporter, Source
from training_bridge.files import read_lines, var_path, verified
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Method
from training_bridge.models import ACTIVE, Run, Snapshot
from training_bridge.snapshots import MANIFEST, RATERS, STRENGTHS


def snapshots_of(project: Project) -> "QuerySet[Snapshot]":
    return project.snapshots.select_related("created_by").order_by("-number")


def snapshot_of(project: Project, number: int) -> Snapshot:
    """Raises NotFound."""
    found = snapshots_of(project).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def runs_of(project: Project) -> "QuerySet[Run]":
    models = ("base", "reference", "reward", "produced")
    return project.runs.select_related("snapshot", "created_by", "project", *models).order_by("-pk")


def run_of(project: Project, run_id: int) -> Run:
    """Raises NotFound."""
    found = runs_of(project).filter(pk=run_id).first()
    if found is None:
        raise NotFound
    return found


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


def labels_of(run: Run) -> dict[str, Any] | None:
    """What a run trains on: {"soft_labels", "version", "weights"}, None for each that its configuration does not use.

    None where its method learns from no weighted pairs.
    """
    if run.snapshot is None or "use_soft_labels" not in run.config:
        return None
    derivation = SINCE_SOFT_LABELS | run.snapshot.derivation
    softly, weighted = run.config["use_soft_labels"], run.config.get("use_weights", False)
    return {
        "soft_labels": derivation["soft_labels"] if softly else None,
        "version": derivation["version"] if softly else None,
        "weights": derivation["weights"] if weighted else None,
    }


def methods() -> list[Method]:
    return [plugs.load(METHODS, key, "method") for key in METHODS]


def methods_by_kind() -> list[tuple[str, list[tuple[Method, str]]]]:
    """Methods under what they make, each with the lessons it needs in words."""
    titles = {"reward": _("Reward models"), "policy": _("Policies"), None: _("Answers and measures")}
    found = methods()
    return [
        (title, [(method, needs.needed(method)) for method in found if method.makes == kind])
        for kind, title in titles.items()
    ]


def exporters() -> list[Exporter]:
    return [plugs.load(EXPORTERS, key, "export format") for key in EXPORTERS]


def label_fields(project: Project) -> list[str]:
    """Fields of the project's forms that have labels, for a derivation to choose from."""
    found = Label.objects.filter(item__project=project).order_by("field").values_list("field", flat=True).distinct()
    return list(found) or ["preference"]


def source_of(snapshot: Snapshot) -> Source:
    """A ready snapshot's files, the manifest verified. Raises Conflict where it is not ready or has changed."""
    if snapshot.state != Snapshot.State.READY:
        raise Conflict(_("The snapshot is not ready yet."), code="not-ready")
    folder = var_path(snapshot.path)
    manifest = json.loads(verified(folder / MANIFEST, snapshot.manifest_sha256).read_bytes())

    def verify(name: str) -> Any:
        is_manifest = name == MANIFEST
        if not is_manifest and name not in manifest["files"]:
            raise NotFound(_("This snapshot has no such file."))
        return verified(folder / name, snapshot.manifest_sha256 if is_manifest else manifest["files"][name]["sha256"])

    return Source(manifest=manifest, manifest_sha256=snapshot.manifest_sha256, verify=verify)


@dataclass(frozen=True)
class Reliability:
    """Who voted, how reliable they are, and, where models were compared, how strong these are: rows of the snapshot's
    files. `facts`: by question, how the soft labels were computed."""

    raters: list[dict[str, Any]]
    strengths: list[dict[str, Any]]
    facts: dict[str, dict[str, Any]]


def reliability_of(snapshot: Snapshot) -> Reliability:
    """Raises Conflict where the snapshot is not ready or its files have changed, NotFound where they are gone."""
    source = source_of(snapshot)
    known = [name for name in (RATERS, STRENGTHS) if name in source.manifest["files"]]
    rows = {name: list(read_lines(source.verify(name))) for name in known}
    return Reliability(rows.get(RATERS, []), rows.get(STRENGTHS, []), source.manifest.get("soft_labels", {}))


def derivations() -> list[Derivation]:
    return [plugs.load(DERIVATIONS, key, "derivation") for key in DERIVATIONS]


def export(snapshot: Snapshot, exporter: str, name: str) -> Iterator[bytes]:
    """The bytes of one file of one export format. Raises NotFound for an unknown file, Conflict for a changed one."""
    if exporter not in EXPORTERS:
        raise NotFound
    plug: Exporter = plugs.load(EXPORTERS, exporter, "export format")
    if name not in plug.files:
        raise NotFound
    pieces = plug.read(source_of(snapshot), name)
    # The first piece is taken now, so that a file that has changed is an error and not half a download.
    first = next(pieces, b"")
    return _chained(first, pieces)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


@dataclass(frozen=True)
class Progress:
    """A run at one moment, for its page and the API. `seconds_left` is None while nothing can be said."""

    share: float | None
    steps_per_second: float | None
    tokens_per_second: float | None
    seconds_left: float | None


def progress_of(run: Run) -> Progress:
    """Speed and time left, by the steps of the last two minutes or so of this attempt."""
    share = min(1.0, run.step / run.total_steps) if run.total_steps else None
    recent = list(run.metrics.filter(at__gte=run.started_at).order_by("-step")[:50]) if run.started_at else []
    speed = None
    if len(recent) > 1 and (seconds := (recent[0].at - recent[-1].at).total_seconds()) > 0:
        speed = (recent[0].step - recent[-1].step) / seconds
    left = None
    if speed and run.total_steps and run.state in ACTIVE:
        left = max(0, run.total_steps - run.step) / speed
    tokens = recent[0].values.get("tokens_per_second") if recent else None
    return Progress(share, speed, tokens, left)


def metrics_of(run: Run) -> list[dict[str, Any]]:
    """Every measured step: [{"step", "values": {name: number}}], ascending."""
    return [{"step": metric.step, "values": metric.values} for metric in run.metrics.order_by("step")]


def log_tail(run: Run, lines: int = 200) -> list[str]:
    """The last lines of a run's log, oldest first."""
    found = run.log_lines.order_by("-pk").values_list("text", flat=True)[:lines]
    return list(found)[::-1]
