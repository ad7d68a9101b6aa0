"""How alike texts are in meaning, by a sentence encoder that the operator names (`ENCODER`): optional, computed by a
worker in a child process, kept beside the features of the texts with the encoder that said so.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet

from projects.models import Project
from routing import features
from routing.judges.child import ChildFailed, answers_of
from routing.models import ItemFeatures
from routing.services.features import with_items
from routing.texts import plain_text

CHUNK = 500
"""Items of one child process: it takes seconds to load a model."""
PATIENCE = 600
FAULT_KEPT = 24 * 3600


def encoder() -> str:
    """The identity of the encoder in use, which changes with its weights; empty without one."""
    source = str(settings.ENCODER)
    if not source:
        return ""
    parts = [source]
    if (folder := Path(source)).is_dir():
        parts += [f"{one.name} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in sorted(folder.glob("*"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def missing(project: Project) -> QuerySet[ItemFeatures]:
    """Stored features without the similarities of the encoder in use."""
    found = ItemFeatures.objects.filter(item__project=project, version=features.VERSION)
    return found.exclude(encoder=encoder()) if encoder() else found.none()


def store(*, project: Project) -> int:
    """Stores the similarities of up to CHUNK items; returns how many. What went wrong is kept: `fault`."""
    rows = list(with_items(missing(project).order_by("item"))[:CHUNK])
    if not rows:
        return 0
    lines = []
    for row in rows:
        responses = [plain_text(one.response.messages) for one in row.item.item_responses.all()]
        lines.append({"id": str(row.pk), "texts": [plain_text(row.item.prompt.messages), *responses]})
    try:
        answers = answers_of("lm.embed", [settings.ENCODER], lines, timeout=PATIENCE)
    except ChildFailed as raised:
        cache.set(_key(project), str(raised), FAULT_KEPT)
        return 0
    cache.delete(_key(project))
    for row in rows:
        row.encoder = encoder()
        row.cosines = features.packed(answers.get(str(row.pk), {}).get("cosines", ()))
    ItemFeatures.objects.bulk_update(rows, ["encoder", "cosines"])
    return len(rows)


def _key(project: Project) -> str:
    return f"encoder-fault-{project.pk}"


def fault(project: Project) -> str:
    """Why the last similarities could not be computed; empty where they could."""
    found: str = cache.get(_key(project), "")
    return found


def progress(project: Project) -> int | None:
    """Items whose similarities are stored; None without an encoder."""
    if not encoder():
        return None
    return ItemFeatures.objects.filter(item__project=project, version=features.VERSION, encoder=encoder()).count()


def cosines(item_ids: Collection[int], by: str) -> dict[int, list[float]]:
    """Item → the similarities of each pair of its texts, the prompt first, by the encoder `by`; "" knows none."""
    if not by:
        return {}
    rows = ItemFeatures.objects.filter(item__in=item_ids, version=features.VERSION, encoder=by)
    return {item: features.unpacked(bytes(told)) for item, told in rows.values_list("item", "cosines") if told}
