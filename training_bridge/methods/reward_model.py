"""Reward models by Bradley–Terry: a scalar head on any causal or encoder backbone, with or without ties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import ForScores

if TYPE_CHECKING:
    from torch import Tensor

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.measured import Outcome, Rewards

STARTS = {"rao_kupper": math.log(math.exp(math.log(1.5)) - 1), "davidson": math.log(0.5)}
"""Of what the tie models learn, as an unbounded number: theta = 1.5 and nu = 0.5."""


class RewardModelConfig(ForScores):
    """The Bradley–Terry loss, what ties mean, and the optimiser."""

    margin_per_strength: float = Field(
        0.0,
        ge=0,
        le=3,
        title=_("Margin per strength"),
        description=_("Reward difference asked per point of strength (Llama 2: 1/3, 1). Off: it hurts close pairs."),
    )
    centering: float = Field(
        0.0,
        ge=0,
        le=1,
        title=_("Centering"),
        description=_("Pulls the rewards of a pair towards zero mean; 0.01 makes prompts comparable."),
    )
    ties: Literal["half", "rao_kupper", "davidson"] = Field(
        "half",
        title=_("Ties"),
        json_schema_extra={
            "choices": {"half": _("half a win for either"), "rao_kupper": "Rao–Kupper", "davidson": "Davidson"}
        },
        description=_(
            "What a tie that the snapshot kept says: the models learn how readily people call one. "
            "Margin and centering go with half a win."
        ),
    )


class RewardModel(Rewarded):
    """Bradley–Terry reward model."""

    key = "reward_model"
    title = _("Reward model")
    description = _("Learns a score from pairs: the response people preferred scores higher (Bradley–Terry).")
    Config = RewardModelConfig

    def extent(self, groups: Sequence[PromptGroup], config: RewardModelConfig) -> float | None:
        """None where there is no tie: how readily people call one could only be learnt as never."""
        seen = any(relation.tie > 0 for group in groups for relation in group.relations)
        return STARTS.get(config.ties) if seen else None

    def told_extent(self, extent: Tensor, config: RewardModelConfig) -> float:
        """Rao and Kupper's eta, the lead that goes unnoticed, or Davidson's nu."""
        from training_bridge.trainer.losses.pairs import threshold_of

        return (extent.exp() if config.ties == "davidson" else threshold_of(extent)).item()

    def loss(self, seen: Rewards, config: RewardModelConfig) -> Outcome:
        from training_bridge.trainer.losses.pairs import bradley_terry, davidson, rao_kupper, threshold_of, with_ties

        pairs = seen.pairs
        chosen, rejected = pairs.of(seen.outputs[:, 0])
        if seen.extent is None:
            margin = config.margin_per_strength * pairs.strength
            losses = bradley_terry(chosen, rejected, soft=pairs.soft, margin=margin, centering=config.centering)
        elif config.ties == "davidson":
            losses = with_ties(davidson(chosen, rejected, seen.extent), soft=pairs.soft, tie=pairs.tie)
        else:
            chances = rao_kupper(chosen, rejected, threshold_of(seen.extent))
            losses = with_ties(chances, soft=pairs.soft, tie=pairs.tie)
        return pairs.outcome(losses, chosen, rejected)


METHOD = RewardModel()
