"""Reads of the annotation floor: `rater` for those who judge (nothing of others in it), `desk` for those who run it."""

from annotation.content import MessageText, excerpt
from annotation.selectors.desk import (
    Agreement,
    Story,
    agreement,
    annotations,
    flag_of,
    item_of,
    item_story,
    labels,
)
from annotation.selectors.export import native_lines
from annotation.selectors.history import HistoryEntry, history, own_history
from annotation.selectors.listing import COUNTED, ORDERINGS, Filters, ItemRow, Page, item_page
from annotation.selectors.preview import Preview, preview
from annotation.selectors.progress import AtWork, Progress, at_work, progress
from annotation.selectors.rater import (
    Answered,
    Assignment,
    FormField,
    FormInForce,
    Sample,
    Shown,
    answered,
    assignment,
    form,
    form_fields,
    sample,
    today,
)

__all__ = [
    "Agreement",
    "Answered",
    "Assignment",
    "AtWork",
    "COUNTED",
    "Filters",
    "FormField",
    "FormInForce",
    "HistoryEntry",
    "ItemRow",
    "MessageText",
    "ORDERINGS",
    "Page",
    "Preview",
    "Progress",
    "Sample",
    "Shown",
    "Story",
    "agreement",
    "annotations",
    "answered",
    "assignment",
    "at_work",
    "excerpt",
    "flag_of",
    "form",
    "form_fields",
    "history",
    "item_of",
    "item_page",
    "item_story",
    "labels",
    "native_lines",
    "own_history",
    "preview",
    "progress",
    "sample",
    "today",
]
