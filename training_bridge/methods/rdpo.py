"""Robust DPO: an unbiased loss where a known share of the labels is the wrong way round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class RobustDPOConfig(ForPolicies):
    """The robust DPO loss and its optimiser."""

    learning_rate: float = Field(
        5e-7,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("The original recipe's; large models forget quickly above 1e-6, a tiny one wants 1e-4 to 1e-3."),
    )
    beta: float = Field(
        0.1,
        gt=0,
        le=10,
        title=_("Beta"),
        description=_("How dearly the policy pays for leaving its reference: the higher, the nearer it stays."),
    )
    flip_rate: float = Field(
        0.1,
        ge=0,
        lt=0.5,
        title=_("Flip rate"),
        description=_("Share of labels believed flipped. Unbiased only where that is right; 0 is plain DPO."),
    )


class RobustDPO(Tuned):
    """Robust direct preference optimisation."""

    key = "rdpo"
    title = _("Robust DPO")
    description = _("DPO for noisy labels: undoes on average what flipped labels do to the loss.")
    Config = RobustDPOConfig

    def loss(self, seen: Likelihoods, config: RobustDPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import robust_dpo

        chosen, rejected = seen.pairs.of(seen.ratios)
        losses = robust_dpo(chosen, rejected, beta=config.beta, flip_rate=config.flip_rate, soft=seen.pairs.soft)
        return seen.pairs.outcome(losses, config.beta * chosen, config.beta * rejected)


METHOD = RobustDPO()
