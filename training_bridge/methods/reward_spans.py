"""Reward models of spans: a reward for every token, learnt from where people marked faults of which type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.rewarded import Rewarded
from training_bridge.methods.settings import FromJudgments

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from lm.loading import Loaded
    from training_bridge.methods.groups import PromptGroup
    from training_bridge.methods.judged import Judged
    from training_bridge.methods.measured import Outcome, Rewards


class RewardSpansConfig(FromJudgments):
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
    fine: float = Field(
        1.0, ge=-10, le=10, title=_("Reward of a fine token"), description=_("A response is worth its tokens' mean.")
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


class RewardSpans(Rewarded):
    """Token classifier of faults (Wu et al. 2023, arXiv 2306.01693)."""

    key = "reward_spans"
    title = _("Reward model of marks")
    description = _("Learns from marked faults to tell, token by token, which kind of fault a response has, if any.")
    Config = RewardSpansConfig
    needs = Needs(snapshot="required", base="required", base_kind="any", any_of=("marked",), at_least=4)
    by_token = True

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RewardSpansConfig, seed: int
    ) -> list[PromptGroup]:
        """Responses that people read for faults; a group weighs its labelled tokens."""
        from training_bridge.methods.marks import kinds_of, marked_groups

        return marked_groups(tokenizer, judged, config, kinds_of(judged))

    def heads(self, groups: Sequence[PromptGroup], config: RewardSpansConfig) -> int:
        return len(groups[0].kinds)

    def loss(self, seen: Rewards, config: RewardSpansConfig) -> Outcome:
        from training_bridge.methods.losses.heads import segments
        from training_bridge.methods.marks import measures, padded_classes, token_weights

        classes = padded_classes(seen)
        weight = token_weights(classes, config.fault_weight)
        return (weight * segments(seen.outputs, classes)).sum(), measures(seen.outputs, classes)

    def reading(
        self, groups: Sequence[PromptGroup], config: RewardSpansConfig, outputs: Callable[[], Tensor]
    ) -> dict[str, Any]:
        kinds = list(groups[0].kinds)
        worth = [config.fine, *[config.fault] * (len(kinds) - 1)]
        return {"kind": "spans", "classes": kinds, "rewards": worth}

    def measure(
        self, loaded: Loaded, groups: Sequence[PromptGroup], test: Sequence[Judged], config: RewardSpansConfig
    ) -> dict[str, Any]:
        """Beside the accuracy on pairs, where there are any: of tokens, and of calling all of them fine."""
        from training_bridge.methods.marks import accuracy_of_tokens

        return super().measure(loaded, groups, test, config) | accuracy_of_tokens(self, loaded, groups, test, config)


METHOD = RewardSpans()
