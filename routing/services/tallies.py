"""What the desk counts: where items went, by what risk, what judges were asked, and the ledger. A small project is
counted whenever somebody looks; a large one in the background, as its progress is (`annotation.services.tallies`).
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Floor
from django.utils import timezone

from annotation.services.tallies import is_small, rest
from projects.models import Project
from routing.ledger import Ledger, Line, Saved, ledger
from routing.models import Decision, JudgeCall, RoutingTally

BANDS = 10
MONEY = ("money", "all_human_money")


@dataclass(frozen=True)
class Band:
    """Items by their risk, from `low` to `high`: kept by the judge, and with people."""

    low: float
    high: float
    kept: int
    people: int


@dataclass(frozen=True)
class Figures:
    """`routes`: items by the route of their last word; `calls`: by state; `bands`: of items whose risk was known."""

    routes: Mapping[str, int]
    calls: Mapping[str, int]
    bands: Sequence[Band]
    ledger: Ledger
    counted_at: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "routes": dict(self.routes),
            "calls": dict(self.calls),
            "bands": [[band.kept, band.people] for band in self.bands],
            "lines": [_plain(line) for line in self.ledger.lines],
            "saved": _plain(self.ledger.saved),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], counted_at: datetime) -> "Figures":
        spent = Ledger([Line(**_exact(line)) for line in stored["lines"]], Saved(**_exact(stored["saved"])))
        return cls(stored["routes"], stored["calls"], _bands(stored["bands"]), spent, counted_at)


def _plain(row: Line | Saved) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in vars(row).items()}


def _exact(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Decimal(value) if name in MONEY else value for name, value in row.items()}


def figures(project: Project) -> Figures | None:
    """As of now where the project is small, else the latest that were counted; None before the first count."""
    if is_small(project):
        return count(project)
    known = RoutingTally.objects.filter(project=project).first()
    return None if known is None else Figures.from_json(known.figures, known.counted_at)


def count(project: Project) -> Figures:
    routes = Counter(dict(last_words(project).values_list("route").annotate(count=Count("pk"))))
    calls = Counter(
        dict(JudgeCall.objects.filter(judge__project=project).order_by().values_list("state").annotate(n=Count("pk")))
    )
    return Figures(
        {route.value: routes[route.value] for route in Decision.Route},
        {state.value: calls[state.value] for state in JudgeCall.State},
        _bands(_by_risk(project)),
        ledger(project),
        timezone.now(),
    )


def last_words(project: Project) -> QuerySet[Decision]:
    """The last word on each item."""
    last = Decision.objects.filter(item=OuterRef("item")).order_by("-ordinal")
    return Decision.objects.filter(item__project=project, pk=Subquery(last.values("pk")[:1])).order_by()


def _by_risk(project: Project) -> list[list[int]]:
    known = last_words(project).filter(risk__isnull=False).annotate(band=Floor(F("risk") * BANDS)).values("band")
    judge = Q(route=Decision.Route.JUDGE)
    found = [[0, 0] for _ in range(BANDS)]
    for row in known.annotate(kept=Count("pk", filter=judge), people=Count("pk", filter=~judge)):
        place = min(BANDS - 1, max(0, int(row["band"])))
        found[place][0] += row["kept"]
        found[place][1] += row["people"]
    return found


def _bands(counts: Sequence[Sequence[int]]) -> list[Band]:
    return [Band(i / BANDS, (i + 1) / BANDS, kept, people) for i, (kept, people) in enumerate(counts)]


def count_due() -> int:
    """Counts the large projects whose figures are old enough; says how many."""
    now, counted = timezone.now(), 0
    routed = Project.objects.exclude(state=Project.State.ARCHIVED).filter(routing_plans__number=1)
    for project in routed.select_related("routing_tally"):
        known = getattr(project, "routing_tally", None)
        if known is not None and now - known.counted_at < rest(known.took_ms):
            continue
        if is_small(project):
            continue
        begun = time.perf_counter()
        found = count(project)
        took = round((time.perf_counter() - begun) * 1000)
        RoutingTally.objects.update_or_create(
            project=project, defaults={"figures": found.as_json(), "took_ms": took, "counted_at": now}
        )
        counted += 1
    return counted
