"""Whether rewards, read as Bradley–Terry's, say how sure they may be."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, xlogy

from training_bridge.report_cards.parts import Calibration, CalibrationBin, Mean
from training_bridge.report_cards.resampling import Floats, Ints, by_group, resamples, stretch

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
    scale = scaled_by(lead, soft)
    return Calibration(
        bins=tuple(_bin(edges, b, said[place == b], seen[place == b]) for b in range(BINS)),
        error=expected_error(features, groups, confidence),
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


def expected_error(features: Floats, groups: Ints, confidence: float) -> Mean:
    """ECE = sum_b n_b/n |said_b - seen_b| of [N, B + 1]: said - seen in the column of its bin, and 1.

    Chance alone makes every bin's |said - seen| larger, and a resample adds to it once more, so percentiles lie above
    what is sought. Here they are of the noise itself: the error is at least the value less the sum over bins of what
    resamples differ from the value by (the triangle inequality), and, as chance only adds, at most the value and what
    resamples exceed their own mean by. A calibrated model's interval holds 0.
    """
    sums = by_group(features, groups)
    gaps = _gaps(sums.sum(0, keepdims=True))
    value = float(np.abs(gaps).sum())
    if len(sums) < 2:
        return Mean(value=value, low=None, high=None, of=len(features))
    drawn = _gaps(resamples(len(sums)) @ sums)
    found, noise = np.abs(drawn).sum(1), np.abs(drawn - gaps).sum(1)
    wider, tail = stretch(len(sums), confidence), (1 + confidence) / 2
    low = value - wider * float(np.quantile(noise, tail))
    high = value + wider * float(np.quantile(found, tail) - found.mean())
    return Mean(value=value, low=max(0.0, low), high=min(1.0, max(value, high)), of=len(features))


def _gaps(sums: Floats) -> Floats:
    """[R, B]: n_b/n (said_b - seen_b)."""
    found: Floats = sums[:, :-1] / sums[:, -1:]
    return found


def _bin(edges: Floats, b: int, said: Floats, seen: Floats) -> CalibrationBin:
    return CalibrationBin(
        low=float(edges[b]),
        high=float(edges[b + 1]),
        said=float(said.mean()) if len(said) else None,
        seen=float(seen.mean()) if len(seen) else None,
        pairs=len(said),
    )
