"""KTO: a policy learns from thumbs, one response at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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


class KTOConfig(ForPolicies):
    """The KTO loss and its optimiser."""

    learning_rate: float = Field(
        1e-6,
        gt=0,
        le=1,
        title=_("Learning rate"),
        description=_("5e-7 to 5e-6 for large models; a tiny one wants 1e-4 to 1e-3."),
    )
    beta: float = Field(
        0.1,
        gt=0,
        le=10,
        title=_("Beta"),
        description=_("How dearly the policy pays for leaving its reference: the higher, the nearer it stays."),
    )
    good_weight: float = Field(
        1.0,
        gt=0,
        le=100,
        title=_("Weight of wanted responses"),
        description=_("Times their number, one to four thirds of the same product of the unwanted ones."),
    )
    bad_weight: float = Field(
        1.0,
        gt=0,
        le=100,
        title=_("Weight of unwanted responses"),
        description=_("Where thumbs down are rare, raise it until both sides weigh alike."),
    )


class KTO(Tuned):
    """Kahneman–Tversky optimisation."""

    key = "kto"
    title = _("KTO")
    description = _("Tunes a policy on thumbs up and down; needs no pairs, and takes those too.")
    Config = KTOConfig
    needs = Needs(snapshot="required", base="required", reference="optional", any_of=("thumbs", "pairs"), at_least=4)
    reads_baseline = True
    learns = "thumbs"

    def groups(
        self, tokenizer: PreTrainedTokenizerBase, judged: Sequence[Judged], config: KTOConfig, seed: int
    ) -> list[PromptGroup]:
        """Each with a response to another prompt beside it, from which the baseline is taken."""
        from training_bridge.trainer.groups import mismatched, most_read, thumb_groups

        return mismatched(thumb_groups(tokenizer, judged, config), seed, most_read(tokenizer, config))

    def loss(self, seen: Likelihoods, config: KTOConfig) -> Outcome:
        from training_bridge.trainer.losses.policies import kto

        rows, soft, weight = seen.thumbs
        ratios = seen.ratios[rows]
        good, bad = config.good_weight, config.bad_weight
        losses = kto(ratios, seen.baseline, soft=soft, beta=config.beta, good=good, bad=bad)
        lead = ((ratios - seen.baseline) * (soft - 0.5)).detach()
        measures = {"accuracy": (lead > 0).float() + 0.5 * (lead == 0).float(), "kl": seen.baseline.expand_as(ratios)}
        return (weight * losses).sum(), {name: float((weight * value).sum()) for name, value in measures.items()}


METHOD = KTO()
