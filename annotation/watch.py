"""How a project spreads its items and watches its raters: `Project.quality`, read and checked here."""

from datetime import timedelta

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, model_validator

from annotation.models import Item
from common.words import gettext_noop
from projects.models import Project

RATES = ("gold_rate", "check_rate", "repeat_rate")


class Watch(BaseModel):
    """What a project may set. Rates: the chance that the next item given is one of them; shares lie in [0, 1]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(
        0,
        ge=0,
        le=1,
        title=gettext_noop("Share of items for more people"),
        description=gettext_noop("Drawn at random by a stored key, so the same items stay drawn."),
    )
    share_overlap: int = Field(3, ge=1, le=50, title=gettext_noop("People asked about those"))
    cap_total: int = Field(
        0,
        ge=0,
        le=1_000_000,
        title=gettext_noop("Most items of one rater"),
        description=gettext_noop("0: no limit."),
    )
    cap_day: int = Field(
        0,
        ge=0,
        le=100_000,
        title=gettext_noop("Most items of one rater in a day"),
        description=gettext_noop("Days end at midnight UTC. 0: no limit."),
    )
    gold_rate: float = Field(0, ge=0, le=0.5, title=gettext_noop("Share of gold items"))
    check_rate: float = Field(0, ge=0, le=0.5, title=gettext_noop("Share of attention checks"))
    tolerance: float = Field(
        0.25,
        ge=0,
        le=1,
        title=gettext_noop("Tolerance"),
        description=gettext_noop("How far from the known answer still passes: 0 the same, 1 anything."),
    )
    gold_bar: float = Field(
        0.7,
        ge=0,
        le=1,
        title=gettext_noop("Bar for gold items"),
        description=gettext_noop("Who passes less than this share of the last ones is paused until a person decides."),
    )
    gold_window: int = Field(10, ge=1, le=200, title=gettext_noop("Over the last so many gold items"))
    check_bar: float = Field(0.8, ge=0, le=1, title=gettext_noop("Bar for attention checks"))
    check_window: int = Field(5, ge=1, le=200, title=gettext_noop("Over the last so many attention checks"))
    repeat_rate: float = Field(
        0,
        ge=0,
        le=0.5,
        title=gettext_noop("Share of repeats"),
        description=gettext_noop("A rater's own earlier item again, its responses in the opposite order."),
    )
    repeat_after_hours: int = Field(48, ge=1, le=24 * 90, title=gettext_noop("Repeats after so many hours"))
    qualification_items: int = Field(
        0,
        ge=0,
        le=100,
        title=gettext_noop("Items of the qualification"),
        description=gettext_noop("Taken from the gold items that are marked for it. 0: no qualification."),
    )
    qualification_bar: float = Field(0.8, ge=0, le=1, title=gettext_noop("Share to be passed"))
    qualification_attempts: int = Field(2, ge=1, le=10, title=gettext_noop("Attempts"))
    qualification_feedback: bool = Field(
        True,
        title=gettext_noop("Say after each item whether it was right, and why"),
    )

    @model_validator(mode="after")
    def _rates_leave_room(self) -> "Watch":
        if self.gold_rate + self.check_rate + self.repeat_rate > 0.5:
            raise ValueError(_("Gold items, attention checks and repeats together are at most half of what is given."))
        return self

    @property
    def repeat_after(self) -> timedelta:
        return timedelta(hours=self.repeat_after_hours)

    @property
    def looks(self) -> bool:
        """Whether the next item of a rater depends on more than the queue."""
        rates = self.gold_rate or self.check_rate or self.repeat_rate
        return bool(rates or self.cap_total or self.cap_day or self.qualification_items)


def watch_of(project: Project) -> Watch:
    """What a project has set; settings that came later have their defaults."""
    known = {key: value for key, value in project.quality.items() if key in Watch.model_fields}
    return Watch.model_validate(known)


DRAWS = 2**31
"""Item.random_key lies below it."""


def overlap_of(project: Project, item: Item) -> int:
    """How many people are asked about an item: its own number, else the share's where it was drawn, else the project's.

    The one place that says it.
    """
    if item.overlap is not None:
        return item.overlap
    watch = watch_of(project)
    return watch.share_overlap if item.random_key / DRAWS < watch.share else project.overlap


def most_overlap(project: Project) -> int:
    """The most people that an item of a project is asked of, unless it has a number of its own."""
    watch = watch_of(project)
    return max(project.overlap, watch.share_overlap) if watch.share else project.overlap
