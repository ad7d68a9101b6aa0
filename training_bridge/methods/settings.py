"""Settings that every gradient method shares, each with its reason."""

from typing import Literal

from pydantic import Field

from training_bridge.methods.interface import Config


class Optimisation(Config):
    """How the weights move: AdamW, a warm-up, a schedule, and the size of one step."""

    learning_rate: float = Field(
        1e-5, gt=0, le=1, description="Large models want 1e-6 to 1e-5; a tiny one from scratch 1e-4 to 1e-2."
    )
    epochs: float = Field(
        1, gt=0, le=100, description="Preferences are noisy: more than one pass soon learns the noise by heart."
    )
    batch_size: int = Field(
        32,
        ge=1,
        le=4096,
        description="Prompt groups in one optimiser step; how they fit into memory is decided inside it.",
    )
    token_budget: int = Field(
        8192,
        ge=64,
        le=1_000_000,
        description="Padded tokens in one forward pass; lower it when memory runs out, the result stays the same.",
    )
    max_length: int = Field(
        1024,
        ge=8,
        le=131_072,
        description="Tokens of prompt and response; longer prompts lose their beginning, responses their end.",
    )
    warmup: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the steps over which the learning rate rises: Adam's first estimates are poor.",
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="How the learning rate falls after the warm-up."
    )
    weight_decay: float = Field(0.0, ge=0, le=1, description="Off: one short pass rarely needs it.")
    beta2: float = Field(
        0.999,
        gt=0,
        lt=1,
        description="Adam's memory of squared gradients; a run of a few hundred steps wants it short.",
    )
    max_grad_norm: float = Field(1.0, gt=0, le=1000, description="Clips the rare step that would undo many.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="bfloat16 halves memory on a GPU; losses are computed in float32 either way."
    )
    gradient_checkpointing: bool = Field(
        False, description="Trades a third more time for the memory of the activations."
    )
    checkpoint_every: int = Field(
        50,
        ge=1,
        le=100_000,
        description="Steps a crash may cost; each checkpoint writes the weights and the optimiser's state.",
    )


class FromPreferences(Optimisation):
    """Training on a snapshot's pairs."""

    use_weights: bool = Field(True, description="Weigh each pair as the snapshot says.")
    use_soft_labels: bool = Field(
        True, description="Train on the share of raters who preferred the chosen response, not on the winner alone."
    )
