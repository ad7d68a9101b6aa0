"""People where the judge is likely to disagree with them, by what is learnt from the items that both have judged.

Until a risk model is in force the judge's own confidence stands in for it, and the reasons say so.
"""

from collections.abc import Sequence

from pydantic import Field

from common.words import gettext_noop as _
from routing.policies import ItemView, Knowledge, Verdict
from routing.policies.selection import Ranked, Scored, foreseen_in_words, ranked, two
from routing.sampling import Sampling

THRESHOLD = 0.3


class Settings(Ranked):
    threshold: float = Field(
        THRESHOLD,
        gt=0,
        le=1,
        title=_("Threshold"),
        description=_("Stream: people are asked from this risk that the judge disagrees with them."),
    )


class Learned:
    key = "learned"
    title = _("Where the judge is likely wrong")
    description = _(
        "The judge answers first; a model learnt from items that people and the judge have both answered says where it "
        "is likely to disagree with people."
    )
    Config = Settings
    sampling = Sampling()
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return True

    def batch(self, config: Settings) -> int:
        return config.batch_items if config.mode == "batch" else 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return ranked([scored(item) for item in items], config, config.threshold, known)


def scored(item: ItemView) -> Scored:
    """By the risk model; without one by the judge's confidence; a judge that cannot say how sure it is is not sure."""
    if item.risk is not None:
        return Scored(item, item.risk, foreseen_in_words(item.foreseen), item.risk)
    cold = _("No risk model is in force yet, so the judge's own confidence decides.")
    if item.confidence is None:
        return Scored(item, 1.0, (cold, _("The judge gave no confidence.")), None)
    sure = _("The judge's confidence is %(confidence)s.") % {"confidence": two(item.confidence)}
    return Scored(item, 1 - item.confidence, (cold, sure), 1 - item.confidence)


POLICY = Learned()
