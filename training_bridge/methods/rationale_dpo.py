"""DPO that also learns why: the reasons people gave for a preference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

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


class RationaleDPOConfig(ForPolicies):
    """The DPO loss, what the rationale adds, and the optimiser."""

    learning_rate: float = Field(
        5e-7,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("The original recipe's; large models forget quickly above 1e-6, a tiny one wants 1e-4 to 1e-3."),
    )
    beta: float = Field(
        0.1,
        gt=0,
        le=10,
        title=_("Beta"),
        description=_("How dearly the policy pays for leaving its reference: the higher, the nearer it stays."),
    )
    gamma: float = Field(
        1.0,
        gt=0,
        le=100,
        title=_("Weight of the rationale"),
        description=_(
            "1 in theory, 1 to 10 tried in the paper, for a mean over tokens; a sum wants a hundredth of it."
        ),
    )
    reduce: Literal["mean", "sum"] = Field(
        "mean",
        title=_("Log-probability of a rationale"),
        json_schema_extra={"choices": {"mean": _("mean over its tokens"), "sum": _("sum over its tokens")}},
        description=_("A sum gives long rationales the larger say."),
    )


class RationaleDPO(Tuned):
    """Direct preference optimisation with rationales; pairs without one count as in plain DPO."""

    key = "rationale_dpo"
    title = _("DPO with rationales")
    description = _("DPO on pairs, and on the words in which people said why they preferred one.")
    Config = RationaleDPOConfig
    needs = Needs(snapshot="required", base="required", reference="optional", any_of=("rationales",), at_least=1)

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: RationaleDPOConfig, seed: int
    ) -> list[PromptGroup]:
        """Pairs, each with the question why and its answer beside it."""
        from training_bridge.trainer.rationales import with_rationales

        return with_rationales(tokenizer, judged, config)

    def loss(self, seen: Likelihoods, config: RationaleDPOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import dpo, with_rationale
        from training_bridge.trainer.rationales import of_pairs

        chosen, rejected = seen.pairs.of(seen.ratios)
        plain = dpo(chosen, rejected, beta=config.beta, soft=seen.pairs.soft)
        losses = with_rationale(plain, of_pairs(seen, config.reduce), gamma=config.gamma)
        return seen.pairs.outcome(losses, config.beta * chosen, config.beta * rejected)


METHOD = RationaleDPO()
