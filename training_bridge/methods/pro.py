"""PRO: every response of a list against all below it, and the best one learnt by heart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.settings import ForPolicies
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Likelihoods, Outcome


class PROConfig(ForPolicies):
    """The PRO loss and its optimiser."""

    learning_rate: float = Field(
        5e-6,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("The paper's; a tiny model wants 1e-4 to 1e-3."),
    )
    sft_weight: float = Field(
        0.05,
        ge=0,
        le=10,
        title=_("Weight of the best response"),
        description=_("Times (n - 1) squared and the sum over its tokens: keeps the policy fluent."),
    )


class PRO(Tuned):
    """Preference ranking optimisation."""

    key = "pro"
    title = _("PRO")
    description = _("Tunes a policy on lists of responses, each against all that people ranked below it; no reference.")
    Config = PROConfig
    needs = Needs(snapshot="required", base="required", any_of=("pairs",), at_least=2)
    reads_reference = False
    learns = "lists"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: PROConfig, seed: int
    ) -> list[PromptGroup]:
        """Lists of responses, the best first."""
        from training_bridge.trainer.groups import best_first, list_groups

        return [best_first(group) for group in list_groups(tokenizer, judged, config)]

    def loss(self, seen: Likelihoods, config: PROConfig) -> Outcome:
        """The reward that the paper takes from a model is Borda's count: how many others a response stands above."""
        from training_bridge.trainer.groups import standings
        from training_bridge.trainer.losses.lists import pro

        likelihoods, real = seen.lists(seen.means)
        counts = [
            standing * (len(group.responses) - 1)
            for group in seen.groups
            for standing in standings(group.relations, len(group.responses))
        ]
        best = seen.lists(-seen.logps)[0][:, 0]
        losses = pro(likelihoods, seen.lists(seen.numbers(counts))[0], real, best, sft_weight=config.sft_weight)
        return seen.listed(losses, seen.means)


METHOD = PRO()
