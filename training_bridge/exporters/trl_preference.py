"""TRL's preference layout with explicit prompt, conversational: what `DPOTrainer` and `RewardTrainer` read.

One line a pair: {"prompt": [message…], "chosen": [message…], "rejected": [message…]}; train and test are two files, to
be named in a Hugging Face dataset card as splits. It cannot hold ties, soft labels, weights or who judged; the report
counts what was left out.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from common.words import gettext_noop as _
from training_bridge.exporters import Source
from training_bridge.snapshots import PREFERENCES, ROW_GROUP

FILES = {"train.jsonl": "train", "test.jsonl": "test"}
REPORT = "EXPORT_REPORT.json"


class TrlPreference:
    key = "trl_preference"
    title = _("TRL preference")
    description = _("Prompt, chosen and rejected as chat messages, for TRL and datasets.")
    loses = (_("ties"), _("soft labels"), _("strength"), _("confidence"), _("weight"), _("source"), _("provenance"))
    files = {
        "train.jsonl": _("pairs to train on"),
        "test.jsonl": _("pairs held out by prompt group"),
        REPORT: _("counts in and out, what was dropped and why, hashes"),
    }

    def read(self, source: Source, name: str) -> Iterator[bytes]:
        path = source.verify(PREFERENCES)
        if name == REPORT:
            yield json.dumps(self._report(source, path), indent=1, ensure_ascii=False).encode() + b"\n"
            return
        for row in _rows(path):
            if row["split"] == FILES[name] and _is_preference(row):
                kept = {key: row[key] for key in ("prompt", "chosen", "rejected")}
                yield json.dumps(kept, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    def _report(self, source: Source, path: Path) -> dict[str, Any]:
        counts = {"in": 0, "train": 0, "test": 0, "tie": 0}
        for row in _rows(path):
            counts["in"] += 1
            counts[row["split"] if _is_preference(row) else "tie"] += 1
        return {
            "format": self.key,
            "counts": {"in": counts["in"], "train": counts["train"], "test": counts["test"]},
            "dropped": {"tie": counts["tie"]},
            "loses": list(self.loses),
            "options": {"prompt": "explicit", "layout": "conversational"},
            "snapshot": {"manifest_sha256": source.manifest_sha256, "derivation": source.manifest["derivation"]},
            "tool": source.manifest["tool"],
        }


def _is_preference(row: dict[str, Any]) -> bool:
    """A kept tie prefers neither; the format has no place for it."""
    return bool(row["soft"] > 0.5)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=["split", "prompt", "chosen", "rejected", "soft"]):
            yield from batch.to_pylist()


EXPORTER = TrlPreference()
