"""Direct preference optimisation: the policy learns from pairs, held near its reference."""

from typing import Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Context, Needs, Result
from training_bridge.methods.settings import FromPreferences


class DPOConfig(FromPreferences):
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


class DPO:
    """Direct preference optimisation."""

    key = "dpo"
    title = _("DPO")
    description = _("Tunes a policy directly on pairs, without a reward model, measured against a frozen reference.")
    Config = DPOConfig
    needs = Needs(snapshot="required", base="required", reference="optional", min_pairs=2)
    makes: Literal["policy"] = "policy"

    def train(self, context: Context, config: DPOConfig) -> Result:
        """Trains on the snapshot's training split. The reference is the base itself unless another one is given."""
        from training_bridge.methods.preferring import train_dpo

        return train_dpo(context, config)


METHOD = DPO()
