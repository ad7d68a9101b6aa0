"""How likely a judge is to disagree with people on an item: L2 logistic regression on features, calibrated out of fold.

Folds never tear a group apart (items of one prompt), so that the figures speak of prompts that were not seen. Fitting
needs scikit-learn and happens in workers; a risk is numpy alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.history import Cells, Folds, History, out_of_fold

FOLDS = 5
STRENGTH = 0.1
"""Of the penalty, as scikit-learn's C: small data, so a strong one."""
LEAST = 1e-4
"""Risks stay this far from 0 and 1."""

BLOCK = 16_384

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A fitted model as plain numbers. `auc`: of cross-fitted risks, with a 95 % interval; `n`: items it was fitted on.

    A feature that is unknown (NaN) counts as its mean. The raw score is calibrated: logit = slope * score + offset.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    slope: float
    offset: float
    auc: float
    auc_low: float
    auc_high: float
    n: int

    def scores(self, features: ArrayLike) -> Floats:
        """The raw score of each row, in blocks that fit a processor's cache: they may be millions."""
        given = np.asarray(features, dtype=float)
        means, slopes = np.array(self.means), np.array(self.weights) / np.array(self.scales)
        found = np.empty(len(given))
        for start in range(0, len(given), BLOCK):
            block = given[start : start + BLOCK] - means
            block[np.isnan(block)] = 0.0
            np.matmul(block, slopes, out=found[start : start + BLOCK])
        return found + self.intercept

    def risk(self, features: ArrayLike) -> Floats:
        """P(disagrees) of each row of `features`, (n, f)."""
        return _risk(self.slope * self.scores(features) + self.offset)

    def parts(self, features: ArrayLike) -> Floats:
        """What each feature adds to the logit, (n, f)."""
        found: Floats = self.slope * self._standard(features) * np.array(self.weights)
        return found

    def reasons(self, features: ArrayLike) -> list[tuple[str, float]]:
        """(feature, what it adds to the logit) of one row, the weightiest first."""
        (parts,) = self.parts(np.atleast_2d(np.asarray(features, dtype=float)))
        return sorted(zip(self.names, map(float, parts), strict=True), key=lambda one: -abs(one[1]))

    def _standard(self, features: ArrayLike) -> Floats:
        given = (np.asarray(features, dtype=float) - np.array(self.means)) / np.array(self.scales)
        known: Floats = np.nan_to_num(given, nan=0.0)
        return known

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Fitted":
        lists = {key: tuple(stored[key]) for key in ("names", "weights", "means", "scales")}
        return cls(**{**stored, **lists})


def fit(
    features: ArrayLike,
    disagreed: ArrayLike,
    groups: ArrayLike,
    *,
    names: tuple[str, ...],
    measured: ArrayLike | None = None,
    cells: Cells | None = None,
    seed: int = 0,
) -> Fitted:
    """`features`: (n, f), NaN where unknown; `disagreed`: (n,) the share of people who said otherwise, in [0, 1];
    `groups`: (n,) what the folds must not tear apart; `measured`: (n,) the items whose AUC is taken, None: all;
    `cells`: of each item (`routing.history`), whose column then comes last: `names` has it.

    Raises ValueError where the judge was always or never agreed with: there is nothing to learn.
    """
    X, y = np.asarray(features, dtype=float), np.asarray(disagreed, dtype=float)
    if not 0 < y.mean() < 1:
        raise ValueError("the judge agrees always or never: there is nothing to learn")
    scores = cross_fitted(X, y, groups, cells=cells, seed=seed)
    slope, offset = _calibration(scores, y)
    if cells is not None:
        own = out_of_fold(cells, y, np.arange(len(y)), _folds_of(np.asarray(groups), seed))
        X = np.column_stack([X, own])
    counted = slice(None) if measured is None else np.asarray(measured, dtype=bool)
    auc, low, high = auc_of(scores[counted], y[counted])
    means, scales, weights, intercept = regression(X, y)
    return Fitted(
        names=names,
        weights=tuple(map(float, weights)),
        means=tuple(map(float, means)),
        scales=tuple(map(float, scales)),
        intercept=intercept,
        slope=slope,
        offset=offset,
        auc=auc,
        auc_low=low,
        auc_high=high,
        n=len(y),
    )


def constant(share: float, *, names: tuple[str, ...], n: int) -> Fitted:
    """The model that knows nothing of an item: each has the risk `share`."""
    inside = min(1 - LEAST, max(LEAST, share))
    none, ones = (0.0,) * len(names), (1.0,) * len(names)
    logit = float(np.log(inside / (1 - inside)))
    return Fitted(names, none, none, ones, 0.0, 0.0, logit, 0.5, 0.0, 1.0, n)


def cross_fitted(
    features: ArrayLike, disagreed: ArrayLike, groups: ArrayLike, *, cells: Cells | None = None, seed: int = 0
) -> Floats:
    """The raw score of each item by a model that has not seen its group, (n,)."""
    X, y = np.asarray(features, dtype=float), np.asarray(disagreed, dtype=float)
    found = np.zeros(len(y))
    for train, test in _folds(np.asarray(groups), seed):
        if not 0 < y[train].mean() < 1:
            continue
        seen, unseen = X[train], X[test]
        if cells is not None:
            own = out_of_fold(cells, y, train, _folds_of(np.asarray(groups), seed))
            history = History.of([cells[i] for i in train], y[train])
            seen = np.column_stack([seen, own])
            unseen = np.column_stack([unseen, history.column([cells[i] for i in test])])
        found[test] = scorer(seen, y[train])(unseen)
    return found


def cross_fitted_risk(
    features: ArrayLike, disagreed: ArrayLike, groups: ArrayLike, *, cells: Cells | None = None, seed: int = 0
) -> Floats:
    """The calibrated risk of each item by models that have not seen its group, (n,)."""
    y = np.asarray(disagreed, dtype=float)
    scores = cross_fitted(features, y, groups, cells=cells, seed=seed)
    slope, offset = _calibration(scores, y)
    return _risk(slope * scores + offset)


def scorer(features: ArrayLike, disagreed: ArrayLike) -> Callable[[ArrayLike], Floats]:
    """What ranks items by their risk, fitted on all that is given; not calibrated."""
    means, scales, weights, intercept = regression(np.asarray(features, float), np.asarray(disagreed, float))

    def score(of: ArrayLike) -> Floats:
        found: Floats = np.nan_to_num((np.asarray(of, float) - means) / scales, nan=0.0) @ weights + intercept
        return found

    return score


def auc_of(scores: ArrayLike, disagreed: ArrayLike) -> tuple[float, float, float]:
    """P(an item with disagreement scores above one without), with its 95 % interval (Hanley & McNeil 1982).

    `disagreed` may be a share: an item then counts on both sides, by its share.
    """
    s, y = np.asarray(scores, dtype=float), np.asarray(disagreed, dtype=float)
    bad, good = y.sum(), (1 - y).sum()
    if bad <= 0 or good <= 0:
        return 0.5, 0.0, 1.0
    order = np.argsort(s, kind="stable")
    _, starts = np.unique(s[order], return_index=True)
    wrong = np.add.reduceat(y[order], starts)
    right = np.add.reduceat(1 - y[order], starts)
    below = np.cumsum(right) - right
    auc = float((wrong * (below + right / 2)).sum() / (bad * good))
    one, both = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (bad - 1) * (one - auc**2) + (good - 1) * (both - auc**2)
    half = 1.96 * float(np.sqrt(max(spread, 0.0) / (bad * good)))
    return auc, max(0.0, auc - half), min(1.0, auc + half)


def _folds(groups: NDArray[Any], seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    names, codes = np.unique(groups, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(names)) % min(FOLDS, max(2, len(names)))
    for fold in np.unique(place):
        inside = place[codes] == fold
        yield np.flatnonzero(~inside), np.flatnonzero(inside)


def _folds_of(groups: NDArray[Any], seed: int) -> Folds:
    """Folds of some of the items, given by their positions."""
    return lambda rows: _folds(groups[rows], seed)


def regression(X: Floats, y: Floats) -> tuple[Floats, Floats, Floats, float]:
    """(means, scales, weights, intercept). A share counts as so much of either outcome."""
    from sklearn.linear_model import LogisticRegression

    known = ~np.isnan(X)
    count = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, X, 0.0).sum(axis=0) / count
    scales = np.sqrt((np.where(known, X - means, 0.0) ** 2).sum(axis=0) / count)
    scales[scales < 1e-9] = 1.0
    Z = np.nan_to_num((X - means) / scales, nan=0.0)
    rows = [np.flatnonzero(y > 0), np.flatnonzero(y < 1)]
    weight = np.concatenate([y[rows[0]], 1 - y[rows[1]]])
    outcome = np.repeat([1, 0], [len(rows[0]), len(rows[1])])
    model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(Z[np.concatenate(rows)], outcome, sample_weight=weight)
    return means, scales, model.coef_[0], float(model.intercept_[0])


def _calibration(scores: Floats, y: Floats) -> tuple[float, float]:
    """Platt's slope and offset of out-of-fold scores; a slope that would turn the order round is none."""
    from sklearn.linear_model import LogisticRegression

    rows = [np.flatnonzero(y > 0), np.flatnonzero(y < 1)]
    weight = np.concatenate([y[rows[0]], 1 - y[rows[1]]])
    outcome = np.repeat([1, 0], [len(rows[0]), len(rows[1])])
    model = LogisticRegression(C=1e4, max_iter=1000)
    model.fit(scores[np.concatenate(rows), None], outcome, sample_weight=weight)
    slope = float(model.coef_[0, 0])
    base = float(np.log(y.mean() / (1 - y.mean())))
    return (slope, float(model.intercept_[0])) if slope > 0 else (0.0, base)


def _risk(logits: Floats) -> Floats:
    return np.clip(1 / (1 + np.exp(-logits)), LEAST, 1 - LEAST)
