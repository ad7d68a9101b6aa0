"""Known answers that came with an import: judgments marked `is_gold` or `is_attention_check` make gold items."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

from accounts.models import User
from annotation.models import Annotation, Gold, Item
from annotation.services.recorded import TESTS, Judged, RecordedAnnotations

KEYS = uuid.UUID("5f7a3f0e-9a53-4a0e-8a52-0d7f3d1f6c1b")


def make_golds(recorded: RecordedAnnotations, taken: Iterable[Judged]) -> int:
    """Makes a gold item of each item that has a known answer which the form can take; says how many.

    In the caller's transaction, after the items and their responses are stored. Beside the value, a judgment may say
    `tolerance` (0 to 1), `explanation`, and `in_qualification`.
    """
    return sum(_make(recorded, judged) for judged in taken)


def _make(recorded: RecordedAnnotations, judged: Judged) -> bool:
    entries = [entry for entry in judged.candidate.feedback if any(entry.get(key) for key in TESTS)]
    values: dict[str, Any] = {}
    for entry in entries:
        if (found := recorded.value_of(entry, judged)) is not None:
            values.setdefault(*found)
    if not values:
        return False
    first = entries[0]
    body = json.dumps(entries, sort_keys=True, ensure_ascii=False)
    known = Annotation.objects.create(
        item=judged.item,
        rater_id=recorded.rater_of(judged.item.project_id, first),
        standing=Annotation.Standing.ADJUDICATED,
        values=values,
        form_version=recorded.form,
        display_order=list(judged.names.values()),
        idempotency_key=uuid.uuid5(KEYS, str(judged.candidate.pk)),
        body_hash=hashlib.sha256(body.encode()).hexdigest(),
    )
    settings = {
        "kind": Gold.Kind.CHECK if first.get("is_attention_check") else Gold.Kind.GOLD,
        "tolerance": _share(first.get("tolerance")),
        "explanation": str(first.get("explanation") or "")[:5000],
        "in_qualification": first.get("in_qualification") is True,
    }
    store_gold(item=judged.item, annotation=known, by=None, source=Gold.Source.IMPORT, **settings)
    Item.objects.filter(pk=judged.item.pk, state=Item.State.NEW).update(state=Item.State.DONE)
    return True


def store_gold(*, item: Item, annotation: Annotation, by: User | None, source: str, **settings: Any) -> Gold:
    """The row of an item whose answer is known, made or changed, and in use from now on.

    In the caller's transaction.
    """
    own = {"project_id": item.project_id, "annotation": annotation, "created_by": by, "source": source}
    gold, made = Gold.objects.get_or_create(item=item, defaults=own | settings)
    if not made:
        gold.annotation, gold.retired_at = annotation, None
        for name, value in settings.items():
            setattr(gold, name, value)
        gold.save()
    return gold


def _share(number: object) -> float | None:
    return float(number) if isinstance(number, int | float) and 0 <= number <= 1 else None
