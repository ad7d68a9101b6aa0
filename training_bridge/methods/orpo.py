"""ORPO: fine-tuning and preference in one loss, without a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class ORPOConfig(ForPolicies):
    """The ORPO loss and its optimiser."""

    learning_rate: float = Field(
        8e-6,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("Higher than DPO's: it is fine-tuning as well. A tiny model wants 1e-4 to 1e-3."),
    )
    ratio_weight: float = Field(
        0.1,
        ge=0,
        le=10,
        title=_("Weight of the odds ratio"),
        description=_("Lambda: how much the preference counts beside learning the better response by heart."),
    )


class ORPO(Tuned):
    """Odds ratio preference optimisation."""

    key = "orpo"
    title = _("ORPO")
    description = _("Learns the better response and its odds over the other at once, from a base, without a reference.")
    Config = ORPOConfig
    needs = Needs(snapshot="required", base="required", any_of=("pairs",), at_least=2)
    reads_reference = False

    def loss(self, seen: Likelihoods, config: ORPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import orpo

        pairs = seen.pairs
        chosen, rejected = pairs.of(seen.means)
        nll = -(pairs.soft * chosen + (1 - pairs.soft) * rejected)
        losses = orpo(chosen, rejected, nll, ratio_weight=config.ratio_weight, soft=pairs.soft)
        return pairs.outcome(losses, config.ratio_weight * chosen, config.ratio_weight * rejected)


METHOD = ORPO()
