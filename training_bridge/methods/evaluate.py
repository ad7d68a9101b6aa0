"""What a reward model or a policy is worth on prompts nobody trained on."""

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Config, Context, Needs, Result


class EvaluateConfig(Config):
    """How the measures are taken. A policy is given as the base, what it is compared with as the reference."""

    prompts: int = Field(
        200,
        ge=1,
        le=100_000,
        title=_("Prompts"),
        description=_("Prompts that the policy answers: intervals shrink with the root of their number."),
    )
    samples: int = Field(
        2,
        ge=1,
        le=64,
        title=_("Samples"),
        description=_("Answers to each prompt; two tell how alike a policy's answers are."),
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
        description=_("Tokens of prompt and response that models read."),
    )
    batch_size: int = Field(
        64, ge=1, le=4096, title=_("Batch size"), description=_("Responses sampled or scored at once.")
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, title=_("Confidence"), description=_("Of every interval."))


class Evaluate:
    """Report cards: of a reward model on held-out pairs, of a policy beside its reference."""

    key = "evaluate"
    title = _("Evaluate")
    description = _(
        "Writes report cards: of a reward model on held-out pairs; of a policy on these and on what it answers, beside "
        "its reference and, by a reward model, its win rate."
    )
    Config = EvaluateConfig
    needs = Needs(
        snapshot="optional", base="optional", reference="optional", reward="optional", one_of=("base", "reward")
    )
    makes = None

    def train(self, context: Context, config: EvaluateConfig) -> Result:
        """Raises Refused where there is neither a reward model nor a policy with something to measure it on."""
        from training_bridge.evaluation.evaluating import evaluate

        return evaluate(context, config)


METHOD = Evaluate()
