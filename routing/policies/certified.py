"""The judge keeps what a certificate covers: items of which a random sample has shown that the judge agrees with people
at least as often as was promised. Everything else goes to people; that nothing is covered is a normal answer.

The certificate of an item's own slice counts before the one of all items; of several slices the strictest.
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from common.words import gettext_noop as _
from routing.features import slices
from routing.policies import HUMAN, JUDGE, ItemView, Knowledge, Verdict
from routing.policies.selection import foreseen_in_words, two
from routing.sampling import Sampling


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Certified:
    key = "certified"
    title = _("What is certified")
    description = _(
        "The judge answers first and keeps only what a certificate in force covers; without one, people are asked."
    )
    Config = Settings
    sampling = Sampling(calibration=300)
    needs_certificate = True

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return True

    def batch(self, config: Settings) -> int:
        return 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        return [_one(item, known.certified) for item in items]


def _one(item: ItemView, certified: Mapping[str, float | None]) -> Verdict:
    sure = item.confidence if item.risk is None else 1 - item.risk
    risk = None if sure is None else 1 - sure
    said = foreseen_in_words(item.foreseen)
    covering = [name for name in slices(item.tags) if name in certified] or [
        name for name in ("",) if name in certified
    ]
    if not covering:
        return Verdict(HUMAN, 1.0, (*said, _("No certificate is in force, so people are asked.")), risk)
    bars = [bar for name in covering if (bar := certified[name]) is not None]
    if len(bars) < len(covering):
        return Verdict(
            HUMAN, 1.0, (*said, _("Nothing could be certified for items like this one, so people are asked.")), risk
        )
    bar = max(bars)
    if sure is None:
        return Verdict(
            HUMAN, 1.0, (_("The judge gave no confidence."), _("So no certificate covers its answer.")), None, 1 - bar
        )
    gaps = {"sure": two(sure), "bar": two(bar)}
    if sure < bar:
        words = (
            _("The certificate covers a confidence of %(bar)s and more; it is %(sure)s, so people are asked.") % gaps
        )
        return Verdict(HUMAN, 1.0, (*said, words), risk, 1 - bar)
    words = _("The certificate covers a confidence of %(bar)s and more; it is %(sure)s, so the answer stands.") % gaps
    return Verdict(JUDGE, 1.0, (*said, words), risk, 1 - bar)


POLICY = Certified()
