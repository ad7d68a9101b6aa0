"""Reads of the annotation floor: `rater` for those who judge (nothing of others in it), `desk` for those who run it."""

from annotation.selectors.content import MessageText
from annotation.selectors.desk import (
    Agreement,
    ItemRow,
    Page,
    Progress,
    Story,
    agreement,
    item_page,
    item_story,
    labels,
    progress,
)
from annotation.selectors.rater import (
    Answered,
    Assignment,
    FormField,
    HistoryEntry,
    Shown,
    answered,
    assignment,
    history,
    today,
)

__all__ = [
    "Agreement",
    "Answered",
    "Assignment",
    "FormField",
    "HistoryEntry",
    "ItemRow",
    "MessageText",
    "Page",
    "Progress",
    "Shown",
    "Story",
    "agreement",
    "answered",
    "assignment",
    "history",
    "item_page",
    "item_story",
    "labels",
    "progress",
    "today",
]
