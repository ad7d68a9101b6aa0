"""Reward models from thumbs: the chance that people want a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import ForScores

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Outcome, Rewards


class RewardThumbsConfig(ForScores):
    """The optimiser; there is nothing else to set."""


class RewardThumbs(Rewarded):
    """Binary reward model: the reward is the log-odds of a thumb up."""

    key = "reward_thumbs"
    title = _("Reward model of thumbs")
    description = _("Learns from one response at a time whether people want it; takes thumbs, and pairs too.")
    Config = RewardThumbsConfig
    needs = Needs(snapshot="required", base="required", base_kind="any", any_of=("thumbs", "pairs"), at_least=2)
    learns = "thumbs"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RewardThumbsConfig, seed: int
    ) -> list[PromptGroup]:
        """Responses with thumbs."""
        from training_bridge.trainer.groups import thumb_groups

        return thumb_groups(tokenizer, judged, config)

    def loss(self, seen: Rewards, config: RewardThumbsConfig) -> Outcome:
        from training_bridge.trainer.losses.heads import thumbs

        rows, soft, weight = seen.thumbs
        scores = seen.outputs[rows, 0]
        right = ((scores.detach() > 0) == (soft > 0.5)).float()
        return (weight * thumbs(scores, soft)).sum(), {"accuracy": float((weight * right).sum())}


METHOD = RewardThumbs()
