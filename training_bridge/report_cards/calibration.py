"""Whether rewards, read as Bradley–Terry's, say how sure they may be."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, xlogy

from training_bridge.report_cards.parts import Calibration, CalibrationBin, Mean
from training_bridge.report_cards.resampling import Floats, Ints, statistic

BINS = 10


def calibration(lead: Floats, soft: Floats, groups: Ints, confidence: float) -> Calibration | None:
    """Of pairs with the lead Δr [P] of the first response over the second and soft = P(the first is better) [P].

    Each pair is seen from the response that the model prefers: it says sg(|Δr|), from ½ to 1. None without pairs.
    """
    if not len(lead):
        return None
    said = expit(np.abs(lead))
    seen = np.where(lead == 0, 0.5, np.where(lead > 0, soft, 1 - soft))
    edges = np.linspace(0.5, 1, BINS + 1)
    place = np.clip(np.digitize(said, edges[1:-1]), 0, BINS - 1)
    features = np.zeros((len(lead), BINS + 1))
    features[np.arange(len(lead)), place] = said - seen
    features[:, -1] = 1
    error = statistic(features, groups, confidence, _expected_error)
    scale = scaled_by(lead, soft)
    return Calibration(
        bins=tuple(_bin(edges, b, said[place == b], seen[place == b]) for b in range(BINS)),
        error=error if error.of else Mean(value=0.0, low=None, high=None, of=len(lead)),
        brier=float(np.mean((expit(lead) - soft) ** 2)),
        log_loss=log_loss(lead, soft),
        coin=float(np.log(2)),
        floor=float(np.mean(-xlogy(soft, soft) - xlogy(1 - soft, 1 - soft))),
        scale=scale,
        scaled_log_loss=log_loss(scale * lead, soft),
    )


def log_loss(lead: Floats, soft: Floats) -> float:
    """Mean of -soft log sg(Δ) - (1 - soft) log sg(-Δ), in nats."""
    return float(np.mean(soft * np.logaddexp(0, -lead) + (1 - soft) * np.logaddexp(0, lead)))


def scaled_by(lead: Floats, soft: Floats) -> float:
    """The s >= 0 with the least log loss of s Δ: one over the temperature (Guo et al. 2017 §4.2).

    The loss is convex in s. Where no error holds it back, s stops where the median lead means certainty.
    """
    typical = float(np.median(np.abs(lead)))
    most = 30 / typical if typical > 0 else 1.0

    def slope(scale: float) -> float:
        return float(np.mean((expit(scale * lead) - soft) * lead))

    if slope(0.0) >= 0:
        return 0.0
    if slope(most) <= 0:
        return most
    return float(brentq(slope, 0.0, most, xtol=1e-9 * most))


def _expected_error(sums: Floats) -> Floats:
    """ECE = sum_b n_b/n |said_b - seen_b|."""
    found: Floats = np.abs(sums[:, :-1]).sum(1) / sums[:, -1]
    return found


def _bin(edges: Floats, b: int, said: Floats, seen: Floats) -> CalibrationBin:
    return CalibrationBin(
        low=float(edges[b]),
        high=float(edges[b + 1]),
        said=float(said.mean()) if len(said) else None,
        seen=float(seen.mean()) if len(seen) else None,
        pairs=len(said),
    )
