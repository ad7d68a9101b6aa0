"""From what a reward model's heads say to one number, and the layers beside its backbone.

A reward model in Hugging Face form with one head needs nothing of this. Others say in their config.json, under
"reward", how they are to be read: {"kind": "ensemble", "how", "penalty", "ddof", "mean", "std"},
{"kind": "aspects", "names", "shares", "verbosity", "gate"} or {"kind": "spans", "classes", "rewards", "segments"},
where `segments` ("sentence", "clause" or none) puts the reward at the last token of each. With {"layer": n} a scalar
head or an ensemble reads the mean state of layer n over the response in place of what the model itself reads. Several
models put together by an expression are a folder of their own kind (lm/loading.py).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def reading_of(model: nn.Module) -> Mapping[str, Any]:
    """How the model is to be read; {} for one scalar head."""
    found: Mapping[str, Any] = getattr(model.config, "reward", None) or {}
    return found


def without_verbosity(scores: Tensor, shares: Tensor, verbosity: int) -> Tensor:
    """r'_i = r_i - lambda_i r_verbosity of `scores` [..., A] and `shares` lambda [A] (arXiv 2406.12845)."""
    return scores - shares * scores[..., verbosity : verbosity + 1]


def gated(scores: Tensor, logits: Tensor, *, scale: Tensor | float = 1.0, temperature: float = 10.0) -> Tensor:
    """R = scale sum_i softmax(logits / temperature)_i r_i of `scores` and `logits` [..., A] (arXiv 2406.12845)."""
    return scale * ((logits / temperature).softmax(-1) * scores).sum(-1)


def token_rewards(logits: Tensor, rewards: Tensor) -> Tensor:
    """The expected reward of each token [..., T] of `logits` [..., T, C], its classes being worth `rewards` [C]."""
    return logits.softmax(-1) @ rewards


def aggregated(rewards: Tensor, how: str, penalty: float = 0.0, ddof: int = 0) -> Tensor:
    """One reward [...] of the members' [..., K] (Coste et al. 2023, arXiv 2310.02743).

    "mean"; "worst": min_i R_i; "cautious": mean - penalty var, with `ddof` 0 the population's variance.
    """
    if how == "worst":
        return rewards.amin(-1)
    mean = rewards.mean(-1)
    return mean if how == "mean" else mean - penalty * rewards.var(-1, correction=ddof)


def of_members(outputs: Tensor, reading: Mapping[str, Any]) -> Tensor:
    """One reward [...] of an ensemble's `outputs` [..., K]."""
    return mixed(on_scale(outputs, reading), reading)


def on_scale(outputs: Tensor, reading: Mapping[str, Any]) -> Tensor:
    """An ensemble's `outputs` [..., K], each member on the scale it has over its training data."""
    mean, std = (torch.tensor(reading[key], device=outputs.device) for key in ("mean", "std"))
    return (outputs - mean) / std


def mixed(members: Tensor, reading: Mapping[str, Any]) -> Tensor:
    """One reward [...] of what the members say [..., K], on their scale."""
    return aggregated(members, reading["how"], reading["penalty"], reading["ddof"])


class Gate(nn.Module):
    """What each aspect counts for, told from the prompt alone: a multi-layer perceptron (arXiv 2406.12845)."""

    def __init__(self, inputs: int, aspects: int, *, width: int, depth: int, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for layer in range(depth):
            layers += [nn.Linear(inputs if layer == 0 else width, width), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, aspects))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, prompts: Tensor, scores: Tensor) -> Tensor:
        """One reward [N] of the prompts' features [N, H] and the responses' scores [N, A]."""
        return gated(scores, self.layers(prompts), scale=self.scale)
