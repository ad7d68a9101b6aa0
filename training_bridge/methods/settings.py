"""Settings that every gradient method shares, each with its reason."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

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
        description=_("Tokens in one forward pass; lower it when memory runs out, the result stays the same."),
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


class Weighed(Optimisation):
    """Training on what people said in a snapshot, each word at its weight."""

    use_weights: bool = Field(
        True, title=_("Use weights"), description=_("Weigh each pair, thumb or text as the snapshot says.")
    )


class FromJudgments(Weighed):
    """The same, by how many said so; what only is a Weighed goes by what most said."""

    use_soft_labels: bool = Field(
        True,
        title=_("Use soft labels"),
        description=_("Train on the share of raters who preferred the chosen response, not on the winner alone."),
    )


class Scaled(Optimisation):
    """How a model that is large for its machine is trained on it."""

    trains: Literal["whole", "adapter", "head"] = Field(
        "whole",
        title=_("Trains"),
        json_schema_extra={
            "choices": {
                "whole": _("the whole model"),
                "adapter": _("an adapter (LoRA)"),
                "head": _("its head alone"),
            }
        },
        description=_(
            "The head alone is nearly free: the body is read once and stays as it is. It wants a learning rate of 1e-3 "
            "to 1e-2, an adapter beside frozen weights ten times that of the whole model."
        ),
    )

    adapter_rank: int = Field(
        16,
        ge=1,
        le=1024,
        title=_("Adapter's rank"),
        description=_("How much an adapter can learn: 8 to 32 suffice for preferences, 64 to 256 for new skills."),
    )
    adapter_alpha: int = Field(
        32,
        ge=1,
        le=4096,
        title=_("Adapter's alpha"),
        description=_("What an adapter adds counts alpha over rank times; twice the rank is usual."),
    )
    frozen_weights: Literal["float32", "bfloat16", "nf4"] = Field(
        "float32",
        title=_("Frozen weights"),
        json_schema_extra={"choices": {"float32": "float32", "bfloat16": "bfloat16", "nf4": _("4 bits (QLoRA)")}},
        description=_(
            "How weights that an adapter leaves alone are kept: half the memory, or an eighth on a GPU with "
            "bitsandbytes."
        ),
    )
    processes: int = Field(
        1,
        ge=1,
        le=64,
        title=_("Processes"),
        description=_("One for each GPU. They share out every step, whose result stays the same."),
    )
    sharding: Literal["none", "full"] = Field(
        "none",
        title=_("Sharding"),
        json_schema_extra={"choices": {"none": _("each process holds all"), "full": _("spread over the processes")}},
        description=_("Spreads weights, gradients and the optimiser's state (FSDP): for what one GPU cannot hold."),
    )

    @model_validator(mode="after")
    def frozen_weights_are_beside_an_adapter(self) -> Self:
        if self.frozen_weights != "float32" and self.trains != "adapter":
            raise ValueError(
                _("Only weights that an adapter leaves alone can be kept in fewer bits: train an adapter.")
            )
        return self


class _WithoutHead(Scaled):
    trains: Literal["whole", "adapter"] = Field(
        "whole",
        title=_("Trains"),
        json_schema_extra={"choices": {"whole": _("the whole model"), "adapter": _("an adapter (LoRA)")}},
        description=_(
            "An adapter beside frozen weights needs a fraction of the memory and wants ten times the learning rate. It "
            "is merged at the end."
        ),
    )


class ForPolicies(_WithoutHead, FromJudgments):
    """Tuning a policy on what people said."""


class ForTexts(_WithoutHead, Weighed):
    """Tuning a policy on texts that people preferred or wrote."""


class _OfResponses(Scaled):
    layer: int = Field(
        0,
        ge=0,
        le=1000,
        title=_("Layer"),
        description=_(
            "For a head alone: the layer whose mean over the response it reads. The middle of a body tells most; 0 is "
            "what the model itself reads, its end."
        ),
    )

    @model_validator(mode="after")
    def layer_is_of_a_head_alone(self) -> Self:
        if self.layer and self.trains != "head":
            raise ValueError(_("Only a head that is trained alone reads a layer of its own."))
        return self


class ForScores(_OfResponses, FromJudgments):
    """Training a reward model that speaks of whole responses."""


class ForOrders(_OfResponses, Weighed):
    """The same, on the order that the winners make."""


RETIRED = {"use_soft_labels", "use_weights"}
"""Every method once had these settings, and some never heeded them: a run that was stored so goes on without them."""


def without_effect(config: Mapping[str, Any]) -> set[str]:
    """Names of settings that change nothing in this configuration: an adapter's where none is trained, a head's layer
    where it is not trained alone, how one process shares out its weights."""
    trains, found = config.get("trains", "whole"), set[str]()
    if trains != "adapter":
        found |= {"adapter_rank", "adapter_alpha", "frozen_weights"}
    if trains != "head":
        found.add("layer")
    if config.get("processes", 1) == 1:
        found.add("sharding")
    return found


def as_stored(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """A configuration that was resolved when its run started, perhaps by an earlier version."""
    return kind.model_validate({k: v for k, v in values.items() if k in kind.model_fields or k not in RETIRED})
