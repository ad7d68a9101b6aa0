"""The objectives against worked values, finite differences and their own sign; known parameters: test_recovered.py."""

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from lm.heads import aggregated, gated, token_rewards, without_verbosity
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.losses.heads import (
    IGNORED,
    ridge,
    segments,
    thumbs,
)
from training_bridge.trainer.losses.lists import MOST_TIED, k_wise, lipo_lambda, plackett_luce, pro, pro_ranking
from training_bridge.trainer.losses.pairs import bradley_terry, davidson, rao_kupper, threshold_of, with_ties
from training_bridge.trainer.losses.policies import (
    dpo,
    hinge,
    ipo,
    kto,
    kto_baseline,
    log1mexp,
    log_odds,
    orpo,
    robust_dpo,
    simpo,
    with_rationale,
)
from training_bridge.trainer.measured import Likelihoods


def t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# Fixture R: two rewards. Fixture P: sums of log-probabilities under policy and reference, and lengths.
R = (t(1.2), t(0.5))
RATIOS = (t(1.0), t(-0.5))
MEANS = (t(-2.0), t(-1.5))
PER_TOKEN = (t(1.0 / 6), t(-0.5 / 10))
ALL = torch.ones(1, 3, dtype=torch.bool)
TIERS = [[0], [1], [2]]


def chain() -> Likelihoods:
    """Five tokens of log-probabilities -0.5, -1, -2, -0.7, -0.3, the last three of them learnt."""
    group = PromptGroup([1], [[2, 3, 4, 5, 6]], 3.0, learnt=[[False, False, True, True, True]])
    none = torch.zeros(0)
    return Likelihoods([group], torch.device("cpu"), torch.tensor([-2.0 - 0.7 - 0.3]), none, none)


WORKED: dict[str, tuple[Callable[[], Tensor], float]] = {
    "bt": (lambda: bradley_terry(*R), 0.403186),
    "bt, margin 1": (lambda: bradley_terry(*R, margin=1.0), 0.854355),
    "bt, margin 1/3": (lambda: bradley_terry(*R, margin=1 / 3), 0.526526),
    "bt, centred": (lambda: bradley_terry(*R, centering=0.01), 0.432086),
    "bt, soft": (lambda: bradley_terry(*R, soft=0.8), 0.543186),
    "bt, margin by strength of several rewards": (lambda: bradley_terry(*R, margin=0.4), 0.554355),
    "bt, smoothed": (lambda: bradley_terry(*R, soft=0.9), 0.473186),
    "rao-kupper, P(won)": (lambda: rao_kupper(*R, t(1.5).log())[:, 0].exp(), 0.573106),
    "rao-kupper, P(tie)": (lambda: rao_kupper(*R, t(1.5).log())[:, 1].exp(), 0.178177),
    "rao-kupper, P(lost)": (lambda: rao_kupper(*R, t(1.5).log())[:, 2].exp(), 0.248717),
    "rao-kupper, won": (lambda: -rao_kupper(*R, t(1.5).log())[:, 0], 0.556685),
    "rao-kupper, tie": (lambda: -rao_kupper(*R, t(1.5).log())[:, 1], 1.724979),
    "rao-kupper, lost": (lambda: -rao_kupper(*R, t(1.5).log())[:, 2], 1.391438),
    "davidson, P(won)": (lambda: davidson(*R, t(0.5).log())[:, 0].exp(), 0.540854),
    "davidson, P(tie)": (lambda: davidson(*R, t(0.5).log())[:, 1].exp(), 0.190567),
    "davidson, P(lost)": (lambda: davidson(*R, t(0.5).log())[:, 2].exp(), 0.268580),
    "davidson, won": (lambda: -davidson(*R, t(0.5).log())[:, 0], 0.614607),
    "davidson, tie": (lambda: -davidson(*R, t(0.5).log())[:, 1], 1.657754),
    "davidson, lost": (lambda: -davidson(*R, t(0.5).log())[:, 2], 1.314607),
    "plackett-luce": (lambda: plackett_luce(t(2, 1, -0.5), TIERS), 0.572952),
    "k-wise": (lambda: k_wise(t(2, 1, -0.5), TIERS), 0.197855),
    "k-wise, sum of three pairs": (lambda: 3 * k_wise(t(2, 1, -0.5), TIERS), 0.593565),
    "pair-logistic": (lambda: 3 * k_wise(t(0.05, 0.20, -0.10), TIERS), 1.946269),
    "list-mle": (lambda: plackett_luce(t(0.05, 0.20, -0.10), TIERS), 1.660454),
    "lipo-lambda": (
        lambda: lipo_lambda(t(0.05, 0.20, -0.10)[None], t(0.9, 0.5, 0.1)[None], ALL),
        0.415587,
    ),
    "pro, second term": (lambda: pro_ranking(t(-1.4, -1.2)[None], t(1, -1)[None], ALL[:, :2]), 0.913015),
    "pro, ranking": (lambda: pro_ranking(t(-1, -1.4, -1.2)[None], t(2, 1, -1)[None], ALL), 2.785101),
    "pro": (
        lambda: pro(t(-1, -1.4, -1.2)[None], t(2, 1, -1)[None], ALL, t(8.0), sft_weight=0.05),
        4.385101,
    ),
    "dpo": (lambda: dpo(*RATIOS, beta=0.1), 0.620957),
    "cdpo": (lambda: dpo(*RATIOS, beta=0.1, label_smoothing=0.1), 0.635957),
    "rdpo": (lambda: robust_dpo(*RATIOS, beta=0.1, flip_rate=0.1), 0.602207),
    "ipo, sum": (lambda: ipo(*RATIOS, beta=0.1), 12.25),
    "ipo, mean": (lambda: ipo(*PER_TOKEN, beta=0.1), 22.880278),
    "hinge": (lambda: hinge(*RATIOS, beta=0.1), 0.85),
    "dpo_norm": (lambda: dpo(*PER_TOKEN, beta=5.0), 0.291524),
    "simpo": (lambda: simpo(*MEANS, beta=2.0, gamma=0.5), 1.701413),
    "log odds": (lambda: log_odds(MEANS[0]) - log_odds(MEANS[1]), -0.607069),
    "orpo": (lambda: orpo(*MEANS, t(2.0), ratio_weight=0.1), 2.104206),
    "orpo, odds ratio": (lambda: orpo(*MEANS, t(0.0), ratio_weight=1.0), 1.042058),
    "kto, wanted": (lambda: kto(t(1.0), t(0.2), soft=t(1), beta=0.1, good=1, bad=1), 0.480011),
    "kto, unwanted": (lambda: kto(t(-0.5), t(0.2), soft=t(0), beta=0.1, good=1, bad=1), 0.482507),
    "kto": (lambda: kto(t(1.0, -0.5), t(0.2), soft=t(1, 0), beta=0.1, good=1, bad=1).mean(), 0.481259),
    "kto, weighed": (lambda: kto(t(1.0, -0.5), t(0.2), soft=t(1, 0), beta=0.1, good=1, bad=1.5).mean(), 0.601886),
    "rationale, sum": (lambda: with_rationale(dpo(*RATIOS, beta=0.1), t(-20.0), gamma=1.0), 20.620957),
    "rationale, a tenth": (lambda: with_rationale(dpo(*RATIOS, beta=0.1), t(-20.0), gamma=0.1), 2.620957),
    "rationale, mean": (lambda: with_rationale(dpo(*RATIOS, beta=0.1), t(-20.0 / 40), gamma=1.0), 1.120957),
    "chain of hindsight": (lambda: chain().by_token()[0] / 3, 1.0),
    "segment, kind 2": (lambda: segments(t(0.2, 1.5, 0.7)[None, None], torch.tensor([[2]])), 1.343406),
    "segment, kind 1": (lambda: segments(t(0.1, -0.3, 2.0)[None, None], torch.tensor([[1]])), 2.523006),
    "segments, mean": (
        lambda: segments(t([0.2, 1.5, 0.7], [0.1, -0.3, 2.0])[None], torch.tensor([[2, 1]])).mean(),
        1.933206,
    ),
    "ensemble, variance": (lambda: 1.2 - aggregated(t(1, 1.5, 0.5, 2, 1), "cautious", 1.0), 0.26),
    "ensemble, unbiased variance": (lambda: 1.2 - aggregated(t(1, 1.5, 0.5, 2, 1), "cautious", 1.0, ddof=1), 0.325),
    "ensemble, mean": (lambda: aggregated(t(1, 1.5, 0.5, 2, 1), "mean"), 1.2),
    "ensemble, worst": (lambda: aggregated(t(1, 1.5, 0.5, 2, 1), "worst"), 0.5),
    "ensemble, cautious": (lambda: aggregated(t(1, 1.5, 0.5, 2, 1), "cautious", 0.5), 1.07),
    "ensemble, unbiased": (lambda: aggregated(t(1, 1.5, 0.5, 2, 1), "cautious", 0.1, ddof=1), 1.1675),
}


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_values(name: str) -> None:
    made, value = WORKED[name]
    assert made().item() == pytest.approx(value, abs=1e-6)


def test_the_worked_example_of_aspects_with_a_gate() -> None:
    heads, shares, logits = t([1, 0], [0, 2], [1, 1]), t(0.2, 0, 1), t(1, 2, 0.5)
    assert (heads @ t(0.5, 1)).tolist() == pytest.approx([0.5, 2, 1.5])
    assert without_verbosity(heads @ t(0.5, 1), shares, 2).tolist() == pytest.approx([0.2, 2, 0])
    weights = gated(torch.eye(3, dtype=torch.float64), logits.expand(3, 3))
    assert weights.tolist() == pytest.approx([0.327182, 0.361592, 0.311225], abs=1e-6)
    won, lost = (gated(without_verbosity(heads @ h, shares, 2), logits) for h in (t(0.5, 1), t(0.2, 0.4)))
    assert (won.item(), lost.item()) == pytest.approx((0.788621, 0.315448), abs=1e-6)
    assert bradley_terry(won, lost).item() == pytest.approx(0.484290, abs=1e-6)


def test_the_slope_of_dpo_is_the_published_one() -> None:
    chosen = RATIOS[0].clone().requires_grad_()
    dpo(chosen, RATIOS[1], beta=0.1).sum().backward()
    assert chosen.grad.item() == pytest.approx(-0.046257, abs=1e-6)


def test_swaps_of_a_list_weigh_what_the_paper_says_and_nothing_is_learnt_from_those_weights() -> None:
    scores = t(0.05, 0.20, -0.10)[None].requires_grad_()
    lipo_lambda(scores, t(0.9, 0.5, 0.1)[None], ALL).sum().backward()
    first, second, third = 0.240591, 0.150035, 0.247018  # of places 1 and 2, 1 and 3, 2 and 3

    def slope(lead: float) -> float:
        return 1 / (1 + math.exp(lead))

    one, two, three = first * slope(-0.15), second * slope(0.15), third * slope(0.30)
    assert scores.grad[0].tolist() == pytest.approx([-one - two, one - three, two + three], abs=1e-6)


def test_the_baseline_of_kto_is_never_below_nought_and_has_no_gradient() -> None:
    seen = t(0.5, -0.1).requires_grad_()
    assert kto_baseline(seen).item() == pytest.approx(0.2) and not kto_baseline(seen).requires_grad
    assert kto_baseline(-seen).item() == 0


def test_where_policy_and_reference_agree_each_objective_starts_at_its_known_value() -> None:
    same, soft = t(3.5, -2.0), t(1.0, 0.6)
    starts = [
        (dpo(same, same, beta=0.3, soft=soft, label_smoothing=0.1), math.log(2)),
        (ipo(same, same, beta=0.1, soft=soft), 25.0),
        (hinge(same, same, beta=0.1, soft=soft), 1.0),
        (kto(t(0.0, 0.0), kto_baseline(t(0.0, 0.0)), soft=soft, beta=0.1, good=1, bad=1), 0.5),
    ]
    for values, expected in starts:
        assert values.tolist() == pytest.approx([expected] * 2)


SLOPED: dict[str, Callable[..., Tensor]] = {
    "bradley_terry": lambda a, b, p: bradley_terry(a, b, soft=p, margin=0.5, centering=0.01),
    "rao_kupper": lambda a, b, p: with_ties(rao_kupper(a, b, threshold_of(t(0.3))), soft=p, tie=0.2 * p * (1 - p)),
    "davidson": lambda a, b, p: with_ties(davidson(a, b, t(-0.4)), soft=p, tie=0.2 * p * (1 - p)),
    "plackett_luce": lambda a, b, p: plackett_luce(a, [[0], [2, 1, 3], [4]]) + plackett_luce(b, [[4, 2], [0], [1, 3]]),
    "k_wise": lambda a, b, p: k_wise(a, [[0], [2, 1], [3, 4]]),
    "lipo_lambda": lambda a, b, p: lipo_lambda(a[None], p[None], torch.ones(1, 5).bool()),
    "pro": lambda a, b, p: pro(
        -a.exp()[None], p.sort(descending=True)[0][None], torch.ones(1, 5).bool(), b[:1], sft_weight=0.05
    ),
    "dpo": lambda a, b, p: dpo(a, b, beta=0.1, soft=p, label_smoothing=0.1),
    "robust_dpo": lambda a, b, p: robust_dpo(a, b, beta=0.1, soft=p, flip_rate=0.1),
    "ipo": lambda a, b, p: ipo(a, b, beta=0.3, soft=p),
    "hinge": lambda a, b, p: hinge(a, b, beta=0.1, soft=p),
    "simpo": lambda a, b, p: simpo(a, b, beta=2.0, gamma=0.5, soft=p),
    "orpo": lambda a, b, p: orpo(-a.exp(), -b.exp(), a.exp(), ratio_weight=0.1, soft=p),
    "kto": lambda a, b, p: kto(a, t(0.3), soft=p, beta=0.5, good=1, bad=1.3),
    "thumbs": lambda a, b, p: thumbs(a, p),
    "segments": lambda a, b, p: segments(torch.stack([a, b])[None], torch.tensor([[3, IGNORED]])),
    "gated": lambda a, b, p: gated(a, b, scale=1.3),
    "cautious": lambda a, b, p: aggregated(torch.stack([a, b]), "cautious", 0.5),
    "worst": lambda a, b, p: aggregated(torch.stack([a, b]), "worst"),
    "with_rationale": lambda a, b, p: with_rationale(dpo(a, b, beta=0.1, soft=p), b, gamma=0.3),
}


@pytest.mark.parametrize("name", SLOPED)
def test_gradients_match_finite_differences(name: str) -> None:
    torch.manual_seed(0)
    first, second = (torch.randn(5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert gradcheck(lambda a, b: SLOPED[name](a, b, torch.linspace(0.1, 0.9, 5, dtype=torch.float64)), (first, second))


@pytest.mark.parametrize(
    "name", ["bradley_terry", "rao_kupper", "davidson", "dpo", "robust_dpo", "ipo", "hinge", "simpo", "orpo"]
)
def test_raising_the_chosen_lowers_the_loss_and_raising_the_rejected_raises_it(name: str) -> None:
    a, b, sure = t(-1.2), t(-1.5), t(1.0)
    # ORPO is given minus the exponential of its arguments, so there the signs turn round.
    a, b, up = (b, a, -0.1) if name == "orpo" else (a, b, 0.1)
    assert SLOPED[name](a + up, b, sure) < SLOPED[name](a, b, sure) < SLOPED[name](a, b + up, sure)


def test_a_list_wants_its_best_higher_and_its_worst_lower() -> None:
    values, gains = t(-1.2, -0.9, -1.6), t(1.0, 0.5, 0.0)[None]
    losses: list[Callable[[Tensor], Tensor]] = [
        lambda a: plackett_luce(a, TIERS),
        lambda a: plackett_luce(a, [[0], [1, 2]]) + plackett_luce(a, [[0, 1], [2]]),
        lambda a: k_wise(a, TIERS),
        lambda a: lipo_lambda(a[None], gains, ALL),
        lambda a: pro(a[None], gains, ALL, -5 * a[:1], sft_weight=0.05),
    ]
    for loss in losses:
        up, down = values + t(0.1, 0, 0), values + t(0, 0, 0.1)
        assert loss(up).sum() < loss(values).sum() < loss(down).sum()
    for wanted, sign in ((1.0, -1), (0.0, 1)):
        for one in (thumbs, lambda a, p: kto(a, t(0.3), soft=p, beta=0.5, good=1, bad=1)):
            assert torch.sign(one(t(0.3), t(wanted)) - one(t(0.2), t(wanted))).item() == sign


def test_far_off_values_stay_finite_with_a_full_gradient() -> None:
    far = torch.tensor([-500.0], requires_grad=True)
    bradley_terry(far, torch.tensor([500.0])).sum().backward()
    assert far.grad.item() == pytest.approx(-1.0)
    wide = torch.tensor([[-300.0, -1.0, -2.0]], requires_grad=True)
    pro_ranking(wide, torch.tensor([[9.0, 1.0, -9.0]]), ALL).sum().backward()
    assert wide.grad.isfinite().all()
    edges = torch.tensor([-1e-30, -1e-3, -0.6931, -0.6932, -200.0], dtype=torch.float64, requires_grad=True)
    log1mexp(edges).sum().backward()
    assert edges.grad.isfinite().all()
    assert torch.isfinite(log_odds(torch.tensor([0.0, -1e-12, -400.0]))).all()


def test_the_robust_loss_of_flipped_labels_has_the_mean_of_the_true_ones() -> None:
    rate, (chosen, rejected) = 0.2, RATIOS
    as_labelled = robust_dpo(chosen, rejected, beta=0.1, flip_rate=rate)
    turned = robust_dpo(rejected, chosen, beta=0.1, flip_rate=rate)
    assert ((1 - rate) * as_labelled + rate * turned).item() == pytest.approx(dpo(*RATIOS, beta=0.1).item())


@given(st.permutations(range(6)), st.lists(st.floats(-4, 4), min_size=6, max_size=6), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_tied_ranks_cost_what_all_their_orders_together_do(order: list[int], values: list[float], tied: int) -> None:
    rewards = t(*values)
    tiers = [order[:tied], order[tied : tied + 2], order[tied + 2 :]]
    first, second, below = tiers
    orders = [[*a, *b] for a in permutations(first) for b in permutations(second)]
    whole = torch.stack([-plackett_luce(rewards, [*([pk] for pk in one), below]) for one in orders]).logsumexp(0)
    assert plackett_luce(rewards, tiers).item() == pytest.approx(-whole.item(), abs=1e-9)


def test_a_list_of_two_is_a_pair_and_a_tie_of_too_many_is_refused() -> None:
    pair = torch.cat(R)
    as_lists = [plackett_luce(pair, TIERS[:2]).item(), k_wise(pair, TIERS[:2]).item()]
    assert as_lists == pytest.approx([bradley_terry(*R).item()] * 2)
    assert plackett_luce(pair, [[0, 1]]) == k_wise(pair, [[0, 1]]) == 0
    with pytest.raises(ValueError, match="at most"):
        plackett_luce(torch.zeros(MOST_TIED + 2), [list(range(MOST_TIED + 1)), [MOST_TIED + 1]])


def test_padding_changes_no_list() -> None:
    scores, gains = t(0.05, 0.20, -0.10, 7.0)[None], t(0.9, 0.5, 0.1, 0.3)[None]
    real = torch.tensor([[True, True, True, False]])
    assert lipo_lambda(scores, gains, real).item() == pytest.approx(0.415587, abs=1e-6)
    padded = pro(t(-1, -1.4, -1.2, 0.0)[None], t(2, 1, -1, 0.0)[None], real, t(8.0), sft_weight=0.05)
    assert padded.item() == pytest.approx(4.385101, abs=1e-6)


def test_ridge_is_least_squares_with_alpha_rows_added_() -> None:
    drawn = np.random.default_rng(6)
    features, targets, weights = drawn.normal(size=(40, 7)), drawn.normal(size=40), drawn.random(40)
    ours = ridge(*(torch.tensor(x) for x in (features, targets)), 0.7, torch.tensor(weights))
    root = np.sqrt(weights)
    rows = np.vstack([features * root[:, None], np.sqrt(0.7) * np.eye(7)])
    theirs, *_ = np.linalg.lstsq(rows, np.concatenate([targets * root, np.zeros(7)]))
    assert ours.tolist() == pytest.approx(theirs.tolist(), abs=1e-9)
    assert token_rewards(t([0, 0, 0], [99, 0, 0]), t(-1, 0.5, 2)).tolist() == pytest.approx([0.5, -1])
