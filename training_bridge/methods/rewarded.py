"""What all methods that train a reward model share. One of them is a Config, its groups, its heads and its loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from training_bridge.methods.interface import Config, Context, Needs, Result, Unit

if TYPE_CHECKING:  # a web process shows these methods and never loads torch
    from torch import Tensor
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from lm.loading import Loaded
    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Outcome, Rewards


class Rewarded(ABC):
    """A method that trains heads on a causal or encoder backbone, end to end. `by_token`: a head for every token;
    `learns`: what its groups are counted as.
    """

    key: str
    title: str
    description: str
    Config: type[Config]
    needs: Needs = Needs(snapshot="required", base="required", base_kind="any", any_of=("pairs",), at_least=2)
    makes: Literal["reward"] = "reward"
    learns: Unit = "pairs"
    by_token = False

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Any, seed: int
    ) -> list[PromptGroup]:
        """What is learnt from, as token ids. Raises Refused where there is nothing."""
        from training_bridge.trainer.groups import pair_groups

        return pair_groups(tokenizer, judged, config)

    def heads(self, groups: Sequence[PromptGroup], config: Any) -> int:
        """Outputs of the model."""
        return 1

    def extent(self, groups: Sequence[PromptGroup], config: Any) -> float | None:
        """Where a number that is learnt beside the weights starts; None for none."""
        return None

    def told_extent(self, extent: Tensor, config: Any) -> float:
        """What a run says of that number: its formula's own parameter."""
        return extent.item()

    @abstractmethod
    def loss(self, seen: Rewards, config: Any) -> Outcome:
        """Sums over a piece, weighed; what they are divided by is the groups' weight."""

    def reading(
        self, groups: Sequence[PromptGroup], config: Any, outputs: Callable[[], Tensor]
    ) -> dict[str, Any] | None:
        """How the trained heads become one number (lm/heads.py); `outputs`: what they say of the groups, [R, heads]."""
        return None

    def token_shares(
        self, loaded: Loaded, groups: Sequence[PromptGroup], snapshot: Path, config: Any
    ) -> dict[str, float] | None:
        """What its report card says of held-out tokens, for models that tell these apart; `groups`: what it was trained
        on."""
        return None

    def train(self, context: Context, config: Any) -> Result:
        """Trains on the snapshot's training split and measures accuracy on the held-out one."""
        from training_bridge.trainer.rewarding import train_reward

        return train_reward(context, config, self)
