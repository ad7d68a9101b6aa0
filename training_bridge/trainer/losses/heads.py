"""What the outputs of a reward model's heads are trained on; how they become one number is in lm/heads.py."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

IGNORED = -100


def thumbs(rewards: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy of sigmoid(r) with `wanted` = P(thumb up), [B]: a reward from one response at a time."""
    return binary_cross_entropy_with_logits(rewards, wanted, reduction="none")


def ridge(features: Tensor, targets: Tensor, alpha: float, weights: Tensor | None = None) -> Tensor:
    """argmin_w sum_i v_i (w^T h_i - y_i)^2 + alpha ||w||^2, no intercept, in closed form.

    `features` [N, H], `targets` [N] of the rows that have one, `weights` v [N]; the result is [H]. A row that lacks an
    aspect is no row for it: missing is not zero (ArmoRM, Wang et al. 2024, arXiv 2406.12845, one aspect at a time).
    """
    weighed = features if weights is None else features * weights[:, None]
    gram = weighed.T @ features
    gram.diagonal().add_(alpha)
    found: Tensor = torch.linalg.solve(gram, weighed.T @ targets)
    return found


def segments(logits: Tensor, kinds: Tensor) -> Tensor:
    """Cross-entropy at every labelled token, [B, T], 0 elsewhere (Wu et al. 2023, arXiv 2306.01693).

    `logits` [B, T, C]; `kinds` [B, T]: the class of the segment that ends at (or holds) the token, IGNORED where none.
    """
    flat = cross_entropy(logits.flatten(0, 1), kinds.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view_as(kinds)
