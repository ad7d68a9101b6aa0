"""Training objectives as pure functions of rewards and log-probabilities; every one gives a loss per pair, [P].

Natural logarithms. `soft` is the probability that the first response of the pair is the better one; 1 is a hard label.
log sigmoid is -softplus(-z): log(sigmoid(z) + eps) has the wrong gradient below z = -12.
"""

from torch import Tensor
from torch.nn.functional import logsigmoid


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


def dpo(
    chosen: Tensor, rejected: Tensor, *, beta: float, soft: Tensor | float = 1.0, label_smoothing: float = 0.0
) -> Tensor:
    """DPO loss of log-ratios s(y) = log pi(y|x) - log ref(y|x), summed over the response's tokens, [P].

    -(t ls(beta d) + (1 - t) ls(-beta d)) with d = s(y_w) - s(y_l): Rafailov et al. 2023 (arXiv 2305.18290) eq. 7 for
    t = 1. Label smoothing e, the share of labels believed flipped, makes t = p (1 - e) + (1 - p) e (conservative DPO;
    for p = 1 the loss of Mitchell's note, eq. 3).
    """
    target = soft * (1 - label_smoothing) + (1 - soft) * label_smoothing
    lead = beta * (chosen - rejected)
    return -(target * logsigmoid(lead) + (1 - target) * logsigmoid(-lead))
