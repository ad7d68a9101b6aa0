"""What all methods that tune a policy on judgments share. One of them is a Config, its groups and its loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from training_bridge.methods.interface import Config, Context, Needs, Result, Unit

if TYPE_CHECKING:  # a web process shows these methods and never loads torch
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Likelihoods, Outcome


class Tuned(ABC):
    """A method that tunes a causal model. `reads_reference`: whether its loss compares it with a frozen one;
    `reads_baseline`: whether its groups bring responses to other prompts, from which the step takes its baseline;
    `learns`: what its groups are counted as.
    """

    key: str
    title: str
    description: str
    Config: type[Config]
    needs: Needs = Needs(snapshot="required", base="required", reference="optional", any_of=("pairs",), at_least=2)
    makes: Literal["policy"] = "policy"
    learns: Unit = "pairs"
    reads_reference = True
    reads_baseline = False

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: Any, seed: int
    ) -> list[PromptGroup]:
        """What is learnt from, as token ids. Raises Refused where there is nothing."""
        from training_bridge.trainer.groups import pair_groups

        return pair_groups(tokenizer, judged, config)

    @abstractmethod
    def loss(self, seen: Likelihoods, config: Any) -> Outcome:
        """Sums over a piece, weighed; what they are divided by is the groups' weight."""

    def leave(self, tokenizer: PreTrainedTokenizerBase, config: Any) -> None:  # noqa: B027  most leave nothing
        """What the finished policy's tokenizer should know, e.g. words that every answer is asked for with."""

    def train(self, context: Context, config: Any) -> Result:
        """Trains on the snapshot's training split. The reference is the base itself unless another one is given."""
        from training_bridge.trainer.tuning import tune

        return tune(context, config, self)
