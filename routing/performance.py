"""What would have come of other mixes of human and AI labels: the performance prediction of "Hybrid Preferences:
Learning to Route Instances for Human vs. AI Feedback" (Miranda et al., ACL 2025), as an offline report. Pure.

Mixes are drawn that send different items to people; a proxy reward model is trained on each and measured on people's
preferences it has not seen; a ridge regression tells the quality of a mix from how many items of each kind people have
judged in it; an item's gain is what its kinds add. A reward model here is a linear head on given representations,
fitted by ridge regression: it is linear in the labels, so that every mix costs one product with a matrix.

It needs people's labels of every item that it speaks of: what routes day by day is `routing.disagreement`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from common.words import gettext_noop as _

Floats = NDArray[np.float64]

MIXES = 200
SPLITS = 8
BINS = 3
PENALTY = 1.0
"""Of a linear head, per row, on standardised representations."""
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
LEAST = 100
"""With fewer items a report would say nothing."""


@dataclass(frozen=True, eq=False)
class World:
    """r pairs of responses of n items. `apart` (r, d): representation of the left less that of the right; `item` (r,):
    which item a pair is of; `people`, `judge` (r,): what each prefers, from -1 (right) to 1 (left); `kinds` (n, f):
    what an item is, each in [0, 1]; `groups` (n,): what training and test must not share.
    """

    apart: Floats
    item: NDArray[np.int64]
    people: Floats
    judge: Floats
    kinds: Floats
    names: tuple[str, ...]
    groups: NDArray[Any]

    def __len__(self) -> int:
        return len(self.groups)


def binned(features: Floats, names: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Kinds of items: each feature in BINS by its quantiles, as columns of 0 and 1, but what is so of all or none."""
    columns: list[Floats] = []
    found: list[str] = []
    for name, column in zip(names, features.T, strict=True):
        known = column[~np.isnan(column)]
        if len(known) == 0 or known.min() == known.max():
            continue
        inner = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(np.unique(known)) > 2 else [known.mean()]
        edges = np.unique(inner)
        place = np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="left"))
        for bin_ in range(len(edges) + 1):
            inside = (place == bin_).astype(float)
            if 0 < inside.sum() < len(inside):
                columns.append(inside)
                found.append(f"{name}:{bin_ + 1}/{len(edges) + 1}")
    return (np.column_stack(columns) if columns else np.zeros((len(features), 0))), tuple(found)


@dataclass(frozen=True, eq=False)
class _Heads:
    """Training rows of one split, ready to be labelled by any mix; and the rows a mix is measured on."""

    solve: Floats
    test: Floats
    truth: Floats
    world: World
    train: NDArray[np.bool_]

    @classmethod
    def of(cls, world: World, train: NDArray[np.bool_], test: NDArray[np.bool_]) -> "_Heads":
        rows, held = train[world.item], test[world.item]
        X = world.apart[rows]
        scale = np.sqrt((X**2).mean(axis=0))
        scale[scale < 1e-9] = 1.0
        X = X / scale
        gram = X.T @ X + PENALTY * np.eye(X.shape[1])
        clear = held & (world.people != 0)
        return cls(np.linalg.solve(gram, X.T), world.apart[clear] / scale, world.people[clear], world, rows)

    def quality(self, mixes: NDArray[np.bool_]) -> Floats:
        """(m,) of mixes (m, n), True where people judge: the share of people's preferences that a head agrees with."""
        rows = mixes[:, self.world.item[self.train]]
        labels = np.where(rows, self.world.people[self.train], self.world.judge[self.train])
        scores = self.test @ (self.solve @ labels.T)
        towards = np.sign(np.where(np.abs(scores) < 1e-9, 0.0, scores) * self.truth[:, None])
        right: Floats = ((towards + 1) / 2).mean(axis=0)  # what a head cannot tell apart counts one half
        return right


def _mixes(world: World, number: int, random: np.random.Generator) -> NDArray[np.bool_]:
    """(number, n) mixes of all sizes; which kinds go to people differs from mix to mix."""
    found = np.zeros((number, len(world)), dtype=bool)
    for mix in range(number):
        taste = world.kinds @ random.normal(size=world.kinds.shape[1])
        order = np.argsort(-(taste + random.gumbel(size=len(world))))
        found[mix, order[: round(random.random() * len(world))]] = True
    return found


def _gains(world: World, mixes: NDArray[np.bool_], quality: Floats) -> tuple[Floats, float, float]:
    """(weights (f + 1,), R², rank correlation): quality ≈ share of each kind that people judge, and of all; the last
    two on the fifth of the mixes that is held out."""
    counts = np.column_stack([mixes @ world.kinds, mixes.sum(axis=1)]) / len(world)
    cut = len(mixes) * 4 // 5
    weights, offset = _ridge(counts[:cut], quality[:cut])
    told = counts[cut:] @ weights + offset
    left = float(((quality[cut:] - told) ** 2).sum())
    spread = float(((quality[cut:] - quality[cut:].mean()) ** 2).sum())
    rank = spearmanr(told, quality[cut:]).statistic if np.ptp(told) and np.ptp(quality[cut:]) else 0.0
    return weights, 1 - left / spread if spread else 0.0, float(rank)


def _ridge(X: Floats, y: Floats) -> tuple[Floats, float]:
    """(weights, offset) with the penalty that generalises best by leave-one-out (its closed form)."""
    mean, level = X.mean(axis=0), float(y.mean())
    U, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    best: tuple[float, Floats] | None = None
    for penalty in 10.0 ** np.arange(-4, 3):
        shrunk = s**2 / (s**2 + penalty)
        fitted = U @ (shrunk * (U.T @ (y - level)))
        leverage = (U**2 * shrunk).sum(axis=1) + 1 / len(y)
        loss = float((((y - level - fitted) / np.maximum(1 - leverage, 1e-9)) ** 2).mean())
        weights = Vt.T @ (np.divide(s, s**2 + penalty) * (U.T @ (y - level)))
        if best is None or loss < best[0]:
            best = (loss, weights)
    assert best is not None
    return best[1], level - float(mean @ best[1])


def predict(world: World, *, mixes: int = MIXES, splits: int = SPLITS, seed: int = 0) -> dict[str, Any]:
    """{"items", "mixes", "r2", "rank", "quality": {"judge", "people": {mean, low, high}, "random", "best": {share: …}},
    "best_share", "lift": its over the judge alone {mean, low, high}, "gains": [{"kind", "gain", "items"}]}; qualities
    are shares of people's preferences.

    Per split, groups fall into three parts: one to train heads on, one on which mixes are compared, one on which what
    is reported is measured. Intervals: 95 % of splits. Raises ValueError with fewer than LEAST items or a judge's
    labels that are people's.
    """
    if len(world) < LEAST:
        raise ValueError(
            _("%(n)s items have answers of both people and the judge; %(least)s are needed.")
            % {"n": len(world), "least": LEAST}
        )
    if (world.people == world.judge).all():
        raise ValueError(_("People and the judge say the same of every item."))
    names, codes = np.unique(world.groups, return_inverse=True)
    random = np.random.default_rng(seed)
    drawn = _mixes(world, mixes, random)
    reached: dict[tuple[str, float], list[float]] = {}
    weights, fits = [], []
    for _split in range(splits):
        part = random.choice(3, size=len(names), p=[0.5, 0.25, 0.25])[codes]
        dev, test = (_Heads.of(world, part == 0, part == one) for one in (1, 2))
        if not len(dev.truth) or not len(test.truth):
            continue
        told, r2, rank = _gains(world, drawn, dev.quality(drawn))
        weights.append(told)
        fits.append((r2, rank))
        gain = np.column_stack([world.kinds, np.ones(len(world))]) @ told
        for (name, share), taken in _compared(gain, random).items():
            reached.setdefault((name, share), []).append(float(test.quality(taken).mean()))
    if not weights:
        raise ValueError(_("No preference of people is left to measure on."))
    mean = np.mean(weights, axis=0)
    quality = {key: _spread(values) for key, values in reached.items()}
    best = {str(share): quality["best", share] for share in SHARES}
    most = max(SHARES, key=lambda share: quality["best", share]["mean"])
    lift = np.array(reached["best", most]) - np.array(reached["random", 0.0])
    return {
        "items": len(world),
        "mixes": mixes,
        "r2": round(float(np.mean([r2 for r2, _ in fits])), 3),
        "rank": round(float(np.mean([rank for _, rank in fits])), 3),
        "quality": {
            "judge": quality["random", 0.0],
            "people": quality["random", 1.0],
            "random": {str(share): quality["random", share] for share in SHARES},
            "best": best,
        },
        "best_share": most,
        "lift": _spread(lift.tolist()),
        "gains": _kinds(world, mean),
    }


RANDOM_MIXES = 10


def _compared(gain: Floats, random: np.random.Generator) -> dict[tuple[str, float], NDArray[np.bool_]]:
    """(rule, share of people) → mixes (m, n)."""
    n = len(gain)
    order = np.argsort(-gain, kind="stable")
    found = {}
    for share in SHARES:
        k = round(share * n)
        best = np.zeros((1, n), dtype=bool)
        best[0, order[:k]] = True
        found["best", share] = best
        found["random", share] = np.argsort(random.random((RANDOM_MIXES, n)), axis=1) < k
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return {"mean": round(float(np.mean(values)), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _kinds(world: World, weights: Floats) -> list[dict[str, Any]]:
    """What people's labels of each kind of item add, all kinds told: the most gainful first."""
    every = float(weights[-1])
    rows = [
        {"kind": name, "gain": round(float(weight) + every, 5), "items": int(count)}
        for name, weight, count in zip(world.names, weights[:-1], world.kinds.sum(axis=0), strict=True)
    ]
    return sorted(rows, key=lambda row: -row["gain"])
