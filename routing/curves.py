"""What labels would be worth if a share of the items were bought from people: measured where several people judged all.

A judge's label is free, a person's costs 1. An item's label is the judge's or, where it was bought, one person's; the
reference is what the *other* people say, where they all agree: each person is left out in turn. With a single known
answer (`gold`) that answer is label and reference. Agreement is exact: a tie is an answer like any other. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from routing import disagreement
from routing.promises import thresholds

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
MISSING = -1
PILOT = 150
"""Items of a cold start that are labelled at random, and at most half of the budget."""


@dataclass(frozen=True, eq=False)
class Cases:
    """n items: `judge` (n,) the free labels as codes; `people` (n, r), MISSING where a person has not judged; `groups`
    (n,); `features` (n, f); `doubt` (n,): how unsure the judge is of itself, by whatever it tells.
    """

    judge: Codes
    people: Codes
    groups: NDArray[Any]
    features: Floats
    doubt: Floats
    gold: bool = False

    def __len__(self) -> int:
        return len(self.judge)

    @cached_property
    def sides(self) -> list[tuple[Codes, Codes]]:
        """(own, reference) by the person who is left out; MISSING where there is no such label."""
        if self.gold:
            return [(self.people[:, 0], self.people[:, 0])]
        found = []
        for person in range(self.people.shape[1]):
            rest = np.delete(self.people, person, axis=1)
            top = rest.max(axis=1)
            lowest = np.where(rest == MISSING, top[:, None], rest).min(axis=1)
            own = self.people[:, person]
            agreed = (top == lowest) & (top != MISSING) & (own != MISSING)
            found.append((own, np.where(agreed, top, MISSING)))
        return found

    @cached_property
    def disagreed(self) -> Floats:
        """The share of people who said otherwise than the judge, (n,)."""
        known = self.people != MISSING
        differ = ((self.people != self.judge[:, None]) & known).sum(axis=1)
        share: Floats = differ / np.maximum(known.sum(axis=1), 1)
        return share


Choose = Callable[[Cases, int, int], "list[NDArray[np.bool_]]"]
"""(cases, items to buy, seed) → which are bought, (n,), for each person left out."""


def agreement(cases: Cases, bought: Sequence[NDArray[np.bool_]], weight: Floats | None = None) -> float:
    """The share of labels that match the reference; `weight`: of each item, for a bootstrap."""
    matches = total = 0.0
    of_each = np.ones(len(cases)) if weight is None else weight
    for (own, reference), taken in zip(cases.sides, bought, strict=True):
        known = reference != MISSING
        label = np.where(taken & (own != MISSING), own, cases.judge)
        matches += float((of_each * known * (label == reference)).sum())
        total += float((of_each * known).sum())
    return matches / total if total else float("nan")


def _top(scores: Floats, k: int, seed: int) -> NDArray[np.bool_]:
    """The k largest; among equals by chance."""
    chance = np.random.default_rng(seed).random(len(scores))
    taken = np.zeros(len(scores), dtype=bool)
    taken[np.lexsort((chance, -scores))[:k]] = True
    return taken


def _alike(cases: Cases, taken: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    return [taken for _ in cases.sides]


def at_random(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    return _alike(cases, _top(np.zeros(len(cases)), k, seed))


def by_doubt(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    return _alike(cases, _top(cases.doubt, k, seed))


def learned_warm(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    """The riskiest, by models fitted on the earlier labels of other groups."""
    return _alike(cases, _top(_warm(cases, seed), k, seed))


@cache
def _warm(cases: Cases, seed: int) -> Floats:
    return disagreement.cross_fitted(cases.features, cases.disagreed, cases.groups, seed=seed)


def learned_cold(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    """A random pilot is bought first and paid from the budget; a model of it ranks the rest."""
    found = []
    for own, _ in cases.sides:
        pilot = _top(np.zeros(len(cases)), min(PILOT, k // 2), seed) & (own != MISSING)
        said = (own != cases.judge)[pilot].astype(float)
        if len(said) < 2 or not 0 < said.mean() < 1:
            found.append(_top(pilot + 0.0, k, seed))
            continue
        score = disagreement.scorer(cases.features[pilot], said)
        found.append(_top(np.where(pilot, np.inf, score(cases.features)), k, seed))
    return found


def by_gain(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    """Where a person's label is worth more than the judge's, the most gainful first; never where it is worth less."""
    worth = gains(cases, seed)
    return _alike(cases, _top(worth, k, seed) & (worth > 0))


@cache
def gains(cases: Cases, seed: int = 0) -> Floats:
    """P(a person agrees with another) - P(the judge agrees with a person), cross-fitted, (n,)."""
    risk = disagreement.cross_fitted_risk(cases.features, cases.disagreed, cases.groups, seed=seed)
    among = among_people(cases)
    known = ~np.isnan(among)
    if not known.any() or not 0 < among[known].mean() < 1:
        return risk - (float(among[known].mean()) if known.any() else 0.0)
    people = np.full(len(cases), among[known].mean())
    people[known] = disagreement.cross_fitted_risk(cases.features[known], among[known], cases.groups[known], seed=seed)
    worth: Floats = risk - people
    return worth


def among_people(cases: Cases) -> Floats:
    """The share of pairs of people who say different things, (n,); NaN where fewer than two have judged."""
    if cases.gold:
        return np.zeros(len(cases))
    pairs = differ = np.zeros(len(cases))
    for one in range(cases.people.shape[1]):
        for other in range(one):
            both = (cases.people[:, one] != MISSING) & (cases.people[:, other] != MISSING)
            pairs = pairs + both
            differ = differ + (both & (cases.people[:, one] != cases.people[:, other]))
    return np.where(pairs > 0, differ / np.maximum(pairs, 1), np.nan)


def oracle(cases: Cases, k: int, seed: int) -> list[NDArray[np.bool_]]:
    """What nobody can know: the items where the person is right and the judge wrong; never the other way round."""
    found = []
    for own, reference in cases.sides:
        known = reference != MISSING
        worth = known * ((own == reference).astype(float) - (cases.judge == reference))
        found.append(_top(worth, k, seed) & (worth >= 0))
    return found


POLICIES: dict[str, Choose] = {
    "random": at_random,
    "confidence": by_doubt,
    "learned_warm": learned_warm,
    "learned_cold": learned_cold,
    "gain": by_gain,
    "oracle": oracle,
}


def curve(cases: Cases, choose: Choose, share: float, seeds: int) -> float:
    """Agreement with so large a share of the items bought, the mean over seeds."""
    k = round(share * len(cases))
    return float(np.mean([agreement(cases, choose(cases, k, seed)) for seed in range(seeds)]))


def reached(cases: Cases, *, shares: Sequence[int], seeds: int) -> dict[str, dict[str, float]]:
    """{policy: {share in %: agreement in %}}."""
    return {
        key: {str(share): round(100 * curve(cases, choose, share / 100, seeds), 2) for share in shares}
        for key, choose in POLICIES.items()
    }


def people_agreement(cases: Cases) -> list[float]:
    """The share of the items that both judged on which they say the same, of each two people."""
    found = []
    for one, other in combinations(cases.people.T, 2):
        both = (one != MISSING) & (other != MISSING)
        if both.any():
            found.append(float((one == other)[both].mean()))
    return found


def lift_interval(cases: Cases, choose: Choose, share: float, *, draws: int = 200) -> tuple[float, float]:
    """A 95 % interval of the lift over `random` at a share: groups are drawn anew, policies stay as fitted."""
    k, random = round(share * len(cases)), np.random.default_rng(0)
    names, codes = np.unique(cases.groups, return_inverse=True)
    ours, theirs = choose(cases, k, 0), [at_random(cases, k, seed) for seed in range(5)]
    lifts = []
    for _ in range(draws):
        weight = np.bincount(random.integers(0, len(names), len(names)), minlength=len(names))[codes].astype(float)
        base = float(np.mean([agreement(cases, one, weight) for one in theirs]))
        lifts.append(agreement(cases, ours, weight) - base)
    low, high = np.quantile(lifts, [0.025, 0.975])
    return float(low), float(high)


def share_for(cases: Cases, choose: Choose, wanted: float, *, seeds: int) -> float | None:
    """The smallest share of people, in steps of 2 %, that reaches an agreement; None where not even all do."""
    steps = np.arange(0, 1.001, 0.02)
    return next((float(share) for share in steps if curve(cases, choose, float(share), seeds) >= wanted), None)


def certificate(cases: Cases, *, delta: float = 0.1, runs: int = 1000, sample: int = 300) -> dict[str, Any]:
    """How often a certified threshold breaks its word where the truth is known: these items are the whole world.

    Promised is ten points more than the judge's agreement with people. `coverage`: what the judge may keep, on average.
    """
    asked = [(item, person) for item, person in np.argwhere(cases.people != MISSING)]
    rows = np.array(asked)
    risk = disagreement.cross_fitted_risk(cases.features, cases.disagreed, cases.groups)
    sure = 1 - risk[rows[:, 0]]
    agrees = cases.people[rows[:, 0], rows[:, 1]] == cases.judge[rows[:, 0]]
    alpha = max(0.05, 1 - float(agrees.mean()) - 0.1)
    order = np.argsort(-sure, kind="stable")
    means = np.cumsum(agrees[order]) / np.arange(1, len(order) + 1)

    def kept(threshold: float | None) -> tuple[float, bool]:
        """(share kept, whether the promise is broken)."""
        if threshold is None:
            return 0.0, False
        n = int(np.searchsorted(-sure[order], -threshold, side="right"))
        return n / len(order), bool(n and means[n - 1] < 1 - alpha)

    random, told, naive = np.random.default_rng(0), [], []
    for _ in range(runs):
        drawn = random.integers(0, len(sure), sample)
        made = thresholds.certify(sure[drawn], agrees[drawn], alpha=alpha, delta=delta)
        told.append(kept(made.threshold))
        naive.append(kept(thresholds.naive(sure[drawn], agrees[drawn], alpha=alpha))[1])
    return {
        "promised": round(1 - alpha, 4),
        "violations": round(float(np.mean([broken for _, broken in told])), 4),
        "coverage": round(float(np.mean([share for share, _ in told])), 4),
        "naive_violations": round(float(np.mean(naive)), 4),
    }


LOOKS = range(20, 1001, 5)
WORTH = 0.05
"""A label of a person must make at least so much more likely that the item is right, or it is not worth buying."""


def stop_buying_after(cases: Cases, *, seeds: int = 20) -> int | None:
    """After how many doubly labelled items more single labels of people are known not to pay; None: they do.

    Looked at every five items: the gain over the judge is bounded from above, for the doubtful half of the items and
    for the other, with ten per cent of error shared out over the looks as 1 / (k (k + 1)). The median over seeds.
    """
    among = among_people(cases)
    known = np.flatnonzero(~np.isnan(among))
    if cases.gold or len(known) < LOOKS[0]:
        return None
    gain = cases.disagreed - among
    found = []
    for seed in range(seeds):
        drawn = np.random.default_rng(seed).permutation(known)
        found.append(_stops(gain[drawn], cases.doubt[drawn]))
    stops = [one for one in found if one is not None]
    return int(median(stops)) if len(stops) * 2 > len(found) else None


def _stops(gain: Floats, doubt: Floats) -> int | None:
    return next((n for n in LOOKS if n <= len(gain) and most_gained(gain[:n], doubt[:n]) < WORTH), None)


def most_gained(gain: Floats, doubt: Floats) -> float:
    """What a human label gains at most: an upper bound for the half of the items where the judge is in more doubt and
    for the other half, whichever is higher; looked at in the order of the items, every five of them."""
    n = len(gain)
    look = max(1, sum(one <= n for one in LOOKS))
    z = float(norm.ppf(1 - 0.1 / (look * (look + 1))))
    doubtful = doubt >= np.median(doubt)
    halves = [one for one in (gain[doubtful], gain[~doubtful]) if len(one) >= 5]
    return max((float(one.mean() + z * one.std() / np.sqrt(len(one))) for one in halves), default=1.0)


def measure(cases: Cases, *, name: str, shares: Sequence[int], seeds: int) -> Mapping[str, Any]:
    """All that `make bench-route` reports, agreement in per cent."""
    scores = disagreement.cross_fitted(cases.features, cases.disagreed, cases.groups)
    references = [(reference, reference != MISSING) for _, reference in cases.sides]
    wrong = np.concatenate([(cases.judge != reference)[known] for reference, known in references])
    auc, *_ = disagreement.auc_of(np.concatenate([scores[known] for _, known in references]), wrong)
    found: dict[str, Any] = {}
    points = reached(cases, shares=shares, seeds=seeds)
    for key, choose in POLICIES.items():
        rows = {}
        for share in shares:
            low, high = (0.0, 0.0) if key == "random" else lift_interval(cases, choose, share / 100)
            rows[str(share)] = {
                "agreement": points[key][str(share)],
                "lift": round(points[key][str(share)] - points["random"][str(share)], 2),
                "ci": [round(100 * low, 2), round(100 * high, 2)],
            }
        found[key] = rows
    half = curve(cases, at_random, 0.5, seeds)
    few = max(1, seeds // 4)
    return {
        "dataset": name,
        "auc": round(auc, 4),
        "policies": found,
        "human_share_for_random_50": {
            "warm": share_for(cases, learned_warm, half, seeds=few),
            "cold": share_for(cases, learned_cold, half, seeds=few),
        },
        "certificate": certificate(cases),
        "stop_buying_after": stop_buying_after(cases),
    }
