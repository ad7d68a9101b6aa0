"""What went into a snapshot and what came out of it, in numbers."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.models import Annotation, Label
from training_bridge.derivations.pairs import Reason


@dataclass
class Tally:
    """Every label makes pairs (`labels_used`, by split) or is `dropped`, by the reason of its first pair where it might
    have made some. `dropped_pairs`: left out of labels that made others."""

    labels: int = 0
    labels_used: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    train: int = 0
    test: int = 0
    judgments: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_pairs: Counter[str] = field(default_factory=Counter)
    # Eight bytes of each group's hash, not its name: memory stays small with millions of groups.
    groups: dict[str, set[bytes]] = field(default_factory=lambda: {"train": set(), "test": set()})
    forms: set[int] = field(default_factory=set)
    guidelines: set[int] = field(default_factory=set)

    def counts(self) -> dict[str, Any]:
        return {
            "labels": self.labels, "pairs": self.pairs, "train": self.train, "test": self.test,
            "train_groups": len(self.groups["train"]), "test_groups": len(self.groups["test"]),
            "judgments": self.judgments, "sources": dict(sorted(self.sources.items())),
            "labels_used": {split: self.labels_used[split] for split in ("train", "test")},
            "dropped": dict(sorted(self.dropped.items())),
            "dropped_pairs": dict(sorted(self.dropped_pairs.items())),
        }  # fmt: skip

    def label(self, label: Label, rows: Sequence[dict[str, Any] | Reason]) -> None:
        """`rows`: what each of its pairs became, or why it was left out."""
        made = [row for row in rows if not isinstance(row, str)]
        left_out = [row for row in rows if isinstance(row, str)]
        if made:
            self.labels_used[made[0]["split"]] += 1
            self.judgments += len(label.annotation_ids)
            self.dropped_pairs.update(left_out)
        else:
            self.dropped[left_out[0]] += 1

    def pair(self, row: dict[str, Any], judged: list[Annotation]) -> None:
        self.pairs += 1
        self.sources[row["source"]] += 1
        self.groups[row["split"]].add(hashlib.blake2b(row["group"].encode(), digest_size=8).digest())
        if row["split"] == "train":
            self.train += 1
        else:
            self.test += 1
        self.forms.update(annotation.form_version.number for annotation in judged if annotation.form_version)
        self.guidelines.update(annotation.guideline.number for annotation in judged if annotation.guideline)
