"""A rater's own answers, looked back on: the latest, or those with a text in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from accounts.models import User
from annotation.content import conversation, excerpt
from annotation.models import Annotation, Rater
from annotation.selectors.rater import FormField, form_fields
from annotation.services.submissions import can_undo, displayed
from annotation.standings import NO_RATERS_WORK, shown_standing
from projects.models import Project

RECENT = 50
SEARCHED = 1000
"""So many of the latest answers are looked through for a text."""


@dataclass(frozen=True)
class HistoryEntry:
    project: Project
    annotation_id: int
    submitted_at: datetime
    excerpt: str
    fields: tuple[FormField, ...]
    values: dict[str, Any]
    standing: str
    is_correction: bool
    can_undo: bool


def history(*, rater: Rater, text: str = "", limit: int = RECENT) -> list[HistoryEntry]:
    """The rater's latest answers that stand, newest first; of the latest SEARCHED those with `text` in them."""
    return _history([rater], text, limit)


def own_history(*, user: User, slug: str = "", text: str = "") -> list[HistoryEntry]:
    """The same over all projects that a person is a member of, or the one of `slug`."""
    mine = Rater.objects.filter(user=user, project__memberships__user=user).select_related("project")
    # Compared here: what was asked for may be no text that a database takes.
    return _history([one for one in mine if slug in ("", one.project.slug)], text, RECENT)


def _latest(raters: Sequence[Rater], size: int) -> list[int]:
    """The newest answers that stand, by the index of each rater: joined with their corrections all would be read."""
    times: list[tuple[datetime, int]] = []
    for rater in raters:
        mine = Annotation.objects.filter(rater=rater, retracted_at=None).exclude(standing__in=NO_RATERS_WORK)
        # A correction is newer than what it corrects, so that of the newest few more than half stand.
        times += mine.order_by("-submitted_at").values_list("submitted_at", "pk")[: 3 * size]
    ids = [pk for _at, pk in sorted(times, reverse=True)[: 3 * size]]
    corrected = set(Annotation.objects.filter(revises__in=ids).values_list("revises", flat=True))
    return [pk for pk in ids if pk not in corrected][:size]


def _history(raters: Sequence[Rater], text: str, limit: int) -> list[HistoryEntry]:
    most = min(limit, RECENT)
    mine = Annotation.objects.filter(pk__in=_latest(raters, SEARCHED if text else most))
    mine = mine.select_related("item__prompt", "item__project", "form_version").order_by("-submitted_at", "-pk")
    found = (one for one in mine if _has(one, text))
    return [
        HistoryEntry(
            project=one.item.project,
            annotation_id=one.pk,
            submitted_at=one.submitted_at,
            excerpt=excerpt(one.item.prompt.messages),
            fields=form_fields(one.form_version) if one.form_version else (),
            values=displayed(one),
            standing=shown_standing(one),
            is_correction=one.revises_id is not None,
            can_undo=can_undo(one),
        )
        for one in islice(found, most)
    ]


def _has(answer: Annotation, text: str) -> bool:
    """Whether a text occurs in the prompt, or in what was written about it."""
    said = (message.text for message in conversation(answer.item.prompt.messages))
    wanted = text.casefold()
    return any(wanted in part.casefold() for part in (*said, *_texts(answer.values)))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
