"""Judgments that came with an import, as annotations: one row each, whoever made them, kept also where unusable."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from annotation.models import Annotation, FormVersion, Item
from annotation.protocols import Content, protocol
from annotation.services.raters import recorded_rater
from annotation.services.submissions import ACTIVE_MS_LIMIT
from corpus.models import Candidate

# Of the idempotency keys: a candidate taken twice makes the same keys, and the constraint refuses the second.
KEYS = uuid.UUID("6b0d6a52-6f0b-4a55-9f5e-0f6f8a4f6f0c")
NATIVE_KEYS = {"annotator", "annotator_kind", "kind", "left", "right", "choice", "strength", "rationale"}


class RecordedAnnotations:
    """Makes the annotation rows of one batch; asks for each annotator only once."""

    def __init__(self, form: FormVersion) -> None:
        self.form = form
        self.raters: dict[tuple[bool, str], int] = {}
        kinds = ((kind, field) for field in form.fields for kind in protocol(field["protocol"]).record_kinds)
        # The first field of a kind takes its records; later ones ask something else.
        self.fields = dict(reversed(list(kinds)))

    def of(self, candidate: Candidate, item: Item, responses: Mapping[str, int], content: Content) -> list[Annotation]:
        """`responses`: external id → id, in item order; `content`: what the judgments speak of."""
        return [
            self._one(candidate, item, responses, content, position, entry)
            for position, entry in enumerate(candidate.feedback)
            if entry.get("kind") in self.fields
        ]

    def _one(
        self,
        candidate: Candidate,
        item: Item,
        responses: Mapping[str, int],
        content: Content,
        position: int,
        entry: dict[str, Any],
    ) -> Annotation:
        field = self.fields[entry["kind"]]
        value = protocol(field["protocol"]).from_record(entry, responses, content)
        body = json.dumps(entry, sort_keys=True, ensure_ascii=False)
        shown = [responses.get(str(name)) for name in entry.get("display_order") or []]
        duration = entry.get("duration_ms")
        return Annotation(
            item=item,
            rater_id=self._rater(item.project_id, entry),
            standing=Annotation.Standing.RECORDED,
            values={field["name"]: value},
            form_version=self.form,
            display_order=shown if sorted(map(str, shown)) == sorted(map(str, responses.values())) else None,
            active_ms=min(duration, ACTIVE_MS_LIMIT) if isinstance(duration, int) and duration >= 0 else None,
            submitted_at=_moment(entry.get("created_at")),
            idempotency_key=uuid.uuid5(KEYS, f"{candidate.pk}/{position}"),
            body_hash=hashlib.sha256(body.encode()).hexdigest(),
            meta={key: kept for key, kept in entry.items() if key not in NATIVE_KEYS},
        )

    def _rater(self, project_id: int, entry: dict[str, Any]) -> int:
        # An aggregate or an unknown hand is not a person that one could ask again, but not a machine either.
        human, name = entry.get("annotator_kind") != "ai", str(entry.get("annotator") or "unknown")[:200]
        if (human, name) not in self.raters:
            self.raters[human, name] = recorded_rater(project_id=project_id, human=human, external_id=name).pk
        return self.raters[human, name]


def _moment(text: object) -> datetime:
    """When a judgment was made; now, where the record does not say it in ISO 8601."""
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None:
        return timezone.now()
    return found if found.tzinfo else found.replace(tzinfo=UTC)
