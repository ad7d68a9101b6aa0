"""Direct preference optimisation: the policy learns from pairs, held near its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class DPOConfig(ForPolicies):
    """The DPO loss and its optimiser."""

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
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        title=_("Label smoothing"),
        description=_("Share of pairs believed to be labelled the wrong way round (cDPO); 0.1 is common."),
    )


class DPO(Tuned):
    """Direct preference optimisation."""

    key = "dpo"
    title = _("DPO")
    description = _("Tunes a policy directly on pairs, without a reward model, measured against a frozen reference.")
    Config = DPOConfig

    def loss(self, seen: Likelihoods, config: DPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import dpo

        chosen, rejected = seen.pairs.of(seen.ratios)
        soft, beta = seen.pairs.soft, config.beta
        losses = dpo(chosen, rejected, beta=beta, soft=soft, label_smoothing=config.label_smoothing)
        return seen.pairs.outcome(losses, beta * chosen, beta * rejected)


METHOD = DPO()
