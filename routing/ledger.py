"""The ledger: every label that was asked for, by what it was for and what became of it (docs/adr/0011). Reads only.

A person's line is a Purchase, and its state is its slot's; a judge's line is its call, or a planted case put to it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DecimalField, F, IntegerField, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Greatest

from annotation.models import Annotation, Item, Slot
from annotation.watch import DRAWS, watch_of
from projects.models import Project
from routing.models import Decision, JudgeCall, Probe, Purchase
from routing.services.budgets import LEAST

JUDGE, PLANTED = "judge", "planted"
OF_JUDGES = {JUDGE, PLANTED}
KINDS = (*Decision.Purpose.values, JUDGE, PLANTED)
RESERVED, COMMITTED, RELEASED = "reserved", "committed", "released"
STATES = (RESERVED, COMMITTED, RELEASED)
SECONDS_A_LABEL = 37
"""Of a person, where nobody has been timed yet: the mean of published comparisons (design/routing.md, section 3)."""
OF_SLOT: dict[str, str] = {
    Slot.State.OPEN: RESERVED,
    Slot.State.LEASED: RESERVED,
    Slot.State.DONE: COMMITTED,
    Slot.State.VOID: RELEASED,
}
ENDED = [JudgeCall.State.ANSWERED, JudgeCall.State.REFUSED, JudgeCall.State.FAILED]
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Line:
    """Labels of one kind in one state. `money` in the project's currency; `tokens` of judges; `seconds` of work.

    reserved: asked for; committed: answered; released: not wanted any more, its money given back.
    """

    kind: str
    state: str
    labels: int = 0
    money: Decimal = NOTHING
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Saved:
    """What the routed items would take if people answered all of them, less what was and will be asked: labels of
    people, money of people and judges, seconds of people. Negative where routing costs more than it spares.
    """

    all_human_labels: int
    all_human_money: Decimal
    labels: int
    money: Decimal
    seconds: float


@dataclass(frozen=True)
class Ledger:
    """`lines`: one for each kind and state, in the order of KINDS and STATES, empty ones too."""

    lines: Sequence[Line]
    saved: Saved

    def total(self, state: str) -> Line:
        """All kinds together, in one state; its kind is ""."""
        own = [line for line in self.lines if line.state == state]
        return Line(
            "",
            state,
            sum(line.labels for line in own),
            sum((line.money for line in own), NOTHING),
            sum(line.tokens for line in own),
            sum(line.seconds for line in own),
        )


def ledger(project: Project) -> Ledger:
    """The project's, in five queries whatever its size."""
    found = _of_people(project) | _of_judges(project) | _of_planted(project)
    lines = [found.get((kind, state), Line(kind, state)) for kind in KINDS for state in STATES]
    return Ledger(lines, _saved(project, lines))


def exact(money: Decimal | None) -> Decimal:
    """A sum as the database has it: SQLite adds up in floating point."""
    return (money or NOTHING).quantize(LEAST)


def _of_people(project: Project) -> dict[tuple[str, str], Line]:
    bought = Purchase.objects.filter(slot__project=project).order_by()
    counted = bought.values("decision__purpose", "slot__state").annotate(labels=Count("pk"), money=Sum("price"))
    timed = Annotation.objects.filter(slot__project=project, slot__purchase__isnull=False).order_by()
    by_purpose = timed.values_list("slot__purchase__decision__purpose").annotate(took=Sum("active_ms"))
    took: dict[str, int | None] = dict(by_purpose)
    found: dict[tuple[str, str], Line] = {}
    for row in counted:
        kind, state = row["decision__purpose"], OF_SLOT[row["slot__state"]]
        before = found.get((kind, state), Line(kind, state))
        found[kind, state] = Line(kind, state, before.labels + row["labels"], before.money + exact(row["money"]))
    for (kind, state), line in found.items():
        if state == COMMITTED:
            found[kind, state] = Line(kind, state, line.labels, line.money, seconds=(took.get(kind) or 0) / 1000)
    return found


def _of_judges(project: Project) -> dict[tuple[str, str], Line]:
    calls = JudgeCall.objects.filter(judge__project=project)
    price, given_back = F("judge__price_per_call"), Greatest(F("judge__price_per_call") - F("cost"), Value(NOTHING))
    ended, unanswered = Q(state__in=ENDED), Q(state__in=ENDED) & ~Q(state=JudgeCall.State.ANSWERED)
    sums: dict[str, Any] = calls.aggregate(
        waiting=Count("pk", filter=~ended),
        answered=Count("pk", filter=Q(state=JudgeCall.State.ANSWERED)),
        unanswered=Count("pk", filter=unanswered),
        reserved=Sum(price, filter=~ended),
        spent=Sum("cost"),
        released=Sum(given_back, filter=ended, output_field=DecimalField()),
        tokens=Sum("tokens"),
        took=Sum("milliseconds"),
    )
    asked = sums["waiting"] + sums["answered"] + sums["unanswered"]
    if not asked:
        return {}
    return {
        (JUDGE, RESERVED): Line(JUDGE, RESERVED, sums["waiting"], exact(sums["reserved"])),
        (JUDGE, COMMITTED): Line(
            JUDGE, COMMITTED, sums["answered"], exact(sums["spent"]), sums["tokens"], (sums["took"] or 0) / 1000
        ),
        (JUDGE, RELEASED): Line(JUDGE, RELEASED, sums["unanswered"], exact(sums["released"])),
    }


def _of_planted(project: Project) -> dict[tuple[str, str], Line]:
    """Cases count once they are answered; what is set aside for a batch of them meanwhile has no line."""
    asked = Probe.objects.filter(run__judge__project=project, asked_at__isnull=False)
    sums: dict[str, Any] = asked.aggregate(cases=Count("pk"), money=Sum("cost"))
    return {(PLANTED, COMMITTED): Line(PLANTED, COMMITTED, sums["cases"], exact(sums["money"]))}


def _saved(project: Project, lines: Sequence[Line]) -> Saved:
    wanted = all_human_labels(project)
    live = [line for line in lines if line.state != RELEASED]
    people = [line for line in live if line.kind not in OF_JUDGES]
    labels, done = sum(line.labels for line in people), [line for line in people if line.state == COMMITTED]
    timed, answers = sum(line.seconds for line in done), sum(line.labels for line in done)
    pace = timed / answers if timed and answers else SECONDS_A_LABEL
    money = wanted * project.price_per_label
    return Saved(
        wanted,
        money,
        wanted - labels,
        money - sum((line.money for line in live), NOTHING),
        (wanted - labels) * pace,
    )


def all_human_labels(project: Project) -> int:
    """Labels it would take if people answered every item the router has spoken on: `annotation.watch.overlap_of`, as
    one sum. Items withdrawn since count nothing."""
    watch = watch_of(project)
    drawn = When(item__random_key__lt=math.ceil(watch.share * DRAWS), then=Value(watch.share_overlap))
    usual = Case(drawn, default=Value(project.overlap), output_field=IntegerField())
    first = Decision.objects.filter(item__project=project, ordinal=1).exclude(item__state=Item.State.VOID)
    return int(first.aggregate(wanted=Sum(Coalesce("item__overlap", usual)))["wanted"] or 0)
