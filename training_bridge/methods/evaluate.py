"""What a reward model or a policy is worth on prompts nobody trained on."""

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Config, Context, Needs, Result


class EvaluateConfig(Config):
    """How the measures are taken. A win rate is taken where a policy (the base) and a reference are given."""

    prompts: int = Field(
        200,
        ge=1,
        le=100_000,
        title=_("Prompts"),
        description=_("Held-out prompts for the win rate: the interval shrinks with the root of their number."),
    )
    temperature: float = Field(1.0, ge=0, le=10, title=_("Temperature"), description=_("As the policy will be used."))
    top_p: float = Field(1.0, gt=0, le=1, title=_("Top p"), description=_("As the policy will be used."))
    max_new_tokens: int = Field(
        256, ge=1, le=32_768, title=_("Max new tokens"), description=_("Where an endless response is cut.")
    )
    max_length: int = Field(
        1024,
        ge=8,
        le=131_072,
        title=_("Max length"),
        description=_("Tokens of prompt and response the reward model reads."),
    )
    batch_size: int = Field(
        64, ge=1, le=4096, title=_("Batch size"), description=_("Responses sampled or scored at once.")
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, title=_("Confidence"), description=_("Of every interval."))


class Evaluate:
    """Reward accuracy on held-out pairs; win rate of a policy over its reference by a reward model."""

    key = "evaluate"
    title = _("Evaluate")
    description = _(
        "Measures a reward model on held-out pairs and, by that model, a policy's win rate over its reference."
    )
    Config = EvaluateConfig
    needs = Needs(snapshot="optional", base="optional", reference="optional", reward="required")
    makes = None

    def train(self, context: Context, config: EvaluateConfig) -> Result:
        """Raises Refused where there is neither a snapshot nor a policy with its reference to measure."""
        from training_bridge.methods.evaluating import evaluate

        return evaluate(context, config)


METHOD = Evaluate()
