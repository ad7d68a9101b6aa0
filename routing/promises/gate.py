"""May a judge replace people here at all? The alternative annotator test (Calderon, Reichart & Dror 2025).

Each person is left out in turn: on their items, does the judge agree with the others at least as often as they do? The
judge wins against a person where it does not fall behind by more than epsilon; it passes where it wins against half.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import ttest_1samp

LEAST_ITEMS, LEAST_PEOPLE = 50, 3


@dataclass(frozen=True)
class Gate:
    """What the test says; `passed`: None where too few people (`people`) have judged enough items.

    `winning_rate`: the share of people against whom the judge wins; `advantage`: the mean probability that it is at
    least as close to the others as a person is.
    """

    passed: bool | None
    winning_rate: float
    advantage: float
    people: int
    items: int


def gate(judge: ArrayLike, people: ArrayLike, *, epsilon: float = 0.2, alpha: float = 0.05) -> Gate:
    """`judge`: (n,) labels as numbers; `people`: (n, r), NaN where a person has not judged.

    epsilon: .2 where people are experts, .1 for a crowd (their section 4). alpha: the false discovery rate over people
    (Benjamini & Yekutieli 2001).
    """
    said, others = np.asarray(judge, dtype=float), np.asarray(people, dtype=float)
    p_values, advantages = [], []
    shared = (~np.isnan(others)).sum(axis=1) >= 2
    for person in range(others.shape[1]):
        mine = shared & ~np.isnan(others[:, person])
        if mine.sum() < LEAST_ITEMS:
            continue
        rest = np.delete(others[mine], person, axis=1)
        judge_fit, own_fit = _fit(said[mine], rest), _fit(others[mine, person], rest)
        behind = (own_fit >= judge_fit).astype(float) - (judge_fit >= own_fit)
        advantages.append(float((judge_fit >= own_fit).mean()))
        p_values.append(_p_value(behind, epsilon))
    if len(p_values) < LEAST_PEOPLE:
        return Gate(None, 0.0, 0.0, len(p_values), int(shared.sum()))
    wins = _rejected(np.array(p_values), alpha)
    rate = float(wins.mean())
    return Gate(rate >= 0.5, rate, float(np.mean(advantages)), len(p_values), int(shared.sum()))


def _fit(labels: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The share of the other people who say the same, item by item."""
    known = ~np.isnan(rest)
    shares: np.ndarray = ((rest == labels[:, None]) & known).sum(axis=1) / known.sum(axis=1)
    return shares


def _p_value(behind: np.ndarray, epsilon: float) -> float:
    """Of the hypothesis that the judge falls behind by epsilon or more."""
    if behind.std() == 0:
        return 0.0 if behind.mean() < epsilon else 1.0
    return float(ttest_1samp(behind, epsilon, alternative="less").pvalue)


def _rejected(p_values: np.ndarray, alpha: float) -> np.ndarray:
    """Benjamini-Yekutieli: which hypotheses fall at the false discovery rate alpha, whatever their dependence."""
    m = len(p_values)
    order = np.argsort(p_values)
    bars = alpha * np.arange(1, m + 1) / (m * (1 / np.arange(1, m + 1)).sum())
    below = np.flatnonzero(p_values[order] <= bars)
    wins = np.zeros(m, dtype=bool)
    wins[order[: below[-1] + 1 if len(below) else 0]] = True
    return wins
