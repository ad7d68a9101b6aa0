"""People where the judge is least sure. The judge answers every item first; `decide` reads its confidence.

A share of what the judge would keep goes to people all the same (exploration): without both answers on a random share
nobody can say how good the judge is on what it keeps, and no other policy could ever be fitted.
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _
from routing.policies import HUMAN, JUDGE, ItemView, Knowledge, Verdict, per_cent
from routing.sampling import Sampling


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Literal["stream", "batch"] = Field(
        "stream",
        title=_("Mode"),
        json_schema_extra={"choices": {"stream": _("stream"), "batch": _("batch")}},
        description=_("stream: each item by the threshold as it comes; batch: the least sure share of each batch."),
    )
    threshold: float = Field(
        0.8,
        ge=0,
        le=1,
        title=_("Threshold"),
        description=_("Stream: people are asked where the judge's confidence is below this."),
    )
    share: float = Field(
        0.25,
        gt=0,
        le=1,
        title=_("Share of people"),
        description=_("Batch: the part of each batch that people judge, exploration included."),
    )
    exploration: float = Field(
        0.05,
        gt=0,
        le=0.5,
        title=_("Exploration"),
        description=_("The part of the items the judge is sure of that people judge all the same."),
    )
    batch_items: int = Field(
        20,
        ge=1,
        le=100_000,
        title=_("Smallest batch"),
        description=_("Batch: wait for this many verdicts, or an hour, before comparing them."),
    )


class Confidence:
    key = "confidence"
    title = _("Where the judge is unsure")
    description = _(
        "The judge answers first; people are asked where it is least sure, and on a random share of the rest."
    )
    Config = Settings
    sampling = Sampling(pilot=0)

    def needs_judge(self, config: Settings) -> bool:
        return True

    def judge_first(self, config: Settings) -> bool:
        return True

    def batch(self, config: Settings) -> int:
        return config.batch_items if config.mode == "batch" else 1

    def decide(self, items: Sequence[ItemView], config: Settings, known: Knowledge) -> list[Verdict]:
        if config.mode == "batch":
            return _batch(items, config, known.quota)
        return [_stream(item, config) for item in items]


def _sure(item: ItemView) -> float:
    """A judge that cannot say how sure it is counts as not sure at all."""
    return 0.0 if item.confidence is None else item.confidence


def _risk(item: ItemView) -> float | None:
    return None if item.confidence is None else 1 - item.confidence


def _said(item: ItemView) -> str:
    return (
        _("The judge gave no confidence.")
        if item.confidence is None
        else _("The judge's confidence is %(confidence)s.") % {"confidence": f"{item.confidence:.2f}"}
    )


def _stream(item: ItemView, config: Settings) -> Verdict:
    risk, bar = _risk(item), config.threshold
    if item.confidence is None or item.confidence < bar:
        return Verdict(HUMAN, 1.0, (_said(item), _("People are asked below %(bar)s.") % {"bar": f"{bar:g}"}), risk, bar)
    explore = _("Of what it is sure of, %(exploration)s goes to people at random.") % {
        "exploration": per_cent(config.exploration)
    }
    if item.draw < config.exploration:
        return Verdict(
            HUMAN,
            config.exploration,
            (_said(item), explore, _("This item's draw, %(draw)s, was one of them.") % {"draw": f"{item.draw:.4f}"}),
            risk,
            bar,
        )
    return Verdict(
        JUDGE,
        1 - config.exploration,
        (_said(item), _("That is not below %(bar)s, so the judge's answer stands.") % {"bar": f"{bar:g}"}),
        risk,
        bar,
    )


def _batch(items: Sequence[ItemView], config: Settings, quota: int | None) -> list[Verdict]:
    """Exactly k of n items to people: the least sure, and x drawn at random from the rest. Propensities are exact.

    Inside the group of equal confidence at the border the draw decides, so its members share one probability.
    """
    n = len(items)
    wanted = min(n, max(1, round(config.share * n)))
    k = wanted if quota is None else min(wanted, quota)
    x = min(k, math.ceil(config.exploration * (n - k)))
    order = sorted(range(n), key=lambda i: (_sure(items[i]), items[i].draw))
    chosen, rest = set(order[: k - x]), order[k - x :]
    # The draw's low bits are independent of the high ones that ordered the border group.
    explored = set(sorted(rest, key=lambda i: (items[i].draw * 2**26) % 1)[:x])
    by_rank = _rank_probabilities([_sure(item) for item in items], chosen)
    border = max((_sure(items[i]) for i in chosen), default=None)
    why = [
        _("Of this batch of %(n)s, the %(least)s least sure and %(drawn)s drawn at random go to people.")
        % {"n": n, "least": k - x, "drawn": x}
    ]
    if k < wanted:
        why.append(_("The budget for people allows no more."))
    verdicts = []
    for i, item in enumerate(items):
        p = by_rank[i] + (1 - by_rank[i]) * (x / len(rest) if rest else 0.0)
        if i in chosen:
            word = Verdict(HUMAN, p, (_said(item), *why, _("It is among the least sure.")), _risk(item), border)
        elif i in explored:
            word = Verdict(HUMAN, p, (_said(item), *why, _("It was drawn at random.")), _risk(item), border)
        else:
            word = Verdict(
                JUDGE,
                1 - p,
                (_said(item), *why, _("It is neither, so the judge's answer stands.")),
                _risk(item),
                border,
            )
        verdicts.append(word)
    return verdicts


def _rank_probabilities(sure: list[float], chosen: set[int]) -> list[float]:
    """P(among the least sure) of each item, over the draws that settle the group at the border."""
    if not chosen:
        return [0.0] * len(sure)
    border = max(sure[i] for i in chosen)
    share = sum(sure[i] == border for i in chosen) / sum(value == border for value in sure)
    return [1.0 if value < border else share if value == border else 0.0 for value in sure]


POLICY = Confidence()
