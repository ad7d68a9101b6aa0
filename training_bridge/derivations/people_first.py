"""People's votes go before judges', and judges who err together are never pooled as if they were independent.

Pooled, six judges that make the same mistakes drown one person: each repeats the evidence of the others.
"""

from collections.abc import Callable

import numpy as np

from training_bridge.derivations import Estimate, Say
from training_bridge.derivations.votes import Floats, Votes

Fitted = Callable[[Votes, Say], Estimate]


def in_turn(votes: Votes, fitted: Fitted, say: Say) -> Estimate:
    """`fitted` of people's votes; then of judges', measured against what came of people's, on the units left to them.

    On those the judges of a unit have the evidence of one rater between them. What judges say changes no unit that
    people have judged.
    """
    soft = np.where(votes.is_known[:, None], votes.known, 1 / votes.outcomes)
    turns: list[Estimate] = []
    for which in (votes.by_person, ~votes.by_person):
        if not which.any():
            continue
        judges = bool(turns) or not votes.by_person.any()
        known = np.where(votes.settled[:, None], soft, np.nan) if judges else votes.known
        weight = np.where(votes.settled[votes.unit], votes.weight, votes.heard) if judges else votes.weight
        part, units = votes.part(which, known=known, weight=weight)
        found = fitted(part, say)
        soft[units] = found.soft
        turns.append(found)
    if not turns:
        return Estimate(soft, np.zeros(votes.raters), np.zeros(votes.raters))
    return _together(votes, soft, turns)


def _together(votes: Votes, soft: Floats, turns: list[Estimate]) -> Estimate:
    """Each rater as found in their own turn: the last one's for judges, the first one's for people."""
    first, last = turns[0], turns[-1]
    errors = None
    if first.errors is not None and last.errors is not None:
        errors = np.where(votes.human[:, None, None], first.errors, last.errors)
    facts = {**last.facts, **first.facts}
    hits, of = (np.where(votes.human, getattr(first, name), getattr(last, name)) for name in ("hits", "of"))
    return Estimate(soft, hits, of, facts, errors)
