"""DPO with log-ratios averaged over tokens, as Tülu 3 was tuned: length no longer buys a lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class NormedDPOConfig(ForPolicies):
    """The length-normalised DPO loss and its optimiser."""

    learning_rate: float = Field(
        5e-7,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("Tülu 3's for 8 billion weights; a tiny model wants 1e-4 to 1e-3."),
    )
    beta: float = Field(
        5.0,
        gt=0,
        le=100,
        title=_("Beta"),
        description=_("Tülu 3's: of means per token, not of sums, so the 0.1 of plain DPO would do almost nothing."),
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        title=_("Label smoothing"),
        description=_("Share of pairs believed to be labelled the wrong way round; 0.1 is common."),
    )


class NormedDPO(Tuned):
    """Length-normalised direct preference optimisation (Lambert et al. 2024, arXiv 2411.15124 §5)."""

    key = "dpo_norm"
    title = _("DPO, length-normalised")
    description = _("DPO on log-probabilities averaged over tokens: a longer response has no larger say.")
    Config = NormedDPOConfig

    def loss(self, seen: Likelihoods, config: NormedDPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import dpo

        chosen, rejected = seen.pairs.of(seen.ratios / seen.lengths)
        soft, beta = seen.pairs.soft, config.beta
        losses = dpo(chosen, rejected, beta=beta, soft=soft, label_smoothing=config.label_smoothing)
        return seen.pairs.outcome(losses, beta * chosen, beta * rejected)


METHOD = NormedDPO()
