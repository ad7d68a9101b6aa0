"""SimPO: pairs without a reference, by the mean log-probability of a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class SimPOConfig(ForPolicies):
    """The SimPO loss and its optimiser."""

    learning_rate: float = Field(
        6e-7,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("What matters most here: 3e-7 to 1e-6 for large models, 1e-4 to 1e-3 for a tiny one."),
    )
    beta: float = Field(
        2.0,
        gt=0,
        le=20,
        title=_("Beta"),
        description=_("How sharply a lead in likelihood counts; 2 to 2.5 in the published models, up to 10."),
    )
    gamma_ratio: float = Field(
        0.5,
        ge=0,
        le=2,
        title=_("Margin, as a share of beta"),
        description=_("The lead asked for is beta times this: a start is 0.5, a search runs from 0 to 1."),
    )


class SimPO(Tuned):
    """Simple preference optimisation."""

    key = "simpo"
    title = _("SimPO")
    description = _("Tunes a policy on pairs by mean log-probability, with a margin and without a reference.")
    Config = SimPOConfig
    needs = Needs(snapshot="required", base="required", any_of=("pairs",), at_least=2)
    reads_reference = False

    def loss(self, seen: Likelihoods, config: SimPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import simpo

        chosen, rejected = seen.pairs.of(seen.means)
        beta, gamma = config.beta, config.beta * config.gamma_ratio
        losses = simpo(chosen, rejected, beta=beta, gamma=gamma, soft=seen.pairs.soft)
        return seen.pairs.outcome(losses, beta * chosen, beta * rejected)


METHOD = SimPO()
