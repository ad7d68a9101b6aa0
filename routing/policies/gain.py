"""People where their label is worth its price: where a person is so much likelier to be right than the judge.

The gain of a label is P(the judge disagrees with people) - P(two people disagree). Where people disagree among
themselves as much as with the judge, a single human label makes nothing better, however unsure the judge is.
"""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from common.words import gettext_noop as _
from routing.policies import JUDGE, ItemView, Knowledge, Verdict
from routing.policies.learned import THRESHOLD as COLD
from routing.policies.learned import scored
from routing.policies.selection import Ranked, Scored, by_bar, by_share, foreseen_in_words, ranked, two
from routing.sampling import Sampling


class Settings(Ranked):
    price: float = Field(
        0.05,
        gt=0,
        le=1,
        title=_("Price in agreement"),
        description=_("A human label must make it so much likelier that the item is labelled right."),
    )


class Gain:
    key = "gain"
    title = _("Where a human label pays")
    description = _(
        "The judge answers first; people are asked where they are expected to do better than the judge, which may be "
        "nowhere."
    )
    Config = Settings
    sampling = Sampling(second_share=0.25)
    needs_certificate = False

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return True

    def batch(self, config: Settings) -> int:
        return config.batch_items if config.mode == "batch" else 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        if any(item.risk is None or item.foreseen.people_risk is None for item in items):
            cold = _("How far people agree with each other is not known yet, so the risk alone decides.")
            rows = [replace(row, said=(cold, *row.said)) for row in map(scored, items)]
            return ranked(rows, config, COLD, known)
        rows = [_scored(item, config.price) for item in items]
        if config.mode == "batch":
            return by_share(rows, config.share, known, least=config.price)
        verdicts = by_bar(rows, config.price, replace(known, price=None))
        return [_paced(verdict, known.price) for verdict in verdicts]


def _paced(verdict: Verdict, price: float | None) -> Verdict:
    """The price of the moment is a risk: what lies below it is left to the judge, however much a label would gain."""
    if price is None or verdict.route == JUDGE or (verdict.risk or 0.0) >= price:
        return verdict
    words = _("So that the budget lasts, people are asked only from the risk %(price)s on.") % {"price": two(price)}
    return replace(verdict, route=JUDGE, reasons=(*verdict.reasons[:-1], words))


def _scored(item: ItemView, price: float) -> Scored:
    people, risk = item.foreseen.people_risk or 0.0, item.risk or 0.0
    gain = _("Two people disagree with the probability %(people)s, so a human label gains %(gain)s.") % {
        "people": two(people),
        "gain": two(risk - people),
    }
    poor = () if risk - people >= price else (_("Human labels are not worth buying here."),)
    return Scored(item, risk - people, (*foreseen_in_words(item.foreseen), gain, *poor), item.risk)


POLICY = Gain()
