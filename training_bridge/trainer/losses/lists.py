"""What the rewards or log-ratios of one prompt's K responses say of their order.

Lists of different length are padded to [G, K]; `real` [G, K] (bool) is true where there is a response.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from training_bridge.trainer.losses.pairs import bradley_terry

MOST_TIED = 12  # of one tier: the exact likelihood runs over its subsets


def plackett_luce(rewards: Tensor, tiers: Sequence[Sequence[int]]) -> Tensor:
    """Negative log-likelihood, a scalar, of an order of `rewards` [K] given as tiers of places, best first.

    sum_k lse(r_k .. r_K) - r_k (Luce 1959, Plackett 1975). Within a tier the order is unknown: its likelihood is the
    sum over all orders of the tier, exactly (a sum over subsets), so no tie is broken by chance and the last tier, with
    nothing below it, says nothing. Tiers of more than MOST_TIED that are not the last raise ValueError.
    """
    loss = rewards.new_zeros(())
    for place, tier in enumerate(tiers[:-1]):
        if len(tier) > MOST_TIED:
            raise ValueError(f"at most {MOST_TIED} responses can share a rank")
        below = rewards[[other for later in tiers[place + 1 :] for other in later]]
        loss = loss - _first_in_any_order(rewards[list(tier)], below)
    return loss


def _first_in_any_order(tier: Tensor, below: Tensor) -> Tensor:
    """log P(all of `tier` [m] are chosen before any of `below` [n]) under Plackett–Luce.

    F(A) = lse_{i in A} F(A - i) + r_i - lse(everything but A - i), over subsets A of the tier in order of size.
    """
    rest = below.logsumexp(0)
    if len(tier) == 1:
        return tier[0] - torch.logaddexp(tier[0], rest)
    count = len(tier)
    sets = torch.arange(2**count, device=tier.device)
    member = (sets[:, None] >> torch.arange(count, device=tier.device)) & 1 == 1
    left = tier.expand(2**count, count).masked_fill(member, -torch.inf)
    remaining = torch.cat([left, rest.expand(2**count, 1)], 1).logsumexp(1)
    known = tier.new_zeros(1)  # the empty set; `place` tells where a set's value stands in `known`
    place = torch.zeros(2**count, dtype=torch.long, device=tier.device)
    sizes = member.sum(1)
    for size in range(1, count + 1):
        here = sets[sizes == size]
        steps = here[:, None] - member[here] * (1 << torch.arange(count, device=tier.device))
        ways = known[place[steps]] + tier - remaining[steps]
        values = ways.masked_fill(~member[here], -torch.inf).logsumexp(1)
        place[here] = len(known) + torch.arange(len(here), device=tier.device)
        known = torch.cat([known, values])
    return known[-1]


def k_wise(rewards: Tensor, tiers: Sequence[Sequence[int]]) -> Tensor:
    """The mean Bradley–Terry loss, a scalar, of all pairs of different tiers: Ouyang et al. 2022 eq. 1.

    Not Plackett–Luce: every pair counts as if it had been judged alone. Zero where there is only one tier.
    """
    better, worse = [], []
    for place, tier in enumerate(tiers):
        for other in (other for later in tiers[place + 1 :] for other in later):
            better += list(tier)
            worse += [other] * len(tier)
    if not better:
        return rewards.new_zeros(())
    return bradley_terry(rewards[better], rewards[worse]).mean()


def lipo_lambda(scores: Tensor, gains: Tensor, real: Tensor) -> Tensor:
    """LiPO-λ (Liu et al. 2024, arXiv 2402.01878), [G].

    -sum_{psi_i > psi_j} Delta_ij ls(s_i - s_j), Delta_ij = |G_i - G_j| |1/D(tau_i) - 1/D(tau_j)|, G = 2^psi - 1,
    D(tau) = log(1 + tau); tau: rank by the present scores, 1 the highest, drawn level by place. No gradient through
    Delta. `scores` [G, K]: beta times the log-ratio; `gains` [G, K]: psi in [0, 1].
    """
    shown = scores.detach().masked_fill(~real, -torch.inf)
    rank = shown.argsort(dim=1, descending=True, stable=True).argsort(dim=1) + 1
    discount = torch.log1p(rank.to(scores.dtype)).reciprocal()
    gain = torch.pow(2.0, gains) - 1
    delta = _between(gain).abs() * _between(discount).abs()
    counts = (_between(gains) > 0) & real[:, :, None] & real[:, None, :]
    return -(counts * delta * logsigmoid(_between(scores))).sum((1, 2))


def pro_ranking(likelihoods: Tensor, rewards: Tensor, real: Tensor) -> Tensor:
    """Preference ranking optimisation (Song et al. 2023, arXiv 2306.17492), [G]; lists stand best first.

    sum_k lse(a_k g_kk, {a_i g_ki}_{i>k}) - a_k g_kk, g_ki = rm_k - rm_i, g_kk = max_{i>k} g_ki. `likelihoods` [G, K]:
    a, the mean log-probability of a token; `rewards` [G, K]: rm, in the same order as the lists. Equal rewards
    have gap zero and with it no gradient.
    """
    count = likelihoods.shape[1]
    after = torch.ones(count, count, device=real.device).triu(1).bool() & real[:, None, :] & real[:, :, None]
    gaps = _between(rewards)
    own = likelihoods * gaps.masked_fill(~after, 0.0).amax(2)
    against = (likelihoods[:, None, :] * gaps).masked_fill(~after, -torch.inf)
    terms = torch.cat([own[:, :, None], against], 2).logsumexp(2) - own
    return (terms * after.any(2)).sum(1)


def pro(likelihoods: Tensor, rewards: Tensor, real: Tensor, best_nll: Tensor, *, sft_weight: float) -> Tensor:
    """`pro_ranking` plus sft_weight (n - 1)^2 times the summed negative log-likelihood of the best, `best_nll`, [G]."""
    others = real.sum(1) - 1
    return pro_ranking(likelihoods, rewards, real) + sft_weight * others.square() * best_nll


def _between(values: Tensor) -> Tensor:
    """v_i - v_j, [G, K, K]."""
    return values[:, :, None] - values[:, None, :]
