"""Best of n: what choosing the best of n responses by one reward is worth by another, from one set of samples."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.resampling import Floats, mean


def divergence(n: int) -> float:
    """KL(best of n || one) <= log n - (n - 1)/n, in nats; equal where no two responses share a reward (Stiennon et al.
    2020, arXiv 2009.01325; Beirami et al. 2024, arXiv 2401.01879)."""
    return math.log(n) - (n - 1) / n


def chances(samples: int, n: int) -> Floats:
    """P(the sample of rank i is the best of n drawn without replacement), i from the worst, [samples].

    C(i-1, n-1) / C(N, n): the order statistic's weight, by logarithms of the gamma function.
    """
    ranks = np.arange(1, samples + 1, dtype=float)
    able = ranks >= n
    logs = np.full(samples, -np.inf)
    ways = gammaln(ranks[able]) - gammaln(n) - gammaln(ranks[able] - n + 1)
    logs[able] = ways - (gammaln(samples + 1) - gammaln(n + 1) - gammaln(samples - n + 1))
    found: Floats = np.exp(logs)
    return found


def best_of(proxy: Floats, values: Floats, sizes: Sequence[int]) -> Floats:
    """The expected value [P, sizes] of the response that `proxy` likes best among n of N, for each of P prompts.

    `proxy`, `values` [P, N]. Unbiased: the mean over all subsets of size n in closed form, sum_i C(i-1, n-1)/C(N, n)
    v_(i) with v in the proxy's ascending order (Coste et al. 2023, arXiv 2310.02743). Where the proxy cannot tell
    responses apart, each is as likely to be the one that is kept.
    """
    order = np.argsort(proxy, axis=1, kind="stable")
    sorted_proxy, ranked = (np.take_along_axis(given, order, axis=1) for given in (proxy, values))
    level = np.stack([_levelled(*rows) for rows in zip(sorted_proxy, ranked, strict=True)])
    return level @ np.stack([chances(proxy.shape[1], n) for n in sizes], axis=1)


def _levelled(proxy: Floats, values: Floats) -> Floats:
    """`values` [N] with the mean of those in a row that the sorted `proxy` [N] gives the same number."""
    tier = np.concatenate([[0], np.cumsum(np.diff(proxy) > 0)])
    found: Floats = (np.bincount(tier, values) / np.bincount(tier))[tier]
    return found


def sizes_up_to(samples: int, most: int = 24) -> list[int]:
    """About `most` sizes from 1 to `samples`, evenly spaced by their logarithm."""
    return sorted({round(size) for size in np.geomspace(1, samples, most)})


def curve(
    proxy: Floats, gold: Floats | None, sizes: Sequence[int], *, confidence: float = 0.95
) -> list[dict[str, float]]:
    """Means over prompts for each size: {"n", "choice_kl", "proxy", "proxy_low", "proxy_high", "gold", …}.

    `proxy`, `gold` [P, N]; without `gold` (another reward that was not optimised) the proxy's alone. Intervals are over
    prompts; one prompt alone has none.
    """
    measured = {"proxy": best_of(proxy, proxy, sizes)}
    if gold is not None:
        measured["gold"] = best_of(proxy, gold, sizes)
    points, prompts = [], np.arange(len(proxy))
    for place, n in enumerate(sizes):
        point: dict[str, float] = {"n": n, "choice_kl": divergence(n)}
        for name, found in measured.items():
            point |= _told(name, mean(found[:, place], prompts, confidence))
        points.append(point)
    return points


def _told(name: str, mean: Mean) -> dict[str, float]:
    told = {name: mean.value, f"{name}_low": mean.low, f"{name}_high": mean.high}
    return {key: value for key, value in told.items() if value is not None}
