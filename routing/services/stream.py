"""The price of a person's label on a plan's stream: kept with the plan, moved on in the transaction of each batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from projects.models import Project
from routing.models import Budget, Decision, RoutingPlan, StreamPrice
from routing.pacing import Pace
from routing.policies import Verdict
from routing.services import budgets

MOST_AT_ONCE = 20
FINE = 200
"""The price moves on at least so often while the expected items pass."""
UNKNOWN = 0.5
"""Where a policy has no threshold of its own to begin with."""


@dataclass
class Pacer:
    """`pace`: None before the first item; `left`: items that the budget could still ask of people."""

    row: StreamPrice | None
    expected: int
    left: float
    pace: Pace | None

    @property
    def price(self) -> float | None:
        """The risk from which people are asked now; None: by the policy's own threshold."""
        return None if self.pace is None else self.pace.bar(left=self.left, expected=self.expected)

    def parts(self, n: int) -> Iterator[slice]:
        """Items that are decided at one price, in order."""
        size = n if self.row is None else max(1, min(MOST_AT_ONCE, self.expected // FINE))
        return (slice(start, min(n, start + size)) for start in range(0, n, size)) if n else iter(())

    def passed(self, verdicts: Sequence[Verdict], made: Sequence[Decision | None]) -> None:
        """What became of these verdicts; those of None wait, and will pass another time."""
        if self.row is None:
            return
        if self.pace is None:
            self.pace = Pace(next((one.threshold for one in verdicts if one.threshold is not None), UNKNOWN))
        risks = [
            (1.0 if one.risk is None else one.risk, decision.human_labels > 0)
            for one, decision in zip(verdicts, made, strict=True)
            if decision is not None
        ]
        self.pace = self.pace.after(risks, left=self.left, expected=self.expected)
        self.left -= sum(asked for _risk, asked in risks)

    def keep(self) -> None:
        if self.row is None or self.pace is None:
            return
        self.row.price, self.row.seen, self.row.bought = self.pace.price, self.pace.seen, self.pace.bought
        self.row.save()


def pacer(project: Project, plan: RoutingPlan) -> Pacer:
    """Of a plan whose items come one by one. A stream is paced where the budget has a limit and says of how many items;
    its price is locked until the transaction ends, and begins to count again with each period."""
    budget: Budget = budgets.budget_of(project=project)
    left = budgets.quota(project)
    if budget.expected_items is None or left is None:
        return Pacer(None, 0, 0, None)
    StreamPrice.objects.get_or_create(plan=plan, defaults={"price": UNKNOWN, "since": budget.period_start})
    row = StreamPrice.objects.select_for_update(no_key=True).get(plan=plan)
    if row.since != budget.period_start:
        row.since = budget.period_start
        return Pacer(row, budget.expected_items, left, Pace(row.price))
    return Pacer(row, budget.expected_items, left, Pace(row.price, row.seen, row.bought) if row.seen else None)
