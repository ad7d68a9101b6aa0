"""Objectives over tokens: what is learnt from texts."""

from torch import Tensor


def masked_nll(logps: Tensor, learnt: Tensor) -> Tensor:
    """Negative log-likelihood of each row's learnt tokens, summed, [B].

    `logps` [B, T]: log pi(token | what stands before it); `learnt` [B, T] (bool): false at prompt, padding and, for
    Chain of Hindsight (Liu et al. 2023, arXiv 2302.02676), at the words of feedback. Sums over the step divided by
    its number of learnt tokens are the mean per token: dividing by row first would make short responses count more.
    """
    return -(logps * learnt).sum(-1)


def with_rationale(preference: Tensor, rationale: Tensor, *, gamma: float) -> Tensor:
    """Rationale-DPO [P]: L_pref - gamma log pi(rationale | x, y_w > y_l) (arXiv 2407.14477).

    `rationale`: log-probability of the rationale, summed or averaged over its tokens; the one is about a hundred times
    the other, so a recipe states which. 0 for a pair that nobody gave reasons for.
    """
    return preference - gamma * rationale
