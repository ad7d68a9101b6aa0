"""Freezes labels into files. Streams: what is in memory is one batch of labels, however many there are.

Same labels and derivation → the same bytes: rows in item order, an explicit Arrow schema, fixed row groups and
compression, and no time, number or name in any file.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import Q, QuerySet

from annotation.models import Annotation, Item, ItemResponse, Label
from annotation.services.forms import default_fields
from common.errors import Invalid
from common.words import gettext_noop
from corpus.models import Response
from training_bridge import lessons
from training_bridge.circumstances import circumstances
from training_bridge.derivations import pairs as derive
from training_bridge.derivations.ballots import Derived
from training_bridge.derivations.pairs import Pair, Reason
from training_bridge.derivations.settings import Derivation
from training_bridge.files import canonical_json, sha256_of, sync_folder, write_synced
from training_bridge.soft_labels import SoftLabels, Tell, soft_labels, strength_rows
from training_bridge.tally import Tally

BATCH = 500
ROW_GROUP = 2048
PREFERENCES, PREFERENCES_JSONL, PROVENANCE, MANIFEST = (
    "preferences.parquet", "preferences.jsonl", "provenance.jsonl", "manifest.json",
)  # fmt: skip
LESSONS, RATERS, STRENGTHS, CIRCUMSTANCES = (
    "lessons.jsonl", "raters.jsonl", "strengths.jsonl", "circumstances.jsonl",
)  # fmt: skip
WRITING = gettext_noop("Writing pairs: %(pairs)s so far")
READING = gettext_noop("Reading thumbs, scores, marks, texts and reasons")

_MESSAGES = pa.list_(pa.struct([pa.field("role", pa.string(), False), pa.field("content", pa.string(), False)]))
SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.int64(), False),
        pa.field("pair_id", pa.string(), False),
        pa.field("group", pa.string(), False),
        pa.field("split", pa.string(), False),
        pa.field("prompt", _MESSAGES, False),
        pa.field("chosen", _MESSAGES, False),
        pa.field("rejected", _MESSAGES, False),
        pa.field("chosen_id", pa.int64(), False),
        pa.field("rejected_id", pa.int64(), False),
        pa.field("strength", pa.float64(), False),
        pa.field("soft", pa.float64(), False),
        pa.field("tie", pa.float64(), False),
        pa.field("confidence", pa.float64(), False),
        pa.field("weight", pa.float64(), False),
        pa.field("source", pa.string(), False),
        pa.field("rule", pa.string(), False),
    ]
)


Rows = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
"""Of one pair: what is learnt, where it comes from, under what circumstances it was judged."""


def build(*, project_id: int, derivation: Derivation, folder: Path, tell: Tell) -> dict[str, Any]:
    """Writes the files into `folder` (which exists and is empty) and returns the manifest.

    `tell` is called at least once a batch with what is being done; what it raises ends the building. Raises Invalid
    where neither a pair nor anything else to learn came out, OSError where the disk is full.
    """
    tally = Tally()
    judgments = _judgment_batches(project_id, derivation)
    soft = soft_labels(project_id=project_id, derivation=derivation, batches=judgments, tell=tell)
    _write_rows(folder, _rows(project_id, derivation, soft, tally, tell))
    taught = {"train": Counter[str](), "test": Counter[str]()}
    beside = _write_lessons(folder, lessons.rows(project_id, derivation, lambda: tell(READING)), taught)
    if not tally.pairs and not beside:
        raise Invalid(_why_empty(tally), code="empty-snapshot")
    strengths = list(strength_rows(soft.strengths))
    _write_lines(folder / RATERS, soft.raters)
    _write_lines(folder / STRENGTHS, strengths)
    rows = dict.fromkeys([PREFERENCES, PREFERENCES_JSONL, PROVENANCE, CIRCUMSTANCES], tally.pairs)
    rows |= {LESSONS: beside, RATERS: len(soft.raters), STRENGTHS: len(strengths)}
    manifest = {
        "schema_version": 1,
        "tool": f"prefloop {version('prefloop')}",
        "derivation": derivation.model_dump(mode="json"),
        "soft_labels": soft.facts,
        "counts": tally.counts() | {"lessons": dict(taught["train"]), "held_out_lessons": dict(taught["test"])},
        "form_versions": sorted(tally.forms),
        "guidelines": sorted(tally.guidelines),
        "files": {
            name: {"sha256": sha256_of(folder / name), "rows": count, "bytes": (folder / name).stat().st_size}
            for name, count in rows.items()
        },
    }
    write_synced(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    sync_folder(folder)
    return manifest


def _why_empty(tally: Tally) -> str:
    if not tally.labels:
        return gettext_noop(
            "There is no label to freeze: nothing has been settled for this field, rule and these rounds yet."
        )
    dropped = ", ".join(f"{count} {derive.REASONS[reason].lower()}" for reason, count in tally.dropped.most_common())  # type: ignore[index]  # the keys are reasons
    return gettext_noop("None of the %(labels)s labels makes a pair: %(dropped)s.") % {
        "labels": tally.labels,
        "dropped": dropped,
    }


def _write_rows(folder: Path, rows: Iterator[Rows]) -> None:
    """Writes rows as Parquet and JSONL, and where each came from and how it was judged as JSONL, row for row."""
    with (
        (folder / PREFERENCES).open("wb") as parquet,
        (folder / PREFERENCES_JSONL).open("wb") as jsonl,
        (folder / PROVENANCE).open("wb") as provenance,
        (folder / CIRCUMSTANCES).open("wb") as around,
        pq.ParquetWriter(parquet, SCHEMA, compression="zstd", compression_level=3, store_schema=True) as writer,
    ):
        while group := list(islice(rows, ROW_GROUP)):
            writer.write_table(
                pa.Table.from_pylist([row for row, *_ in group], schema=SCHEMA), row_group_size=ROW_GROUP
            )
            for place, file in enumerate((jsonl, provenance, around)):
                file.writelines(canonical_json(made[place]) + b"\n" for made in group)


def _write_lessons(folder: Path, rows: Iterator[dict[str, Any]], taught: Mapping[str, Counter[str]]) -> int:
    """Writes what is taught beside pairs, counts it by split and kind, and returns the number of items."""
    count = 0
    with (folder / LESSONS).open("wb") as jsonl:
        for row in rows:
            jsonl.write(canonical_json(row) + b"\n")
            taught[row["split"]].update({kind: len(row[kind]) for kind in lessons.KINDS if kind in row})
            count += 1
    return count


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_synced(path, b"".join(canonical_json(row) + b"\n" for row in rows))


def _rows(project_id: int, derivation: Derivation, soft: SoftLabels, tally: Tally, tell: Tell) -> Iterator[Rows]:
    """(row, provenance, circumstances) for every label that makes a pair, in item order; the tally counts along."""
    for labels in _label_batches(project_id, derivation):
        tell(WRITING % {"pairs": tally.pairs})
        texts = _texts(labels)
        judged = _judgments(labels)
        around = circumstances(project_id, derivation.field, labels)
        for label in labels:
            tally.labels += 1
            annotations = [judged[key] for key in label.annotation_ids if key in judged]
            protocol = _protocol(label, annotations)
            values = [one.values[label.field] for one in annotations if label.field in one.values]
            derived = soft.of(label, protocol, values)
            pairs = "changed" if derived is None else _pairs(label, derived, derivation, protocol)
            if derived is None or isinstance(pairs, str):
                assert isinstance(pairs, str)
                tally.dropped[pairs] += 1
                continue
            rows = [_row(label, derived, pair, derivation, texts) for pair in pairs]
            tally.label(label, rows)
            for made in rows:
                if not isinstance(made, str):
                    tally.pair(made, annotations)
                    origin = _provenance(label, derived, made, judged)
                    yield made, origin, around.row(label, made, annotations)


def _wanted(project_id: int, derivation: Derivation) -> QuerySet[Label]:
    wanted = Label.objects.filter(item__project_id=project_id, field=derivation.field, rule=derivation.rule).exclude(
        item__state=Item.State.VOID
    )
    wanted = wanted.filter(item__round__in=derivation.rounds) if derivation.rounds else wanted
    return wanted.order_by("item_id")


def _judgment_batches(project_id: int, derivation: Derivation) -> Iterator[list[tuple[int, list[int]]]]:
    """(item, the judgments its label rests on) in item order, as `_label_batches` has them."""
    last = 0
    wanted = _wanted(project_id, derivation).values_list("item_id", "annotation_ids")
    while batch := list(wanted.filter(item_id__gt=last)[:BATCH]):
        yield batch
        last = batch[-1][0]


def _label_batches(project_id: int, derivation: Derivation) -> Iterator[list[Label]]:
    """Labels in item order, batch by batch, each batch one query: no cursor stays open while files are written."""
    last = 0
    wanted = _wanted(project_id, derivation).select_related("item__prompt")
    while batch := list(wanted.filter(item_id__gt=last)[:BATCH]):
        yield batch
        last = batch[-1].item_id


def _texts(labels: list[Label]) -> dict[int, list[dict[str, str]] | None]:
    """Plain messages of every response of the labelled items, and of what was written of them, by response id."""
    ids = ItemResponse.objects.filter(item__in=[label.item_id for label in labels]).values("response_id")
    written = [one["response"] for label in labels for one in label.value.get("edits", ())]
    found = Response.objects.filter(Q(pk__in=ids) | Q(pk__in=written)).values_list("pk", "messages")
    return {pk: derive.plain_messages(messages) for pk, messages in found}


def _judgments(labels: list[Label]) -> dict[int, Annotation]:
    """The annotations that the labels were settled from, by id, with their raters."""
    ids = [key for label in labels for key in label.annotation_ids]
    return {
        row.pk: row
        for row in Annotation.objects.filter(pk__in=ids).select_related("rater", "form_version", "guideline")
    }


def _protocol(label: Label, annotations: Sequence[Annotation]) -> str:
    """What the judgments that made a label were asked by."""
    forms = (annotation.form_version.fields for annotation in annotations if annotation.form_version)
    fields = next(forms, None) or default_fields()
    return next((str(field["protocol"]) for field in fields if field["name"] == label.field), "pairwise")


def _pairs(label: Label, derived: Derived, derivation: Derivation, protocol: str) -> list[Pair] | Reason:
    if derivation.sources not in {"both", derive.source_of(label.human_count, label.judge_count)}:
        return "other_source"
    pairs = derive.pairs_of(protocol, derived.value, derived.soft, derivation.ties)
    return "low_confidence" if isinstance(pairs, list) and derived.confidence < derivation.min_confidence else pairs


def _row(
    label: Label,
    derived: Derived,
    pair: Pair,
    derivation: Derivation,
    texts: dict[int, list[dict[str, str]] | None],
) -> dict[str, Any] | Reason:
    source = derive.source_of(label.human_count, label.judge_count)
    prompt = derive.plain_messages(label.item.prompt.messages)
    chosen, rejected = texts.get(pair.chosen_id), texts.get(pair.rejected_id)
    if prompt is None or chosen is None or rejected is None:
        return "not_text"
    if derive.is_empty(chosen) or derive.is_empty(rejected):
        return "empty_response"
    if chosen == rejected:
        return "equal_responses"
    group = label.item.prompt.group
    return {
        "item_id": label.item_id, "pair_id": f"{label.item_id}-{pair.chosen_id}-{pair.rejected_id}", "group": group,
        "split": derive.split_of(group, seed=derivation.split_seed, test_fraction=derivation.test_fraction),
        "prompt": prompt, "chosen": chosen, "rejected": rejected,
        "chosen_id": pair.chosen_id, "rejected_id": pair.rejected_id,
        "strength": pair.strength, "soft": pair.soft, "tie": pair.tie, "confidence": derived.confidence,
        "weight": derived.confidence if derivation.weights == "confidence" else 1.0,
        "source": source, "rule": label.rule,
    }  # fmt: skip


def _provenance(label: Label, derived: Derived, row: dict[str, Any], judged: dict[int, Annotation]) -> dict[str, Any]:
    return {
        "pair_id": row["pair_id"], "item_id": label.item_id, "item": label.item.external_id,
        "label": {"field": label.field, "rule": label.rule, "value": label.value, "confidence": label.confidence},
        "soft": {outcome: round(share, 6) for outcome, share in derived.soft.items()},
        "annotation_ids": list(label.annotation_ids),
        "raters": sorted({judged[key].rater.pseudonym for key in label.annotation_ids if key in judged}),
        "human_count": label.human_count, "judge_count": label.judge_count,
    }  # fmt: skip
