"""Items, the slots that ask for answers, and the answers. The constraints are the promises of docs/architecture.md."""

from annotation.models.annotations import Annotation, Draft, Flag, Label, Skip
from annotation.models.habits import Habits
from annotation.models.items import Item, ItemResponse, Lane, random_key, with_responses
from annotation.models.quality import Gold, GoldResult, Pause, PauseDecision, Qualification
from annotation.models.raters import FormVersion, Pace, Rater, Tally
from annotation.models.slots import EndedLease, Slot

__all__ = [
    "Annotation",
    "Draft",
    "EndedLease",
    "Flag",
    "FormVersion",
    "Gold",
    "GoldResult",
    "Habits",
    "Item",
    "ItemResponse",
    "Label",
    "Lane",
    "Pace",
    "Pause",
    "PauseDecision",
    "Qualification",
    "Rater",
    "Skip",
    "Slot",
    "Tally",
    "random_key",
    "with_responses",
]
