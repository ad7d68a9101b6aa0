"""What audits say: of what the judge kept, items drawn at random that people judged all the same.

Valid for any rule whatsoever, as it looks only at what the rule kept; and at any moment, as its bounds are a confidence
sequence (`routing.promises.sequences`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from annotation.models import Item
from common.words import gettext_noop as _
from routing import answers
from routing.models import Alarm, Certificate, Decision, Judge, Reading, RoutingPlan, Terms
from routing.policies import per_cent
from routing.promises import sequences
from routing.services.alarms import raise_alarm, supersede
from routing.services.certificates import Ground, begun, end
from routing.services.certifying import tag_of
from routing.services.judges import suspend

POINTS = 100
"""Of a course that is drawn."""


@dataclass(frozen=True)
class Audit:
    """One item that was audited. `order`: by when the answer came; `tag`: the slice it is in."""

    order: int
    disagrees: bool
    tag: str


@dataclass(frozen=True)
class Bound:
    """Of `n` audits `k` disagree; `low` and `high` hold with 1 - `delta`, whenever one looks. `waiting`: not answered
    yet; `course`: (n, k, low, high) as they came in."""

    n: int
    k: int
    waiting: int
    delta: float
    course: Sequence[tuple[int, int, float, float]]

    @property
    def low(self) -> float:
        return sequences.lower(self.k, self.n, self.delta)

    @property
    def high(self) -> float:
        return sequences.upper(self.k, self.n, self.delta)


def plans_of_rule(plan: RoutingPlan) -> list[int]:
    """The plan and those right before it that decide by the same policy, configuration and judge."""
    found = []
    rows = RoutingPlan.objects.filter(project=plan.project_id, number__lte=plan.number).order_by("-number")
    for row in rows:
        if (row.policy, row.config, row.judge_id) != (plan.policy, plan.config, plan.judge_id):
            break
        found.append(row.pk)
    return found


def audits(plan: RoutingPlan, ground: Ground, tag: str, since: datetime) -> tuple[list[Audit], dict[str, int]]:
    """The audits of the plan's rule in the order of their answers; and how many of each slice wait ("": of all)."""
    drawn = Decision.objects.filter(
        plan__in=plans_of_rule(plan), purpose=Decision.Purpose.AUDIT, created_at__gte=since
    ).exclude(item__state=Item.State.VOID)
    items = {item.pk: item for item in Item.objects.filter(pk__in=drawn.values("item")).select_related("prompt")}
    ids = list(items)
    judged = answers.of_judge(ground.judge, ids, **ground.of_answers())
    people = answers.of_people(ids, **ground.of_answers())
    compared = answers.Comparison(ground.form_version)
    found, waiting = [], defaultdict[str, int](int)
    for pk, item in items.items():
        slice_ = tag_of(item, tag)
        if pk not in people or pk not in judged:
            waiting[""] += 1
            if slice_:
                waiting[slice_] += 1
            continue
        human = answers.one_of(item, people[pk])
        agrees = compared.agrees(judged[pk].values, human.values)
        if agrees is not None:
            found.append(Audit(human.id, not agrees, slice_))
    return sorted(found, key=lambda one: one.order), dict(waiting)


def bounds(rows: Sequence[Audit], waiting: dict[str, int], *, delta: float, tag: str) -> dict[str, Bound]:
    """Slice → its bounds, "" for all. Where there are slices, all together hold with 1 - delta: half of it is for all,
    the j-th slice to be seen has 1 / (j (j + 1)) of the other half."""
    slices = list(dict.fromkeys(row.tag for row in rows if row.tag)) if tag else []
    found = {"": _bound(rows, waiting.get("", 0), delta / 2 if tag else delta)}
    for j, name in enumerate(slices, start=1):
        own = [row for row in rows if row.tag == name]
        found[name] = _bound(own, waiting.get(name, 0), delta / 2 / (j * (j + 1)))
    return found


def _bound(rows: Sequence[Audit], waiting: int, delta: float) -> Bound:
    course, k = [], 0
    step = max(1, len(rows) // POINTS)
    for n, row in enumerate(rows, start=1):
        k += row.disagrees
        if n % step == 0 or n == len(rows):
            course.append((n, k, sequences.lower(k, n, delta), sequences.upper(k, n, delta)))
    return Bound(len(rows), k, waiting, delta, course)


def read_audits(*, plan: RoutingPlan, ground: Ground, terms: Terms) -> dict[str, Bound]:
    """Reads the audits of the plan's rule, stores what they say, and raises the alarm where they disagree more than
    was promised: then certificates end, and where the terms say so the judge gets nothing new."""
    rows, waiting = audits(plan, ground, terms.tag, begun(ground))
    found = bounds(rows, waiting, delta=terms.delta, tag=terms.tag)
    kept = Reading.objects.filter(judge=ground.judge, kind=Reading.Kind.AUDIT)
    kept.exclude(subject__in=found).delete()
    for tag, bound in found.items():
        Reading.objects.update_or_create(
            judge=ground.judge,
            kind=Reading.Kind.AUDIT,
            subject=tag,
            defaults={
                "project": plan.project,
                "value": bound.k / bound.n if bound.n else None,
                "low": bound.low,
                "high": bound.high,
                "labelled": bound.n,
                "items": bound.n + bound.waiting,
                "limit": terms.alpha,
                "details": {"delta": bound.delta, "disagree": bound.k, "course": bound.course},
            },
        )
        if bound.low > terms.alpha:
            _alarm(plan, ground.judge, tag, bound, terms)
    return found


def _alarm(plan: RoutingPlan, judge: Judge, tag: str, bound: Bound, terms: Terms) -> None:
    numbers = {"k": bound.k, "n": bound.n, "low": per_cent(bound.low), "alpha": per_cent(terms.alpha)}
    if tag:
        said = _(
            "Of %(n)s audited items with %(tag)s people disagreed with the judge on %(k)s: at least %(low)s of what it "
            "keeps, where at most %(alpha)s is allowed."
        ) % (numbers | {"tag": tag})
    else:
        said = (
            _(
                "Of %(n)s audited items people disagreed with the judge on %(k)s: at least %(low)s of what it keeps, "
                "where at most %(alpha)s is allowed."
            )
            % numbers
        )
    about: dict[str, Any] = {
        "project": plan.project,
        "kind": Alarm.Kind.AUDIT,
        "subject": (f"{judge.name}: {tag}" if tag else judge.name)[:200],
    }
    # Only audits since the last alarm are read, so that whatever is still open spoke of others.
    supersede(**about)
    raised = raise_alarm(
        **about,
        said=said,
        judge=judge.pk,
        tag=tag,
        n=bound.n,
        k=bound.k,
        low=bound.low,
    )
    if raised is None:
        return
    # The sample that they were made of no longer speaks of what comes in, in whichever slice.
    end(Certificate.objects.filter(judge=judge), _("Audits disagree more than was promised."))
    if terms.suspend:
        suspend(judge=judge, why=said)
