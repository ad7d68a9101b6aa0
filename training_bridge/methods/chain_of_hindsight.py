"""Chain of Hindsight: the policy reads good and bad answers, each announced as what it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from common.words import gettext_noop as _
from training_bridge.methods.interface import Needs
from training_bridge.methods.settings import ForTexts
from training_bridge.methods.tuned import Tuned

if TYPE_CHECKING:
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase

    from training_bridge.trainer.groups import PromptGroup
    from training_bridge.trainer.judged import Judged
    from training_bridge.trainer.measured import Likelihoods, Outcome


class ChainOfHindsightConfig(ForTexts):
    """How the answers are announced and ordered, and the optimiser."""

    learning_rate: float = Field(
        1e-5,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("As for fine-tuning; a tiny model wants 1e-4 to 1e-2."),
    )
    good: str = Field(
        "A helpful answer:",
        min_length=1,
        max_length=200,
        title=_("Words before the better answer"),
        description=_("The finished policy's prompts end with them, so that it gives this kind of answer."),
    )
    bad: str = Field(
        "An unhelpful answer:",
        min_length=1,
        max_length=200,
        title=_("Words before the worse answer"),
        description=_("What tells the two apart; learnt from, never asked for."),
    )
    order: Literal["both", "bad_first", "good_first"] = Field(
        "both",
        title=_("Order"),
        json_schema_extra={
            "choices": {
                "both": _("either, drawn for each pair"),
                "bad_first": _("the worse one first"),
                "good_first": _("the better one first"),
            }
        },
        description=_("The worse first teaches how to mend; both orders keep each kind from depending on the other."),
    )
    forgotten: float = Field(
        0.0,
        ge=0,
        le=0.5,
        title=_("Hidden past"),
        description=_(
            "Largest share of a text that its later tokens do not see, against copying: 0.05 in the paper, off in its "
            "published code. Texts with gaps are not packed, so training takes longer."
        ),
    )


class ChainOfHindsight(Tuned):
    """Conditional training on pairs (Liu et al. 2023, arXiv 2302.02676); without the pretraining text mixed in."""

    key = "chain_of_hindsight"
    title = _("Chain of Hindsight")
    description = _(
        "Teaches a policy both answers of a pair after words that say which is the better; asked for that one."
    )
    Config = ChainOfHindsightConfig
    needs = Needs(snapshot="required", base="required", any_of=("pairs",), at_least=2)
    reads_reference = False
    learns = "texts"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: ChainOfHindsightConfig, seed: int
    ) -> list[PromptGroup]:
        """One text for each pair: words, answer, words, answer. The words are not learnt."""
        from training_bridge.trainer.hindsight import chains

        return chains(tokenizer, judged, config, seed)

    def loss(self, seen: Likelihoods, config: ChainOfHindsightConfig) -> Outcome:
        """The mean over learnt tokens: a group weighs as many."""
        return seen.by_token()

    def leave(self, tokenizer: PreTrainedTokenizerBase, config: ChainOfHindsightConfig) -> None:
        """The chat template ends a question with the words before a good answer."""
        from training_bridge.trainer.hindsight import asked_with

        asked_with(tokenizer, f"{config.good} ")


METHOD = ChainOfHindsight()
