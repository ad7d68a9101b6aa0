"""What a person's label is worth on a stream, so that the budget lasts: the dual price of online selection. Pure.

People are asked of an item whose risk reaches the price. After each item the price rises where more was bought than
the share that the budget still allows, and falls where less was: a subgradient step on the dual of "buy the riskiest
within the budget", with the share solved anew from what is left (Agrawal, Wang & Ye, A dynamic near-optimal algorithm
for online linear programming, 2014; Balseiro, Lu & Mirrokni, The best of many worlds, 2022). It is at the same time
the stochastic estimate of a quantile of the risks. The hard stop is the budget's own.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

FIRST_STEP, LEAST_STEP = 0.5, 0.02
SPARE = 0.02
"""Of the items expected: where more come than that, so many are still reckoned with."""


@dataclass(frozen=True)
class Pace:
    """`price`: a risk in [0, 1]; `seen`, `bought`: items that have passed, and what people were asked of."""

    price: float
    seen: int = 0
    bought: int = 0

    def bar(self, *, left: float, expected: int) -> float:
        """The risk from which people are asked now: any, where the budget has room for all that is still to come."""
        return 0.0 if allowed(left=left, expected=expected, seen=self.seen) >= 1 else self.price

    def after(self, risks: Iterable[tuple[float, bool]], *, left: float, expected: int) -> "Pace":
        """Once the items with these risks have passed, in order. (risk, whether people were asked of it)

        `left`: items that the budget could still ask of people before the first of them; `expected`: in all, those that
        have passed included.
        """
        price, seen, bought = self.price, self.seen, self.bought
        for risk, asked in risks:
            share = allowed(left=left, expected=expected, seen=seen)
            step = max(LEAST_STEP, FIRST_STEP / math.sqrt(seen + 1))
            price = min(1.0, max(0.0, price + step * ((risk >= price) - share)))
            seen, bought, left = seen + 1, bought + asked, left - asked
        return Pace(price, seen, bought)


def allowed(*, left: float, expected: int, seen: int) -> float:
    """The share of the items still to come that the budget could ask of people, in [0, 1]."""
    to_come = max(expected - seen, SPARE * expected, 1)
    return min(1.0, max(0.0, left / to_come))
