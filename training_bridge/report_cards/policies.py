"""The parts of a policy's card from plain numbers and texts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import numpy as np
from scipy.special import expit

from training_bridge.report_cards import texts
from training_bridge.report_cards.calibration import calibration
from training_bridge.report_cards.pairs import duel
from training_bridge.report_cards.parts import Mean, WhyNot
from training_bridge.report_cards.policy import (
    Divergence,
    Diversity,
    Ends,
    Likelihood,
    Preference,
    Sampled,
    WinRate,
)
from training_bridge.report_cards.resampling import (
    NOTHING,
    UNIT,
    Floats,
    Ints,
    by_cell,
    mean,
    of_groups,
    ratio,
    share,
)
from training_bridge.report_cards.rewards import spread

MOST_WORDS = 200_000
LEAST, NEAR = 5, 0.5
"""Prompts that tell something of equal length: so many within half a deviation of it, and so many on either side."""
BELOW_ZERO, ABOVE_ZERO = (-math.inf, 0.0), (0.0, math.inf)
STEPS = 25
RIDGE = 1e-3
"""Keeps the slope of length where it is free: lengths all the same, or winning wherever it is longer."""


@dataclass(frozen=True)
class Sample:
    """One sampled response to the prompt with the number `prompt`."""

    prompt: int
    text: str
    tokens: int
    finished: bool


@dataclass(frozen=True)
class Weighed:
    """Held-out pairs under policy and reference, P each: log-probabilities [P, 2] of the response that people preferred
    and of the other; `tokens` and `characters` [P, 2]; `soft` [P], P(the first is better), from ½ to 1; `groups` [P].
    `reference` is None where none was given."""

    policy: Floats
    reference: Floats | None
    tokens: Floats
    characters: Floats
    soft: Floats
    groups: Ints


def preference(pairs: Weighed, confidence: float) -> Preference | None:
    """The implicit reward log pi/ref on the pairs that people decided (Rafailov et al. 2023 §4).

    None without a reference or pairs.
    """
    keep = pairs.soft > 0.5
    if pairs.reference is None or not keep.any():
        return None
    groups = pairs.groups[keep]
    gained = pairs.policy - pairs.reference
    lead = gained[:, 0] - gained[:, 1]

    def right(values: Floats) -> Floats:
        return duel(values[keep, 0], values[keep, 1])

    return Preference(
        accuracy=share(right(gained), groups, confidence),
        by_token=share(right(gained / pairs.tokens), groups, confidence),
        policy_alone=share(right(pairs.policy), groups, confidence),
        longer=share(right(pairs.characters), groups, confidence),
        margin=mean(lead[keep], groups, confidence),
        undecided=int((~keep).sum()),
        calibration=calibration(lead, pairs.soft, pairs.groups, confidence),
    )


def likelihood(pairs: Weighed, confidence: float) -> Likelihood | None:
    """Log-probability a token; None without pairs."""
    if not len(pairs.soft):
        return None
    chosen, rejected = (_by_token(pairs.policy, pairs, side, confidence) for side in (0, 1))
    if pairs.reference is None:
        return Likelihood(chosen=chosen, rejected=rejected)
    theirs = [_by_token(pairs.reference, pairs, side, confidence) for side in (0, 1)]
    return Likelihood(chosen=chosen, rejected=rejected, reference_chosen=theirs[0], reference_rejected=theirs[1])


def _by_token(logps: Floats, pairs: Weighed, side: int, confidence: float) -> Mean:
    return ratio(logps[:, side], pairs.tokens[:, side], pairs.groups, confidence, BELOW_ZERO)


def divergence(ratios: Sequence[Floats], prompts: Ints, confidence: float, *, exact: bool) -> Divergence:
    """KL(policy || reference) from the policy's own samples: d_t = log pi/ref of each token of each sample, [S] of [T].

    Given what stands before a token, both d and exp(-d) - 1 + d have the KL of that token as their mean, so the sums
    over tokens have that of whole responses (Schulman 2020, "Approximating KL divergence", k1 and k3).
    """
    if not len(ratios):
        return empty_divergence("no_samples")
    count = np.array([len(one) for one in ratios], dtype=float)
    k1 = np.array([one.sum() for one in ratios])
    with np.errstate(over="ignore"):
        k3 = np.array([float((np.expm1(-one) + one).sum()) for one in ratios])
    k3 = np.where(np.isfinite(k3), k3, np.finfo(np.float32).max)
    return Divergence(
        log_ratio=mean(k1, prompts, confidence),
        k3=mean(k3, prompts, confidence, ABOVE_ZERO),
        log_ratio_by_token=ratio(k1, count, prompts, confidence),
        k3_by_token=ratio(k3, count, prompts, confidence, ABOVE_ZERO),
        exact=exact,
    )


def empty_divergence(why_not: WhyNot) -> Divergence:
    return Divergence(
        log_ratio=NOTHING,
        k3=NOTHING,
        log_ratio_by_token=NOTHING,
        k3_by_token=NOTHING,
        exact=False,
        why_not=why_not,
    )


def win_rate(gain: Floats, longer_by: Floats, prompts: Ints, confidence: float) -> WinRate:
    """Of paired samples with the reward's `gain` over the reference's and `longer_by` characters, [S] each."""
    won = duel(gain, np.zeros(len(gain)))
    controlled = length_controlled(won, longer_by, prompts, confidence)
    return WinRate(
        rate=_rate(won, prompts, confidence),
        length_controlled=controlled,
        reward_gain=mean(gain, prompts, confidence),
        wins=int((won == 1).sum()),
        draws=int((won == 0.5).sum()),
        losses=int((won == 0).sum()),
        why_not="" if controlled.of else "unlike_lengths",
    )


def _rate(won: Floats, prompts: Ints, confidence: float) -> Mean:
    """A share as a mean has it: a bootstrap has no other prompts than those that were all won."""
    found = share(won, prompts, confidence)
    return Mean(value=found.value, low=found.low, high=found.high, of=found.of) if found.of else NOTHING


def length_controlled(won: Floats, longer_by: Floats, prompts: Ints, confidence: float) -> Mean:
    """The win rate that is left where lengths are the same: sg(a) of the fit P(win) = sg(a + b tanh(d / sd(d))) with d,
    how much longer the policy's response is (Dubois et al. 2024, arXiv 2404.04475, without its term for prompts).

    Nothing where too few prompts are near equal length or on either side of it: then a fit would only say what its form
    makes of other lengths. Where all are won, lost or drawn there is no slope, and it is the rate near equal length.
    Lengths are rounded to a fiftieth of their range, so that resamples are sums; half a win and half a loss are added,
    so that there is a fit where a resample has only one of both.
    """
    if not len(won):
        return NOTHING
    deviation = float(np.std(longer_by))
    near = np.abs(longer_by) <= NEAR * deviation
    if min(len(np.unique(prompts[which])) for which in (near, longer_by >= 0, longer_by <= 0)) < LEAST:
        return NOTHING
    if won.min() == won.max():
        return _rate(won[near], prompts[near], confidence)
    how = np.tanh(longer_by / deviation) if deviation > 0 else np.zeros(len(won))
    cells = np.round(how * STEPS).astype(np.int64) + STEPS
    x = np.arange(-STEPS, STEPS + 1) / STEPS
    sums = [by_cell(cells, prompts, weights, len(x)) for weights in (won, 1 - won)]
    return of_groups(np.concatenate(sums, 1), len(won), confidence, lambda drawn: _fitted(drawn, x), UNIT)


def _fitted(sums: Floats, x: Floats) -> Floats:
    """[R] of sg(a) for wins and losses [R, 2C] at lengths x [C], by Newton's steps on the log-likelihood."""
    wins, losses = sums[:, : len(x)].copy(), sums[:, len(x) :].copy()
    middle = len(x) // 2
    wins[:, middle] += 0.5
    losses[:, middle] += 0.5
    count = wins + losses
    a, b = np.zeros(len(sums)), np.zeros(len(sums))
    for _ in range(STEPS):
        p = expit(a[:, None] + b[:, None] * x)
        left = wins - count * p
        curve = count * p * (1 - p)
        g0, g1 = left.sum(1), left @ x - RIDGE * b
        h00, h01, h11 = curve.sum(1), curve @ x, curve @ (x * x) + RIDGE
        determinant = h00 * h11 - h01 * h01
        a = a + np.clip((h11 * g0 - h01 * g1) / determinant, -2, 2)
        b = b + np.clip((h00 * g1 - h01 * g0) / determinant, -2, 2)
    rates: Floats = expit(a)
    return rates


def sampled(samples: Sequence[Sample], confidence: float, most_words: int = MOST_WORDS) -> Sampled:
    """Lengths, ends and diversity of at least one sample; distinct n-grams are those of the first `most_words`."""
    prompts = np.array([one.prompt for one in samples], dtype=np.int64)
    words = [texts.words_of(one.text) for one in samples]
    flags = {
        "cut": [not one.finished for one in samples],
        "empty": [not one.text.strip() for one in samples],
        "repeating": [texts.loops(one) for one in words],
    }
    return Sampled(
        tokens=spread(np.array([one.tokens for one in samples], dtype=float)),
        characters=spread(np.array([len(one.text) for one in samples], dtype=float)),
        ends=Ends(**{name: share(np.array(one, dtype=float), prompts, confidence) for name, one in flags.items()}),
        diversity=_diversity(samples, words, confidence, most_words),
    )


def word_count(samples: Sequence[Sample]) -> int:
    return sum(len(texts.words_of(one.text)) for one in samples)


def _diversity(samples: Sequence[Sample], words: Sequence[texts.Words], confidence: float, most: int) -> Diversity:
    by_prompt: dict[int, list[int]] = {}
    for place, one in enumerate(samples):
        by_prompt.setdefault(one.prompt, []).append(place)
    several = {prompt: places for prompt, places in by_prompt.items() if len(places) > 1}
    similar = [
        fmean(texts.alike(words[a], words[b]) for a, b in combinations(places, 2)) for places in several.values()
    ]
    same = [len({samples[place].text for place in places}) < len(places) for places in several.values()]
    of = np.array(list(several), dtype=np.int64)
    return Diversity(
        distinct=(texts.distinct(words, 1, most), texts.distinct(words, 2, most), texts.distinct(words, 3, most)),
        words=min(most, sum(map(len, words))),
        self_similarity=mean(np.array(similar), of, confidence, UNIT),
        repeated=share(np.array(same, dtype=float), of, confidence),
        why_not="" if several else "one_sample",
    )
