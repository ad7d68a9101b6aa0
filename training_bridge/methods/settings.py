"""Settings that every gradient method shares, each with its reason."""

from typing import Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Config


class Optimisation(Config):
    """How the weights move: AdamW, a warm-up, a schedule, and the size of one step."""

    learning_rate: float = Field(
        1e-5,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("Large models want 1e-6 to 1e-5; a tiny one from scratch 1e-4 to 1e-2."),
    )
    epochs: float = Field(
        1,
        gt=0,
        le=100,
        title=_("Epochs"),
        description=_("Preferences are noisy: more than one pass soon learns the noise by heart."),
    )
    batch_size: int = Field(
        32,
        ge=1,
        le=4096,
        title=_("Batch size"),
        description=_("Prompt groups in one optimiser step; how they fit into memory is decided inside it."),
    )
    token_budget: int = Field(
        8192,
        ge=64,
        le=1_000_000,
        title=_("Token budget"),
        description=_("Padded tokens in one forward pass; lower it when memory runs out, the result stays the same."),
    )
    max_length: int = Field(
        1024,
        ge=8,
        le=131_072,
        title=_("Max length"),
        description=_("Tokens of prompt and response; longer prompts lose their beginning, responses their end."),
    )
    warmup: float = Field(
        0.05,
        ge=0,
        le=1,
        title=_("Warmup"),
        description=_("Share of the steps over which the learning rate rises: Adam's first estimates are poor."),
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine",
        title=_("Schedule"),
        json_schema_extra={"choices": {"cosine": _("cosine"), "linear": _("linear"), "constant": _("constant")}},
        description=_("How the learning rate falls after the warm-up."),
    )
    weight_decay: float = Field(
        0.0, ge=0, le=1, title=_("Weight decay"), description=_("Off: one short pass rarely needs it.")
    )
    beta2: float = Field(
        0.999,
        gt=0,
        lt=1,
        title=_("Beta2"),
        description=_("Adam's memory of squared gradients; a run of a few hundred steps wants it short."),
    )
    max_grad_norm: float = Field(
        1.0, gt=0, le=1000, title=_("Max grad norm"), description=_("Clips the rare step that would undo many.")
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        title=_("Precision"),
        description=_("bfloat16 halves memory on a GPU; losses are computed in float32 either way."),
    )
    gradient_checkpointing: bool = Field(
        False,
        title=_("Gradient checkpointing"),
        description=_("Trades a third more time for the memory of the activations."),
    )
    checkpoint_every: int = Field(
        50,
        ge=1,
        le=100_000,
        title=_("Checkpoint every"),
        description=_("Steps a crash may cost; each checkpoint writes the weights and the optimiser's state."),
    )


class FromJudgments(Optimisation):
    """Training on what people said in a snapshot."""

    use_weights: bool = Field(
        True, title=_("Use weights"), description=_("Weigh each pair, thumb or text as the snapshot says.")
    )
    use_soft_labels: bool = Field(
        True,
        title=_("Use soft labels"),
        description=_("Train on the share of raters who preferred the chosen response, not on the winner alone."),
    )
