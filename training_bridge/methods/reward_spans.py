"""Reward models of spans: a reward for every token, learnt from where people marked faults of which type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import Scaled

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from lm.loading import Loaded
    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Outcome, Rewards


class RewardSpansConfig(Scaled):
    """How far a mark reaches, what faults are worth, and the optimiser."""

    segments: Literal["token", "clause", "sentence"] = Field(
        "sentence",
        title=_("What a mark covers"),
        json_schema_extra={
            "choices": {
                "token": _("the marked words alone"),
                "clause": _("the whole clause, of five words or more"),
                "sentence": _("the whole sentence"),
            }
        },
        description=_(
            "People seldom agree to the letter on where a fault ends; sentences are what Fine-Grained RLHF has."
        ),
    )
    kinds: list[str] = Field(
        default_factory=list,
        max_length=64,
        title=_("Types of fault"),
        description=_("Those it learns, with commas between; others are neither faults nor fine. Empty takes all."),
    )
    together: bool = Field(
        False,
        title=_("One kind of fault"),
        description=_("Learns that there is a fault, not which: each type alone may be too rare."),
    )
    stands: Literal["tokens", "end"] = Field(
        "tokens",
        title=_("Where the reward stands"),
        json_schema_extra={
            "choices": {
                "tokens": _("on every token; a response is worth their mean"),
                "end": _("on the last token of each clause or sentence; a response is worth their sum"),
            }
        },
        description=_("A reward for each segment, where it ends, is what Fine-Grained RLHF gives a policy."),
    )
    fine: float = Field(
        1.0,
        ge=-10,
        le=10,
        title=_("Reward of a fine token"),
        description=_("Or of a fine segment; the paper has 0.3 and 0.5."),
    )
    fault: float = Field(
        -1.0, ge=-10, le=10, title=_("Reward of a fault"), description=_("Of whatever type; the head tells them apart.")
    )
    fault_weight: float = Field(
        1.0,
        gt=0,
        le=100,
        title=_("Weight of faults"),
        description=_("Most tokens are fine: raise it where the head finds no fault anywhere."),
    )

    @model_validator(mode="after")
    def ends_are_of_segments(self) -> RewardSpansConfig:
        if self.stands == "end" and self.segments == "token":
            raise ValueError(_("Words alone are no segment that ends: choose clauses or sentences."))
        return self


class RewardSpans(Rewarded):
    """Token classifier of faults (Wu et al. 2023, arXiv 2306.01693)."""

    key = "reward_spans"
    title = _("Reward model of marks")
    description = _("Learns from marked faults to tell, token by token, which kind of fault a response has, if any.")
    Config = RewardSpansConfig
    needs = Needs(snapshot="required", base="required", base_kind="any", any_of=("marked",), at_least=4)
    by_token = True
    learns = "marked"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RewardSpansConfig, seed: int
    ) -> list[PromptGroup]:
        """Responses that people read for faults; a group weighs its labelled tokens."""
        from training_bridge.trainer.marks import kinds_of, marked_groups

        return marked_groups(tokenizer, judged, config, kinds_of(judged, config))

    def heads(self, groups: Sequence[PromptGroup], config: RewardSpansConfig) -> int:
        return len(groups[0].kinds)

    def loss(self, seen: Rewards, config: RewardSpansConfig) -> Outcome:
        from training_bridge.trainer.losses.heads import segments
        from training_bridge.trainer.marks import measures, padded_classes, token_weights

        classes = padded_classes(seen)
        weight = token_weights(classes, config.fault_weight)
        return (weight * segments(seen.outputs, classes)).sum(), measures(seen.outputs, classes)

    def reading(
        self, groups: Sequence[PromptGroup], config: RewardSpansConfig, outputs: Callable[[], Tensor]
    ) -> dict[str, Any]:
        kinds = list(groups[0].kinds)
        worth = [config.fine, *[config.fault] * (len(kinds) - 1)]
        ends = {"segments": config.segments} if config.stands == "end" else {}
        return {"kind": "spans", "classes": kinds, "rewards": worth} | ends

    def token_shares(
        self, loaded: Loaded, groups: Sequence[PromptGroup], snapshot: Path, config: RewardSpansConfig
    ) -> dict[str, float] | None:
        """Shares of tokens told right, of those that are fine, and of faults found."""
        from training_bridge.trainer.judged import read_snapshot
        from training_bridge.trainer.marks import accuracy_of_tokens

        return accuracy_of_tokens(self, loaded, groups, read_snapshot(snapshot, "test"), config)


METHOD = RewardSpans()
