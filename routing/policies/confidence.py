"""People where the judge is least sure. The judge answers every item first; `decide` reads its confidence."""

from collections.abc import Sequence

from pydantic import Field

from common.words import gettext_noop as _
from routing.policies import ItemView, Knowledge, Verdict
from routing.policies.selection import Ranked, Scored, ranked, two
from routing.sampling import Sampling


class Settings(Ranked):
    threshold: float = Field(
        0.8,
        ge=0,
        le=1,
        title=_("Threshold"),
        description=_("Stream: people are asked where the judge's confidence is not above this."),
    )


class Confidence:
    key = "confidence"
    title = _("Where the judge is unsure")
    description = _("The judge answers first; people are asked where it is least sure.")
    Config = Settings
    sampling = Sampling(pilot=0)
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return True

    def batch(self, config: Settings) -> int:
        return config.batch_items if config.mode == "batch" else 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return ranked([_scored(item) for item in items], config, 1 - config.threshold, known)


def _scored(item: ItemView) -> Scored:
    """A judge that cannot say how sure it is counts as not sure at all."""
    if item.confidence is None:
        return Scored(item, 1.0, (_("The judge gave no confidence."),), None)
    said = _("The judge's confidence is %(confidence)s.") % {"confidence": two(item.confidence)}
    return Scored(item, 1 - item.confidence, (said,), 1 - item.confidence)


POLICY = Confidence()
