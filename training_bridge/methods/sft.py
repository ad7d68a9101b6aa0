"""Supervised fine-tuning on responses that people wrote, mended or preferred."""

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


class SFTConfig(ForTexts):
    """Which texts are learnt, and the optimiser."""

    learning_rate: float = Field(
        1e-5,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("1e-6 to 2e-5 for large models; a tiny one wants 1e-4 to 1e-2."),
    )
    learn_from: Literal["texts", "preferred", "both"] = Field(
        "both",
        title=_("Learn from"),
        json_schema_extra={
            "choices": {
                "texts": _("texts people wrote or mended"),
                "preferred": _("the best responses of each item"),
                "both": _("both"),
            }
        },
        description=_("Mended texts alone are imitation learning from language feedback (ILF)."),
    )


class SFT(Tuned):
    """Supervised fine-tuning; the loss is on the response alone, the prompt is masked."""

    key = "sft"
    title = _("SFT")
    description = _("Teaches a policy the texts themselves: those that people wrote or mended, or preferred.")
    Config = SFTConfig
    needs = Needs(snapshot="required", base="required", any_of=("texts", "pairs"), at_least=2)
    reads_reference = False
    learns = "texts"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: SFTConfig, seed: int
    ) -> list[PromptGroup]:
        """One group for each text."""
        from training_bridge.trainer.groups import text_groups

        return text_groups(tokenizer, judged, config, config.learn_from)

    def loss(self, seen: Likelihoods, config: SFTConfig) -> Outcome:
        """The mean over tokens: a group weighs its tokens."""
        return seen.by_token()


METHOD = SFT()
