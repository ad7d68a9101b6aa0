"""Judgments that came with an import, as annotations: one row each, whoever made them, kept also where unusable.

Nothing that came is lost: `Candidate.feedback` holds every judgment as it was. Those that no field of the form takes,
and those that are known answers or attention checks rather than votes, are named in the item's `meta.kept_feedback`.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from annotation.content import response_text
from annotation.models import Annotation, FormVersion, Item
from annotation.protocols import LETTERS, Content, Shown, protocol
from annotation.services.raters import recorded_rater
from annotation.services.submissions import ACTIVE_MS_LIMIT
from common.words import gettext_noop
from corpus.models import Candidate, Response

# Of the idempotency keys: a candidate taken twice makes the same keys, and the constraint refuses the second.
KEYS = uuid.UUID("6b0d6a52-6f0b-4a55-9f5e-0f6f8a4f6f0c")
NATIVE_KEYS = {"annotator", "kind", "status"}
PLAIN_KINDS = ("human", "ai")
TESTS = ("is_gold", "is_attention_check")
KNOWN = gettext_noop("known answer")
OVERALL = "overall"
BY_ASPECT = ("comparison", "ranking")


def names_of(candidate: Candidate, responses: Sequence[Response]) -> dict[str, int]:
    """What the judgments of a candidate call its `responses` (in item order) → id."""
    names = candidate.meta.get("response_ids")
    if names is None:
        return {response.external_id: response.pk for response in responses}
    return {name: response.pk for name, response in zip(names, responses, strict=True)}


def edits_of(candidates: Sequence[Candidate]) -> dict[int, dict[str, Response]]:
    """By candidate: what its judgments call the texts that they made → response. One query, where there are any."""
    wanted = {candidate.pk: candidate for candidate in candidates if candidate.meta.get("edit_ids")}
    if not wanted:
        return {}
    found = Response.objects.filter(
        prompt__in={candidate.prompt_id for candidate in wanted.values()},
        external_id__in={name for candidate in wanted.values() for name in candidate.meta["edit_ids"].values()},
    )
    by_name = {(response.prompt_id, response.external_id): response for response in found}
    return {
        pk: {name: by_name[candidate.prompt_id, external] for name, external in candidate.meta["edit_ids"].items()}
        for pk, candidate in wanted.items()
    }


@dataclass(frozen=True)
class Judged:
    """An item of a candidate, and what its judgments speak of."""

    candidate: Candidate
    item: Item
    names: Mapping[str, int]
    content: Content
    edits: Mapping[str, Response]


class RecordedAnnotations:
    """Makes the annotation rows of one batch; asks for each annotator only once."""

    def __init__(self, form: FormVersion) -> None:
        self.form = form
        self.raters: dict[tuple[bool, str], int] = {}
        self.fields: dict[str, list[dict[str, Any]]] = {}
        for field in form.fields:
            for kind in protocol(field["protocol"]).record_kinds:
                self.fields.setdefault(kind, []).append(field)
        self.kept: dict[int | None, Counter[str]] = {}
        """By import: how many judgments of each kind became no annotation."""

    def of(self, judged: Judged) -> list[Annotation]:
        """The annotations of an item; the others are noted in its `meta`, which the caller saves."""
        made, kept = [], []
        for position, entry in enumerate(judged.candidate.feedback):
            if (field := self._field(entry, judged)) is not None:
                made.append(self._one(judged, position, entry, field))
            else:
                kept.append(position)
                count = self.kept.setdefault(judged.candidate.source_id, Counter())
                count[KNOWN if any(entry.get(key) for key in TESTS) else str(entry.get("kind"))] += 1
        if kept:
            judged.item.meta = judged.item.meta | {"kept_feedback": kept}
        return made

    def _field(self, entry: Mapping[str, Any], judged: Judged) -> dict[str, Any] | None:
        """The field of the form that takes a judgment: the one it names, or its aspect names, else the first of its
        kind. One aspect compared is not the whole."""
        if any(entry.get(key) for key in TESTS) or len(judged.names) > len(LETTERS):
            return None
        fields = self.fields.get(str(entry.get("kind")), [])
        aspect = entry.get("aspect") or OVERALL
        for name in (entry.get("field"), aspect):
            if (found := next((field for field in fields if field["name"] == name), None)) is not None:
                return found
        partial = entry.get("kind") in BY_ASPECT and aspect != OVERALL
        return None if partial or not fields else fields[0]

    def _one(self, judged: Judged, position: int, entry: dict[str, Any], field: dict[str, Any]) -> Annotation:
        plug = protocol(field["protocol"])
        names, content = _with_edits(judged) if entry["kind"] == "refinement" else (judged.names, judged.content)
        value = plug.from_record(entry, names, content)
        told = plug.to_record(value, {pk: name for name, pk in names.items()})
        said = NATIVE_KEYS | {key for key in told if told[key] == entry.get(key)}
        body = json.dumps(entry, sort_keys=True, ensure_ascii=False)
        shown, duration, moment = (
            _shown(entry, judged.names),
            entry.get("duration_ms"),
            _moment(entry.get("created_at")),
        )
        active = duration if type(duration) is int and 0 <= duration <= ACTIVE_MS_LIMIT else None
        # What has a column of its own goes there; all else that came is kept beside the value.
        columns = {"display_order": shown, "duration_ms": active, "created_at": moment}
        said |= {key for key, column in columns.items() if column is not None}
        said |= {"annotator_kind"} if entry.get("annotator_kind") in PLAIN_KINDS else set()
        # What a value cannot tell as it came is kept as it came.
        changed = {key: entry[key] for key in told if key in entry and key not in said | {"kind"}}
        meta = {key: kept for key, kept in entry.items() if key not in said and key not in changed}
        meta |= ({"record": changed} if changed else {}) | ({} if moment else {"undated": True})
        return Annotation(
            item=judged.item,
            rater_id=self.rater_of(judged.item.project_id, entry),
            standing=Annotation.Standing.RECORDED,
            values={field["name"]: value},
            form_version=self.form,
            display_order=shown,
            active_ms=active,
            submitted_at=moment or timezone.now(),
            idempotency_key=uuid.uuid5(KEYS, f"{judged.candidate.pk}/{position}"),
            body_hash=hashlib.sha256(body.encode()).hexdigest(),
            meta={key: kept for key, kept in entry.items() if key not in said} | ({} if moment else {"undated": True}),
        )

    def value_of(self, entry: Mapping[str, Any], judged: Judged) -> tuple[str, Any] | None:
        """(field, value) of a known answer; None where no field takes it, or it cannot be used."""
        field = self._field({key: one for key, one in entry.items() if key not in TESTS}, judged)
        if field is None:
            return None
        value = protocol(field["protocol"]).from_record(entry, judged.names, judged.content)
        return None if "raw" in value else (field["name"], value)

    def rater_of(self, project_id: int, entry: dict[str, Any]) -> int:
        # An aggregate or an unknown hand is not a person that one could ask again, but not a machine either.
        human, name = entry.get("annotator_kind") != "ai", str(entry.get("annotator") or "unknown")[:200]
        if (human, name) not in self.raters:
            self.raters[human, name] = recorded_rater(project_id=project_id, human=human, external_id=name).pk
        return self.raters[human, name]


def _with_edits(judged: Judged) -> tuple[dict[str, int], Content]:
    """Names and content with the texts that were made of the responses: only refinements speak of those."""
    texts = tuple(Shown(edit.pk, "", response_text(edit.messages)) for edit in judged.edits.values())
    names = dict(judged.names) | {name: edit.pk for name, edit in judged.edits.items()}
    return names, replace(judged.content, responses=judged.content.responses + texts)


def _shown(entry: Mapping[str, Any], names: Mapping[str, int]) -> list[int] | None:
    """Response ids in the order they were shown; None where the record does not say it of all of them."""
    shown = [names[str(name)] for name in entry.get("display_order") or [] if str(name) in names]
    return shown if shown and sorted(shown) == sorted(names.values()) else None


def _moment(text: object) -> datetime | None:
    """When a judgment was made; None where the record does not say it in ISO 8601."""
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
