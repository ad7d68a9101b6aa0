"""For whom an item is: lanes by language, cohort and topic, and which of them a rater's next item may come from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max, Q

from annotation.models import Item, Lane
from corpus.models import Prompt
from projects.models import Membership, Project

LIMIT = 400
"""Lanes of one project. Every claim looks at the head of each that the rater may have."""
EVERYBODY = 0


@dataclass(frozen=True)
class Wanted:
    """Whom an item asks for; "" asks for nobody in particular."""

    language: str = ""
    cohort: str = ""
    topic: str = ""


def topic_of(tags: Mapping[str, Any]) -> str:
    """The topic among a prompt's tags: what `topic` says (the first, of several), else the first tag that is set."""
    named = tags.get("topic", tags.get("topics"))
    if isinstance(named, list):
        named = next(iter(named), "")
    if isinstance(named, str):
        return named.strip()[:80]
    return min((key for key, value in tags.items() if value is True), default="")[:80]


def number_of(*, project: Project, wanted: Wanted) -> int:
    """The lane's number, made on first use.

    A project that has LIMIT lanes makes no more but for a cohort, which is a promise: language and topic give way.
    """
    if wanted == Wanted():
        return EVERYBODY
    fields = {"language": wanted.language[:35], "cohort": wanted.cohort[:40], "topic": wanted.topic[:80]}
    while (found := Lane.objects.filter(project=project, **fields).first()) is None:
        last = Lane.objects.filter(project=project).aggregate(last=Max("number"))["last"]
        if last is not None and last >= LIMIT and (wanted.language or wanted.topic):
            return number_of(project=project, wanted=Wanted(cohort=wanted.cohort))
        try:
            with transaction.atomic():
                if last is None:
                    Lane.objects.create(project=project, number=EVERYBODY)
                return Lane.objects.create(project=project, number=(last or EVERYBODY) + 1, **fields).number
        except IntegrityError:
            continue  # somebody else has just made this one, or taken the number
    return found.number


def numbers_of(*, project: Project, wanted: Iterable[Wanted]) -> dict[Wanted, int]:
    """The same for many: one query for all that are known."""
    missing = set(wanted)
    known = {
        Wanted(lane.language, lane.cohort, lane.topic): lane.number for lane in Lane.objects.filter(project=project)
    } | {Wanted(): EVERYBODY}
    return {one: known[one] if one in known else number_of(project=project, wanted=one) for one in missing}


def put_in_lanes(project: Project, made: Sequence[Item], prompts: Mapping[int, Prompt]) -> None:
    """Says for whom new items are: by their prompt's language and topic, and the cohort that their row names."""
    wanted = []
    for item in made:
        prompt, cohort = prompts[item.prompt_id], item.meta.get("cohort")
        named = cohort if isinstance(cohort, str) else ""
        wanted.append(Wanted(prompt.language, named[:40], topic_of(prompt.tags)))
    numbers = numbers_of(project=project, wanted=wanted)
    for item, one in zip(made, wanted, strict=True):
        item.lane = numbers[one]


@dataclass(frozen=True)
class Open:
    """Which lanes are open to somebody who reads `languages`, is of `cohort` and takes `topics`; none named: all.

    A tag stands for its own regions: who reads `de` is given `de-AT`, and who reads `de-AT` is given `de`.
    """

    languages: tuple[str, ...] = ()
    cohort: str = ""
    topics: tuple[str, ...] = ()

    @classmethod
    def to(cls, membership: Membership | None) -> "Open":
        if membership is None:
            return cls()
        return cls(tuple(membership.languages), membership.cohort, tuple(membership.topics))

    @property
    def lanes(self) -> Q:
        """Of Lane."""
        found = Q(cohort__in=["", self.cohort])
        if self.languages:
            spoken = Q(language="")
            for tag in self.languages:
                main = tag.partition("-")[0]
                spoken |= Q(language__iexact=tag) | Q(language__iexact=main)
                if tag == main:
                    spoken |= Q(language__istartswith=f"{main}-")
            found &= spoken
        if self.topics:
            found &= Q(topic__in=["", *self.topics])
        return found
