"""The snapshot's own files, byte for byte."""

from collections.abc import Iterator

from common.words import gettext_noop as _
from training_bridge.exporters import Source
from training_bridge.files import BLOCK
from training_bridge.snapshots import (
    CIRCUMSTANCES,
    LESSONS,
    MANIFEST,
    PREFERENCES,
    PREFERENCES_JSONL,
    PROVENANCE,
    RATERS,
    STRENGTHS,
)


class Native:
    key = "native"
    title = _("Prefloop")
    description = _("Everything the snapshot holds, as it is stored.")
    loses: tuple[str, ...] = ()
    files = {
        PREFERENCES: _("the pairs, as Parquet"),
        PREFERENCES_JSONL: _("the same pairs, one JSON object a line"),
        PROVENANCE: _("where each pair came from: item, label, judgments, pseudonyms"),
        CIRCUMSTANCES: _("how each pair was judged: votes, models, language, tags"),
        LESSONS: _("thumbs, scores, marks, texts and reasons, one item a line"),
        RATERS: _("how reliable each rater is, by pseudonym"),
        STRENGTHS: _("how strong each model is, where models were compared"),
        MANIFEST: _("the derivation, the counts, and the hash of each file"),
    }

    def read(self, source: Source, name: str) -> Iterator[bytes]:
        with source.verify(name).open("rb") as handle:
            while block := handle.read(BLOCK):
                yield block


EXPORTER = Native()
