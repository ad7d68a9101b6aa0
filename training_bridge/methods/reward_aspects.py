"""Reward models of several aspects: one head each on a frozen backbone, weighed by a gate that reads the prompt."""

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Context, Needs, Result
from training_bridge.methods.settings import FromJudgments


class RewardAspectsConfig(FromJudgments):
    """The aspects' ridge regressions, the debiasing, the gate and its optimiser."""

    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("Of the gate alone; the heads are solved, not trained."),
    )
    verbosity: str = Field(
        "",
        max_length=60,
        title=_("Aspect of length"),
        description=_(
            "The key of an aspect that only says how long a response is: the others lose what they owe to it."
        ),
    )
    gate_width: int = Field(
        1024, ge=4, le=8192, title=_("Width of the gate"), description=_("Of its hidden layers, as published.")
    )
    gate_depth: int = Field(
        3, ge=1, le=8, title=_("Depth of the gate"), description=_("Hidden layers; a small snapshot is served by one.")
    )
    gate_dropout: float = Field(
        0.2, ge=0, lt=1, title=_("Dropout of the gate"), description=_("Keeps it from learning prompts by heart.")
    )


class RewardAspects:
    """Multi-objective reward model with a gate (ArmoRM, Wang et al. 2024, arXiv 2406.12845)."""

    key = "reward_aspects"
    title = _("Reward model of aspects")
    description = _(
        "Learns every aspect that people scored, gaps and all; what each counts for depends on the prompt "
        "and is learnt from pairs."
    )
    Config = RewardAspectsConfig
    needs = Needs(snapshot="required", base="required", base_kind="any", any_of=("scores",), at_least=10)
    makes = "reward"

    def train(self, context: Context, config: RewardAspectsConfig) -> Result:
        """The backbone stays as it is. Without pairs there is no gate: the reward is the mean of the aspects."""
        from training_bridge.trainer.aspects import train_aspects

        return train_aspects(context, config)


METHOD = RewardAspects()
