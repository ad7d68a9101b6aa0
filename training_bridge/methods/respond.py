"""A policy answers open prompts; its responses become the next round's items."""

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Config, Context, Needs, Result


class RespondConfig(Config):
    """How responses are sampled."""

    samples: int = Field(
        2, ge=1, le=64, title=_("Samples"), description=_("Responses to each prompt; a comparison needs two.")
    )
    best_of: int = Field(
        1,
        ge=1,
        le=1024,
        title=_("Best of"),
        description=_("So many are drawn for each response and the one that the reward model likes best is kept."),
    )
    temperature: float = Field(
        1.0,
        ge=0,
        le=10,
        title=_("Temperature"),
        description=_("0 always takes the likeliest token, and then all samples are the same."),
    )
    top_p: float = Field(
        1.0,
        gt=0,
        le=1,
        title=_("Top p"),
        description=_("Keeps the likeliest tokens that together reach this probability."),
    )
    max_new_tokens: int = Field(
        256, ge=1, le=32_768, title=_("Max new tokens"), description=_("Where an endless response is cut.")
    )
    max_prompt_tokens: int = Field(
        1024, ge=8, le=131_072, title=_("Max prompt tokens"), description=_("Longer prompts lose their beginning.")
    )
    batch_size: int = Field(
        64,
        ge=1,
        le=4096,
        title=_("Batch size"),
        description=_("Responses sampled at once; what is sampled does not depend on it."),
    )
    distinct: bool = Field(
        True,
        title=_("Distinct"),
        description=_(
            "Draws again (a few times) where two responses to a prompt are the same: nobody can compare those."
        ),
    )


class Respond:
    """Samples responses to open prompts."""

    key = "respond"
    title = _("Respond")
    description = _("Lets a policy answer the open prompts; the responses become new items to judge.")
    Config = RespondConfig
    needs = Needs(base="required", reward="optional", input=("prompts",))
    makes = None
    counted_by = _("responses")

    def train(self, context: Context, config: RespondConfig) -> Result:
        """Writes responses.jsonl: one line a response, {"prompt_id", "sample", "messages", "sampling", "finished"}."""
        from training_bridge.trainer.responding import respond

        return respond(context, config)


METHOD = Respond()
