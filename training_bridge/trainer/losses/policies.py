"""Preference objectives of a policy, pair by pair.

s(y) = log pi(y|x) - log ref(y|x), summed over the response's tokens, is a log-ratio; |y| its number of tokens. Whether
a sum or a mean over tokens goes in is part of each objective's definition and stands in its docstring.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

LARGEST_LEAD = 30.0  # of the robust loss, which is unbounded below


def dpo(
    chosen: Tensor, rejected: Tensor, *, beta: float, soft: Tensor | float = 1.0, label_smoothing: float = 0.0
) -> Tensor:
    """DPO loss [P] of log-ratios summed over tokens.

    -(t ls(beta d) + (1 - t) ls(-beta d)) with d = s(y_w) - s(y_l): Rafailov et al. 2023 (arXiv 2305.18290) eq. 7 for
    t = 1. Label smoothing e, the share of labels believed flipped, makes t = p (1 - e) + (1 - p) e (conservative DPO;
    for p = 1 the loss of Mitchell's note, eq. 3).
    """
    target = soft * (1 - label_smoothing) + (1 - soft) * label_smoothing
    lead = beta * (chosen - rejected)
    return -(target * logsigmoid(lead) + (1 - target) * logsigmoid(-lead))


def robust_dpo(
    chosen: Tensor, rejected: Tensor, *, beta: float, flip_rate: float, soft: Tensor | float = 1.0
) -> Tensor:
    """Robust DPO (Chowdhury et al. 2024, arXiv 2403.00409) of log-ratios summed over tokens, [P].

    l(d) = (-(1 - e) ls(beta d) + e ls(-beta d)) / (1 - 2e): over labels flipped at rate e its mean is the loss of the
    true labels. A soft label mixes l(d) and l(-d). It falls without bound as d grows, so beyond a lead of LARGEST_LEAD
    (where its slope has long been constant) it stands still.
    """
    lead = (beta * (chosen - rejected)).clamp(-LARGEST_LEAD, LARGEST_LEAD)
    won = (flip_rate * logsigmoid(-lead) - (1 - flip_rate) * logsigmoid(lead)) / (1 - 2 * flip_rate)
    lost = (flip_rate * logsigmoid(lead) - (1 - flip_rate) * logsigmoid(-lead)) / (1 - 2 * flip_rate)
    return soft * won + (1 - soft) * lost


def ipo(chosen: Tensor, rejected: Tensor, *, beta: float, soft: Tensor | float = 1.0) -> Tensor:
    """Identity preference optimisation (Azar et al. 2023, arXiv 2310.12036 eq. 17), [P].

    (d - 1 / (2 beta))^2; a soft label mixes it with (d + 1 / (2 beta))^2, whose minimum is (2p - 1) / (2 beta), the
    target that the paper's eq. 13 has for P(y_w > y_l) = p. Log-ratios summed over tokens as in the paper or averaged
    as its authors ran it: the two want a very different beta. 1 / (4 beta^2) where policy and reference agree.
    """
    lead, target = chosen - rejected, 1 / (2 * beta)
    return soft * (lead - target).square() + (1 - soft) * (lead + target).square()


def hinge(chosen: Tensor, rejected: Tensor, *, beta: float, soft: Tensor | float = 1.0) -> Tensor:
    """max(0, 1 - beta d) of log-ratios summed over tokens, [P]: SLiC's loss on normalised likelihoods (Liu et al. 2023,
    arXiv 2309.06657). No gradient once the lead is 1 / beta."""
    lead = beta * (chosen - rejected)
    return soft * (1 - lead).clamp(min=0) + (1 - soft) * (1 + lead).clamp(min=0)


def simpo(chosen: Tensor, rejected: Tensor, *, beta: float, gamma: float, soft: Tensor | float = 1.0) -> Tensor:
    """SimPO (Meng et al. 2024, arXiv 2405.14734 eq. 6), [P], of log-probabilities averaged over tokens; no reference.

    -ls(beta (lp(y_w)/|y_w| - lp(y_l)/|y_l|) - gamma). The margin gamma is the winner's to reach, whichever wins.
    """
    lead = beta * (chosen - rejected)
    return -(soft * logsigmoid(lead - gamma) + (1 - soft) * logsigmoid(-lead - gamma))


def orpo(chosen: Tensor, rejected: Tensor, nll: Tensor, *, ratio_weight: float, soft: Tensor | float = 1.0) -> Tensor:
    """ORPO (Hong et al. 2024, arXiv 2403.07691 eq. 6 and 7), [P], of log-probabilities averaged over tokens.

    nll - lambda ls(logodds(y_w) - logodds(y_l)), logodds(y) = a - log(1 - e^a); `nll`: mean negative log-likelihood of
    the better response's tokens.
    """
    lead = log_odds(chosen) - log_odds(rejected)
    return nll - ratio_weight * (soft * logsigmoid(lead) + (1 - soft) * logsigmoid(-lead))


def log_odds(mean_logps: Tensor) -> Tensor:
    """log(p / (1 - p)) of p = e^a, a < 0; a response that is certain counts as nearly so."""
    a = mean_logps.clamp(max=-1e-6)
    return a - log1mexp(a)


def log1mexp(a: Tensor) -> Tensor:
    """log(1 - e^a) for a < 0, whole in both ends and in the gradient (Mächler 2012)."""
    near, cut = a > -math.log(2), -math.log(2)
    close = torch.log(-torch.expm1(torch.where(near, a, cut)))
    return torch.where(near, close, torch.log1p(-torch.exp(torch.where(near, cut, a))))


def with_rationale(preference: Tensor, rationale: Tensor, *, gamma: float) -> Tensor:
    """Rationale-DPO [P]: L_pref - gamma log pi(rationale | x, y_w > y_l) (arXiv 2407.14477).

    `rationale`: log-probability of the rationale, summed or averaged over its tokens; the one is about a hundred times
    the other, so a recipe states which. 0 for a pair that nobody gave reasons for. The equation is the paper's; of
    gamma no more is certain than that its theory has 1: it reports 1 to 10, the example of its repository runs 0.001.
    """
    return preference - gamma * rationale


def kto(ratios: Tensor, baseline: Tensor, *, soft: Tensor, beta: float, good: float, bad: float) -> Tensor:
    """KTO (Ethayarajh et al. 2024, arXiv 2402.01306 eq. 8), one loss a response, of log-ratios summed over tokens, [B].

    lambda_D (1 - sg(beta (s - z))) for a response that people want, lambda_U (1 - sg(beta (z - s))) for one they do
    not; `soft` [B] = P(wanted) mixes the two. `baseline`: z, a scalar from `kto_baseline`.
    """
    lead = beta * (ratios - baseline)
    return soft * good * torch.sigmoid(-lead) + (1 - soft) * bad * torch.sigmoid(lead)


def kto_baseline(mismatched: Tensor) -> Tensor:
    """z = max(0, mean s(y')) of responses y' to other prompts [B]: an estimate of KL(pi || ref). It has no gradient."""
    return mismatched.detach().mean().clamp(min=0)
