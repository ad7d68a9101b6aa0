"""Reward models put together by an expression: a mean, the worst, less their variance, a weighted sum, a gate."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from common.errors import Invalid
from common.words import gettext_noop as _
from lm.expressions import LONGEST, parsed
from training_bridge.methods.interface import Config, Context, Needs, Result


class RewardExpressionConfig(Config):
    """What is put together, and what its scales and accuracy are measured on."""

    expression: str = Field(
        "",
        max_length=LONGEST,
        json_schema_extra={"minLength": 1},
        title=_("Expression"),
        description=_(
            "Reward models of this project by name in quotes, numbers, + - * /, and mean(…), min(…), max(…), var(…), "
            'words(), or “… if … > … else …”. z("name") puts one on the scale of mean 0 and deviation 1. '
            'For example: mean(z("a"), z("b")) - 0.5 * var(z("a"), z("b")), or "relevance" + 0.3 * z("completeness").'
        ),
    )
    responses: int = Field(
        2000,
        ge=2,
        le=1_000_000,
        title=_("Responses"),
        description=_("Of the snapshot's training split, at most so many tell the scale of what stands in z(…)."),
    )
    max_length: int = Field(
        1024,
        ge=8,
        le=131_072,
        title=_("Max length"),
        description=_("Tokens of prompt and response; longer prompts lose their beginning, responses their end."),
    )

    @field_validator("expression")
    @classmethod
    def can_be_read(cls, expression: str) -> str:
        try:
            return parsed(expression).text
        except Invalid as fault:
            raise ValueError(fault.detail) from fault


class RewardExpression:
    """Combines reward models into one that judges, evaluations and policies read like any other."""

    key = "reward_expression"
    title = _("Combine reward models")
    description = _("Puts reward models together by an expression; where parts reward tokens or segments, so does it.")
    Config = RewardExpressionConfig
    needs = Needs(snapshot="required")
    makes = "reward"

    def rewards_named(self, config: Any) -> Sequence[str]:
        return parsed(config["expression"]).names

    def train(self, context: Context, config: RewardExpressionConfig) -> Result:
        """Copies the parts into a folder that stands by itself, and measures accuracy on the held-out split."""
        from training_bridge.trainer.combining import combine

        return combine(context, config)


METHOD = RewardExpression()
