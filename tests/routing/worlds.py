"""Routed items in bulk, with everything that the router, a judge and people have done about them."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from annotation.models import Annotation, Item, ItemResponse, Rater, Slot
from corpus.models import Prompt, Response
from routing.models import Decision, Judge, JudgeCall, RoutingPlan
from tests import factories

_number = itertools.count()


@dataclass(frozen=True)
class Done:
    """What was done about one item. `judge`, `people`: their choices on it; whoever has the same place among people is
    the same rater on every item, None has not answered. `asked`: of the word that counts."""

    judge: str | None = "left"
    people: Sequence[str | None] = ()
    purpose: str = "plan"
    route: str = "judge"
    asked: float = 1.0
    confidence: float | None = 0.9
    risk: float | None = None
    threshold: float | None = None
    tags: Mapping[str, object] = field(default_factory=dict)
    models: tuple[str, str] = ("", "")


def make(plan: RoutingPlan, judge: Judge, done: Sequence[Done]) -> list[Item]:
    """The items of `done`, in order, each with its decision, its call, its slots and its answers."""
    project, first = plan.project, next(_number)
    form, guideline = project.form_versions.first(), project.guidelines.first()
    prompts = Prompt.objects.bulk_create(
        Prompt(
            project=project, external_id=f"w{first}-{i}", group=f"{i}", messages=_words("user", i), tags=dict(one.tags)
        )
        for i, one in enumerate(done)
    )
    responses = Response.objects.bulk_create(
        Response(
            prompt=prompt,
            external_id=f"{side}",
            messages=_words("assistant", i + side),
            author_kind=Response.Author.MODEL,
            model_name=one.models[side],
        )
        for i, (prompt, one) in enumerate(zip(prompts, done, strict=True))
        for side in (0, 1)
    )
    pairs = list(zip(responses[::2], responses[1::2], strict=True))
    items = Item.objects.bulk_create(
        Item(
            project=project, external_id=f"w{first}-{i}", prompt=prompt, state="open" if None in one.people else "done"
        )
        for i, (prompt, one) in enumerate(zip(prompts, done, strict=True))
    )
    ItemResponse.objects.bulk_create(
        ItemResponse(item=item, response=response, ordinal=side)
        for item, pair in zip(items, pairs, strict=True)
        for side, response in enumerate(pair)
    )
    decisions = Decision.objects.bulk_create(
        Decision(
            item=item,
            plan=plan,
            ordinal=1,
            route=one.route,
            purpose=one.purpose,
            propensity=1 - one.asked if one.route == "judge" and one.asked < 1 else one.asked or 1.0,
            asked=one.asked,
            risk=one.risk,
            threshold=one.threshold,
        )
        for item, one in zip(items, done, strict=True)
    )
    people = _people(project, max((len(one.people) for one in done), default=0))
    said = [(item, pair, 0, judge.rater, one.judge) for item, pair, one in zip(items, pairs, done, strict=True)]
    said += [
        (item, pair, place + 1, people[place], choice)
        for item, pair, one in zip(items, pairs, done, strict=True)
        for place, choice in enumerate(one.people)
    ]
    given = [row for row in said if row[4] is not None]
    slots = Slot.objects.bulk_create(
        Slot(
            item=item,
            project=project,
            ordinal=place,
            audience="judge" if rater == judge.rater else "human",
            state=Slot.State.DONE,
            rater=rater,
            token=uuid.uuid4(),
            leased_at=timezone.now(),
            display_order=[one.pk for one in pair],
            form_version=form,
        )
        for item, pair, place, rater, _choice in given
    )
    Annotation.objects.bulk_create(
        Annotation(
            item=item,
            rater=rater,
            slot=slot,
            standing=Annotation.Standing.COUNTED,
            values={"preference": _value(pair, str(choice))},
            form_version=form,
            guideline=guideline,
            body_hash="0" * 64,
        )
        for (item, pair, _place, rater, choice), slot in zip(given, slots, strict=True)
    )
    JudgeCall.objects.bulk_create(
        JudgeCall(judge=judge, item=item, decision=decision, state="answered", confidence=one.confidence)
        for item, decision, one in zip(items, decisions, done, strict=True)
        if one.judge is not None
    )
    return items


def _words(role: str, number: int) -> list[dict[str, str]]:
    return [{"role": role, "content": f"Text number {number} about bicycles"}]


def _value(pair: Sequence[Response], choice: str) -> dict[str, object]:
    strength = 0 if choice in {"tie", "both_bad"} else 1
    return {"left": pair[0].pk, "right": pair[1].pk, "choice": choice, "strength": strength}


def _people(project: object, number: int) -> list[Rater]:
    known = list(Rater.objects.filter(project=project, pseudonym__startswith="world-").order_by("pseudonym"))
    more = range(len(known), number)
    return known + [factories.RaterFactory(project=project, pseudonym=f"world-{place:03}") for place in more]
