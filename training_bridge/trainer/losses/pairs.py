"""What two rewards say of which response is better: with or without ties."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

LEAST_THRESHOLD = 1e-4  # at zero a tie is impossible, and one that was seen has an infinite loss


def bradley_terry(
    chosen: Tensor,
    rejected: Tensor,
    *,
    soft: Tensor | float = 1.0,
    margin: Tensor | float = 0.0,
    centering: float = 0.0,
) -> Tensor:
    """Bradley–Terry loss of rewards `chosen` and `rejected` [P].

    -(p ls(d - m) + (1 - p) ls(-d - m)) + c (r_w + r_l)^2 with d = r_w - r_l; for p = 1 Ouyang et al. 2022 eq. 1 with
    the margin of Llama 2 (arXiv 2307.09288 eq. 2) and the centering of arXiv 2312.09244 eq. 2. The margin is
    subtracted from the winner's lead, whichever of the two wins.
    """
    lead = chosen - rejected
    loss = -(soft * logsigmoid(lead - margin) + (1 - soft) * logsigmoid(-lead - margin))
    return loss + centering * (chosen + rejected).square()


def rao_kupper(chosen: Tensor, rejected: Tensor, threshold: Tensor) -> Tensor:
    """Log-probabilities [P, 3] of (first wins, tie, second wins) under Rao and Kupper 1967.

    P(first) = sg(d - eta), P(second) = sg(-d - eta), P(tie) = P(first) P(second) (e^{2 eta} - 1), d = r_w - r_l.
    `threshold`: eta = log theta > 0, a scalar: how large a lead goes unnoticed.
    """
    lead = chosen - rejected
    first, second = logsigmoid(lead - threshold), logsigmoid(-lead - threshold)
    return torch.stack([first, first + second + torch.log(torch.expm1(2 * threshold)), second], -1)


def davidson(chosen: Tensor, rejected: Tensor, log_nu: Tensor) -> Tensor:
    """Log-probabilities [P, 3] of (first wins, tie, second wins) under Davidson 1970.

    Softmax of (r_w, log nu + (r_w + r_l) / 2, r_l). `log_nu`, a scalar: how readily people call a tie.
    """
    middle = log_nu + (chosen + rejected) / 2
    return torch.stack([chosen, middle, rejected], -1).log_softmax(-1)


def threshold_of(free: Tensor) -> Tensor:
    """Rao–Kupper's eta of an unbounded parameter: softplus, kept away from zero."""
    return softplus(free) + LEAST_THRESHOLD


def with_ties(outcomes: Tensor, *, soft: Tensor | float, tie: Tensor | float) -> Tensor:
    """Expected negative log-likelihood [P] of log-probabilities `outcomes` [P, 3].

    `tie`: P(tie); `soft`: P(first is better), a tie counting half, so P(first wins) = soft - tie / 2.
    """
    return -((soft - tie / 2) * outcomes[:, 0] + tie * outcomes[:, 1] + (1 - soft - tie / 2) * outcomes[:, 2])
