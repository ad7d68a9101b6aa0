"""Reads of judges: what they were asked and said, and how well they agree with people."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from annotation.services.forms import current_form
from common.charts import fixed
from common.errors import NotFound
from projects.models import Project
from routing.against import beside, judged
from routing.answers import Comparison
from routing.calibration import Proportion
from routing.models import Judge, JudgeCall

MOST_COMPARED = 5000


def judges(project: Project) -> QuerySet[Judge]:
    return project.judges.select_related("rater").order_by("retired_at", "name")


def judge_of(project: Project, judge_id: int) -> Judge:
    found = judges(project).select_related("project").filter(pk=judge_id).first()
    if found is None:
        raise NotFound
    return found


def judge_calls(project: Project, *, judge: int | None = None, state: str | None = None) -> QuerySet[JudgeCall]:
    """Newest first."""
    found = JudgeCall.objects.filter(judge__project=project).select_related("judge", "item").order_by("-pk")
    found = found.filter(judge=judge) if judge else found
    return found.filter(state=state) if state else found


def calls_by_state(calls: QuerySet[JudgeCall]) -> dict[str, int]:
    found = Counter(dict(calls.order_by().values_list("state").annotate(count=Count("pk"))))
    return {state.value: found[state.value] for state in JudgeCall.State}


@dataclass(frozen=True)
class Agreement:
    """How often people say what a judge says, of all items that it answers: an item counts by one over the probability
    that people were asked of it, so that it does not matter whom the router sent where.

    `pairs`: (item, field, person) compared, of `items`; `interval`: 95 %. Items that people could not be asked of
    are left out.
    """

    pairs: int
    items: int
    share: float
    interval: tuple[float, float]

    @property
    def percent(self) -> str:
        return fixed(100 * self.share, 1)

    @property
    def low_percent(self) -> str:
        return fixed(100 * self.interval[0], 1)

    @property
    def high_percent(self) -> str:
        return fixed(100 * self.interval[1], 1)


def judge_agreement(judge: Judge) -> Agreement:
    """On the judge's last 5,000 answers; people known from an import count as people."""
    compared, found = Comparison(current_form(project=judge.project)), Proportion()
    for one in beside(list(judged(judge.rater_id).order_by("-pk")[:MOST_COMPARED])):
        same = [compared.same(one.judged.values, person.values) for person in one.people]
        found.add([float(hit) for hits in same for hit in hits], 1 / one.asked)
    return Agreement(found.n, found.clusters, found.share or 0.0, found.interval)
