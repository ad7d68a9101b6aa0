"""Ensembles of reward models: several heads on one body, each with its own weights of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import ForScores

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Outcome, Rewards


class RewardEnsembleConfig(ForScores):
    """How many members, how they are read, and the optimiser."""

    members: int = Field(
        5, ge=2, le=64, title=_("Members"), description=_("Heads; five do most of what more of them could.")
    )
    how: Literal["mean", "worst", "cautious"] = Field(
        "cautious",
        title=_("Read as"),
        json_schema_extra={
            "choices": {
                "mean": _("the mean"),
                "worst": _("the worst of them"),
                "cautious": _("the mean less their disagreement"),
            }
        },
        description=_("What a policy is optimised against: caution keeps it from what only one member likes."),
    )
    penalty: float = Field(
        0.5,
        ge=0,
        le=10,
        title=_("Weight of disagreement"),
        description=_("Times the members' variance: 0.5 for best of n, 0.1 for reinforcement learning."),
    )


class RewardEnsemble(Rewarded):
    """Bradley–Terry heads, each on its own Bayesian bootstrap of the prompts (Rubin 1981)."""

    key = "reward_ensemble"
    title = _("Reward ensemble")
    description = _("Several reward heads on one body: where they disagree, the reward is less sure, and says so.")
    Config = RewardEnsembleConfig

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RewardEnsembleConfig, seed: int
    ) -> list[PromptGroup]:
        """Pairs, each prompt with a weight for every member: exponential, so none is ever nought."""
        import torch

        from training_bridge.trainer.groups import pair_groups

        groups = pair_groups(tokenizer, judged, config)
        drawn = torch.empty(len(groups), config.members, dtype=torch.float64)
        drawn.exponential_(generator=torch.Generator().manual_seed(seed))
        shares = drawn / drawn.mean(0)
        return [replace(group, members=row) for group, row in zip(groups, shares.tolist(), strict=True)]

    def heads(self, groups: Sequence[PromptGroup], config: RewardEnsembleConfig) -> int:
        return config.members

    def loss(self, seen: Rewards, config: RewardEnsembleConfig) -> Outcome:
        """The mean over members of their weighted losses; what is measured is the members' mean."""
        from training_bridge.trainer.losses.pairs import bradley_terry

        pairs = seen.pairs
        soft = pairs.soft[:, None]
        each = bradley_terry(seen.outputs[pairs.better], seen.outputs[pairs.worse], soft=soft)
        shares = seen.numbers([share for group in seen.groups for _ in group.relations for share in group.members])
        losses = (shares.view_as(each) * each).mean(1)
        return pairs.outcome(losses, *pairs.of(seen.outputs.mean(1)))

    def reading(
        self, groups: Sequence[PromptGroup], config: RewardEnsembleConfig, outputs: Callable[[], Tensor]
    ) -> dict[str, Any]:
        """Members are put on one scale, of mean 0 and deviation 1 over the training data, before they are mixed."""
        seen = outputs()
        mean, std = seen.mean(0).tolist(), seen.std(0, correction=0).clamp(min=1e-6).tolist()
        return {"kind": "ensemble", "how": config.how, "penalty": config.penalty, "ddof": 0, "mean": mean, "std": std}


METHOD = RewardEnsemble()
