"""Identity preference optimisation: a lead to reach, not one to grow without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from training_bridge.trainer.measured import Likelihoods, Outcome


class IPOConfig(ForPolicies):
    """The IPO loss and its optimiser."""

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
        description=_("The paper's tau: the lead asked for is 1 / (2 beta), of sums or of means as set below."),
    )
    reduce: Literal["mean", "sum"] = Field(
        "mean",
        title=_("Log-ratio of a response"),
        json_schema_extra={"choices": {"mean": _("mean over its tokens"), "sum": _("sum over its tokens")}},
        description=_("The authors ran it on means, the paper writes sums; each wants a very different beta."),
    )


class IPO(Tuned):
    """Identity preference optimisation."""

    key = "ipo"
    title = _("IPO")
    description = _("Squared distance from a fixed lead: does not overfit pairs that everybody agrees on.")
    Config = IPOConfig

    def loss(self, seen: Likelihoods, config: IPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import ipo

        ratios = seen.ratios if config.reduce == "sum" else seen.ratios / seen.lengths
        chosen, rejected = seen.pairs.of(ratios)
        losses = ipo(chosen, rejected, beta=config.beta, soft=seen.pairs.soft)
        return seen.pairs.outcome(losses, config.beta * chosen, config.beta * rejected)


METHOD = IPO()
