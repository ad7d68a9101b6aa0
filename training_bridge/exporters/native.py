"""The snapshot's own files, byte for byte."""

from collections.abc import Iterator

from common.words import gettext_noop as _
from training_bridge.exporters import Source
from training_bridge.files import BLOCK
from training_bridge.snapshots import MANIFEST, PREFERENCES, PREFERENCES_JSONL, PROVENANCE


class Native:
    key = "native"
    title = _("Prefloop")
    description = _("Everything the snapshot holds, as it is stored.")
    loses: tuple[str, ...] = ()
    files = {
        PREFERENCES: _("the pairs, as Parquet"),
        PREFERENCES_JSONL: _("the same pairs, one JSON object a line"),
        PROVENANCE: _("where each pair came from: item, label, judgments, pseudonyms"),
        MANIFEST: _("the derivation, the counts, and the hash of each file"),
    }

    def read(self, source: Source, name: str) -> Iterator[bytes]:
        with source.verify(name).open("rb") as handle:
            while block := handle.read(BLOCK):
                yield block


EXPORTER = Native()
