"""One change of many items: how many people are asked, how soon, and whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from annotation.services.spread import CHANGES, change_items
from projects.models import Project
from routing.services.overlap import Changed, set_overlap

LIMIT = 5000
"""Items of one change: a person waits for it."""


@dataclass(frozen=True)
class Result:
    """`items`: how many were chosen; `overlap`: what became of their slots, where that was asked."""

    items: int
    overlap: Changed | None


def change(*, project: Project, item_ids: Sequence[int], by: User, **wanted: Any) -> Result:
    """Changes what is given: `people` (0: as the project has it), `priority`, `language`, `cohort`, `topic` ("": nobody
    in particular). Raises Invalid, Conflict."""
    people = wanted.pop("people", None)
    changes = {name: value for name, value in wanted.items() if name in CHANGES and value is not None}
    if changes:
        change_items(project=project, item_ids=item_ids, by=by, **changes)
    overlap = None
    if people is not None:
        overlap = set_overlap(project=project, item_ids=item_ids, people=people or None, by=by)
    return Result(len(item_ids), overlap)
