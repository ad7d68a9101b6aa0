"""LiPO-λ: a whole list at once, its swaps weighed by what they would change at the top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Likelihoods, Outcome


class LiPOConfig(ForPolicies):
    """The LiPO-λ loss and its optimiser."""

    learning_rate: float = Field(
        5e-7,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("As for DPO; a tiny model wants 1e-4 to 1e-3."),
    )
    beta: float = Field(
        0.05,
        gt=0,
        le=10,
        title=_("Beta"),
        description=_("Best in the paper; how dearly the policy pays for leaving its reference."),
    )


class LiPO(Tuned):
    """Listwise preference optimisation with lambda weights."""

    key = "lipo_lambda"
    title = _("LiPO-λ")
    description = _("Tunes a policy on lists of responses: pairs whose order matters most for the top weigh most.")
    Config = LiPOConfig
    learns = "lists"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: LiPOConfig, seed: int
    ) -> list[PromptGroup]:
        """Lists of responses, ordered by their pairs."""
        from training_bridge.trainer.groups import list_groups

        return list_groups(tokenizer, judged, config)

    def loss(self, seen: Likelihoods, config: LiPOConfig) -> Outcome:
        from training_bridge.trainer.groups import standings
        from training_bridge.trainer.losses.lists import lipo_lambda

        scores, real = seen.lists(config.beta * seen.ratios)
        gains = [gain for group in seen.groups for gain in standings(group.relations, len(group.responses))]
        losses = lipo_lambda(scores, seen.lists(seen.numbers(gains))[0], real)
        return seen.listed(losses, config.beta * seen.ratios)


METHOD = LiPO()
