"""How far the best of n can be trusted: the reward that chooses beside another that does not, for every n."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Config, Context, Needs, Result


class BestOfNConfig(Config):
    """How many responses are drawn, and what they are measured by."""

    measured_by: str = Field(
        "",
        max_length=120,
        title=_("Measured by"),
        description=_(
            "Name of another reward model of this project, which had no part in choosing (gold): where it falls while "
            "the one that chooses rises, that one is over-optimised. Empty draws the one that chooses alone."
        ),
    )
    samples: int = Field(
        64,
        ge=2,
        le=16_384,
        title=_("Samples"),
        description=_("Responses to each prompt; all n up to this many are measured from them, without bias."),
    )
    prompts: int = Field(
        50, ge=1, le=100_000, title=_("Prompts"), description=_("Intervals shrink with the root of their number.")
    )
    temperature: float = Field(1.0, gt=0, le=10, title=_("Temperature"), description=_("As the policy will be used."))
    top_p: float = Field(1.0, gt=0, le=1, title=_("Top p"), description=_("As the policy will be used."))
    max_new_tokens: int = Field(
        256, ge=1, le=32_768, title=_("Max new tokens"), description=_("Where an endless response is cut.")
    )
    max_prompt_tokens: int = Field(
        1024, ge=8, le=131_072, title=_("Max prompt tokens"), description=_("Longer prompts lose their beginning.")
    )
    batch_size: int = Field(
        64, ge=1, le=4096, title=_("Batch size"), description=_("Responses sampled or scored at once.")
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, title=_("Confidence"), description=_("Of every interval."))


class BestOfN:
    """Curves over n of the reward that chooses and of one that does not."""

    key = "best_of_n"
    title = _("Best of n")
    description = _("Draws many responses to the open prompts and measures what keeping the best of n is worth.")
    Config = BestOfNConfig
    needs = Needs(base="required", reward="required", input=("prompts",))
    makes = None
    counted_by = "n"

    def rewards_named(self, config: Mapping[str, Any]) -> Sequence[str]:
        return [config["measured_by"]] if config["measured_by"] else []

    def train(self, context: Context, config: BestOfNConfig) -> Result:
        """Reports a point of the curves for each n; writes samples.jsonl with what each prompt's best was."""
        from training_bridge.evaluation.best_of import curves

        return curves(context, config)


METHOD = BestOfN()
