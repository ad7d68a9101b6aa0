"""A tiny causal model and its tokenizer from text: a base to rehearse the loop on where no model hub is at hand."""

from typing import Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Context, Needs, Result
from training_bridge.methods.settings import Optimisation


class PretrainConfig(Optimisation):
    """The shape of the model and how long it reads."""

    vocabulary: int = Field(
        1024,
        ge=300,
        le=32_000,
        title=_("Vocabulary"),
        description=_("Byte-pair tokens: few, so that the embedding does not eat the parameters."),
    )
    hidden_size: int = Field(
        128, ge=16, le=1024, multiple_of=8, title=_("Hidden size"), description=_("Width of the body.")
    )
    layers: int = Field(4, ge=1, le=24, title=_("Layers"), description=_("Depth of the body."))
    heads: int = Field(4, ge=1, le=32, title=_("Heads"), description=_("Attention heads; they divide the width."))
    max_length: int = Field(
        96,
        ge=16,
        le=2048,
        title=_("Max length"),
        description=_("Tokens in a block, and the longest conversation the model can follow."),
    )
    learning_rate: float = Field(
        3e-3, gt=0, le=1, title=_("Learning rate"), description=_("Models this small like it high.")
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine",
        title=_("Schedule"),
        json_schema_extra={"choices": {"cosine": _("cosine"), "linear": _("linear"), "constant": _("constant")}},
        description=_("How the learning rate falls after the warm-up."),
    )
    weight_decay: float = Field(
        0.01, ge=0, le=1, title=_("Weight decay"), description=_("A little keeps the embedding in bounds.")
    )


class Pretrain:
    """From a configuration and a text file to a causal language model."""

    key = "pretrain"
    title = _("Tiny base model")
    description = _("Trains a small causal language model and its tokenizer from scratch on a text file.")
    Config = PretrainConfig
    needs = Needs(input=("text",))
    makes: Literal["policy"] = "policy"

    def train(self, context: Context, config: PretrainConfig) -> Result:
        """Learns the tokenizer, then the model. Raises Refused where the text is too short to learn from."""
        from training_bridge.trainer.pretraining import pretrain

        return pretrain(context, config)


METHOD = Pretrain()
