"""Reward models of lists: the order of all K responses to a prompt at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Refused
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import ForOrders

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Outcome, Rewards


class RewardRankingConfig(ForOrders):
    """Which likelihood of a list, and the optimiser."""

    likelihood: Literal["plackett_luce", "all_pairs"] = Field(
        "plackett_luce",
        title=_("Likelihood of a list"),
        json_schema_extra={
            "choices": {"plackett_luce": "Plackett–Luce", "all_pairs": _("the mean of all its pairs (InstructGPT)")}
        },
        description=_("Choice after choice from what is left, or every pair as if it had been judged alone."),
    )


class RewardRanking(Rewarded):
    """Plackett–Luce reward model; shared ranks cost what all their orders together do."""

    key = "reward_ranking"
    title = _("Reward model of rankings")
    description = _("Learns a score from whole lists: rankings, the best of several, or ratings that order responses.")
    Config = RewardRankingConfig
    learns = "lists"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RewardRankingConfig, seed: int
    ) -> list[PromptGroup]:
        """Lists of responses, ordered by the winners of their pairs. Raises Refused where none has an order, as where
        the winners go round in a circle, and where more share a rank than can be reckoned."""
        from training_bridge.trainer.groups import list_groups, tiers_of
        from training_bridge.trainer.losses.lists import MOST_TIED

        groups = list_groups(tokenizer, judged, config)
        tiers = [tier for group in groups for tier in tiers_of(group.relations, len(group.responses))[:-1]]
        most = max(map(len, tiers))
        if config.likelihood == "plackett_luce" and most > MOST_TIED:
            words = _(
                "In one list %(most)s responses share a rank; at most %(limit)s can. Choose the mean of all pairs."
            )
            raise Refused(words % {"most": most, "limit": MOST_TIED})
        return groups

    def loss(self, seen: Rewards, config: RewardRankingConfig) -> Outcome:
        """A list's loss is its mean over the choices made in it: long lists have no larger say."""
        import torch

        from training_bridge.trainer.groups import tiers_of
        from training_bridge.trainer.losses.lists import k_wise, plackett_luce

        scores, losses = seen.outputs[:, 0], []
        for start, group in zip(seen.starts, seen.groups, strict=True):
            count = len(group.responses)
            tiers, own = tiers_of(group.relations, count), scores[start : start + count]
            if config.likelihood == "plackett_luce":
                losses.append(plackett_luce(own, tiers) / max(1, count - len(tiers[-1])))
            else:
                losses.append(k_wise(own, tiers))
        return seen.listed(torch.stack(losses), scores)


METHOD = RewardRanking()
