"""Hinge loss on log-ratios (SLiC's, on normalised likelihoods): a lead that is enough is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class HingeConfig(ForPolicies):
    """The hinge loss and its optimiser."""

    learning_rate: float = Field(
        5e-7, gt=0, le=1, title=_("Learning rate"), description=_("As for DPO; a tiny model wants 1e-4 to 1e-3.")
    )
    beta: float = Field(
        0.1, gt=0, le=10, title=_("Beta"), description=_("One over the lead in log-ratio that is enough.")
    )


class Hinge(Tuned):
    """Hinge loss on log-ratios (Liu et al. 2023, arXiv 2309.06657)."""

    key = "hinge"
    title = _("Hinge")
    description = _("Tunes a policy on pairs until each has a lead that is enough, and no further.")
    Config = HingeConfig

    def loss(self, seen: Likelihoods, config: HingeConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import hinge

        chosen, rejected = seen.pairs.of(seen.ratios)
        losses = hinge(chosen, rejected, beta=config.beta, soft=seen.pairs.soft)
        return seen.pairs.outcome(losses, config.beta * chosen, config.beta * rejected)


METHOD = Hinge()
