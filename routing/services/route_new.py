"""New items get the router's first word, in short transactions. Safe for any number of routers at once; one that dies
leaves its batch as it was.
"""

from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from annotation.models import Item, ItemResponse
from common.configs import checked
from common.words import gettext_noop
from projects.models import Project
from routing.models import Judge, RoutingPlan
from routing.policies import policy
from routing.services import drawing, walks
from routing.services.decisions import Case, carry_out, seat
from routing.services.judges import usable
from routing.services.plans import current_plan
from routing.texts import plain_text
from routing.words import Chances, Word, drawn_aside, judge_first, settled, without_people

BATCH = 500


@dataclass
class _Turn:
    """`judge`: whom this turn may ask; `waiting`: new items that it has not come to."""

    project: Project
    plan: RoutingPlan
    judge: Judge | None
    waiting: int


def route_new(*, project: Project, limit: int = 10_000) -> int:
    """Routes up to `limit` new items by the plan in force; returns how many.

    An item that the budget has no room for, neither for people nor for the plan's judge, stays new and waits; so does
    one whose judge gets nothing new.
    """
    plan = current_plan(project=project)
    if plan is None or project.state != Project.State.ACTIVE:
        return 0
    judge = plan.judge if plan.judge is not None and usable(plan.judge) else None
    plan.project = project
    if judge is not None:
        judge.project = project
    turn = _Turn(project, plan, judge, _new(project).count())
    return walks.over(
        walks.Walk(project, f"new/{plan.pk}/{judge is not None}"),
        lambda after, most: _batch(turn, after, min(BATCH, most)),
        limit,
    )


def _new(project: Project) -> QuerySet[Item]:
    return Item.objects.filter(project=project, state=Item.State.NEW)


@transaction.atomic
def _batch(turn: _Turn, after: int, limit: int) -> walks.Step:
    """Routes the next items beyond the id `after`."""
    items = _new(turn.project).filter(pk__gt=after).select_related("prompt").order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        items = items.select_for_update(of=("self",), no_key=True, skip_locked=True)
    found = list(items[:limit])
    if not found:
        return walks.Step(after)
    texts = _texts(found)
    cases = [Case(turn.project, turn.plan, item, texts=texts[item.pk]) for item in found]
    words = zip(cases, first_words(turn.plan, turn.judge, cases, waiting=turn.waiting), strict=True)
    done = carry_out(turn.project, words, judge=turn.judge, instead=_judge_instead)
    turn.waiting = max(0, turn.waiting - len(cases))
    return walks.Step(cases[-1].item.pk, len(cases), len(done), len(cases) - len(done))


def _texts(items: list[Item]) -> dict[int, list[str]]:
    """Item → the texts of its responses, without a model instance for each."""
    found: dict[int, list[str]] = {item.pk: [] for item in items}
    rows = ItemResponse.objects.filter(item__in=items).order_by("item", "ordinal")
    for item_id, messages in rows.values_list("item", "response__messages"):
        found[item_id].append(plain_text(messages))
    return found


def first_words(plan: RoutingPlan, judge: Judge | None, cases: list[Case], *, waiting: int) -> list[Word]:
    """The pilot's and calibration's items, and of the others the policy's word, or, where it wants to hear the judge
    first, the judge's turn."""
    chances = drawing.set_aside(plan, judge, waiting=waiting) if judge is not None else Chances()
    plug = policy(plan.policy)
    if plug.judge_first(checked(plug.Config, plan.config)):
        chances = drawing.with_policy(chances, plan, judge, [], waiting=waiting)
        first = judge_first(chances, gettext_noop("The judge is asked first; people follow where it is unsure."))
        return [aside or first for aside in drawn_aside([case.draws for case in cases], chances)]
    verdicts = seat(plan, cases).decide(quota=None)
    chances = drawing.with_policy(chances, plan, judge, verdicts, waiting=waiting)
    drawn = drawn_aside([case.draws for case in cases], chances)
    return [
        aside or settled(verdict, case.draws, chances, judged=False)
        for aside, case, verdict in zip(drawn, cases, verdicts, strict=True)
    ]


def _judge_instead(case: Case, word: Word) -> Word:
    return without_people(word, gettext_noop("The budget for people is spent. The judge was asked instead."))
