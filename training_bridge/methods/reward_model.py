"""Reward models by Bradley–Terry: a scalar head on any causal or encoder backbone."""

from typing import Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Context, Needs, Result
from training_bridge.methods.settings import FromPreferences


class RewardModelConfig(FromPreferences):
    """The Bradley–Terry loss and its optimiser."""

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


class RewardModel:
    """Bradley–Terry reward model."""

    key = "reward_model"
    title = _("Reward model")
    description = _("Learns a score from pairs: the response people preferred scores higher (Bradley–Terry).")
    Config = RewardModelConfig
    needs = Needs(snapshot="required", base="required", base_kind="any", min_pairs=2)
    makes: Literal["reward"] = "reward"

    def train(self, context: Context, config: RewardModelConfig) -> Result:
        """Trains on the snapshot's training split and measures accuracy on the held-out one."""
        from training_bridge.methods.rewarding import train_reward_model

        return train_reward_model(context, config)


METHOD = RewardModel()
