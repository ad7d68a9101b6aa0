"""Reads: what pages, API and commands show of snapshots, runs and models. Nothing is written here."""

from training_bridge.selectors.methods import methods, methods_by_kind
from training_bridge.selectors.models import measured_by, model_of, models_of, runs_using, subject_of, suggested
from training_bridge.selectors.runs import (
    Progress,
    labels_of,
    log_tail,
    progress_of,
    run_of,
    runs_of,
    settings_of,
    silence_of,
)
from training_bridge.selectors.snapshots import (
    Reliability,
    derivations,
    export,
    exporters,
    label_fields,
    reliability_of,
    snapshot_of,
    snapshots_of,
    source_of,
)

__all__ = [
    "Progress",
    "Reliability",
    "derivations",
    "export",
    "exporters",
    "label_fields",
    "labels_of",
    "log_tail",
    "measured_by",
    "methods",
    "methods_by_kind",
    "model_of",
    "models_of",
    "progress_of",
    "reliability_of",
    "run_of",
    "runs_of",
    "runs_using",
    "settings_of",
    "silence_of",
    "snapshot_of",
    "snapshots_of",
    "source_of",
    "subject_of",
    "suggested",
]
