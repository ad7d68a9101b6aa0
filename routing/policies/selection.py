"""What policies share that rank items: people get the items with the highest scores, by a bar or as a share of a batch.

A score is P(the judge is wrong), or what stands in for it. Equal scores at the border of a batch are settled by the
items' draws, so that their probabilities are known exactly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from common.words import gettext_noop as _
from routing.policies import HUMAN, JUDGE, Foreseen, ItemView, Knowledge, Verdict, per_cent


class Ranked(BaseModel):
    """Settings of every policy that ranks; each adds a bar of its own."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["stream", "batch"] = Field(
        "stream",
        title=_("Mode"),
        json_schema_extra={"choices": {"stream": _("stream"), "batch": _("batch")}},
        description=_("stream: each item as it comes, by the threshold; batch: a share of each batch."),
    )
    share: float = Field(
        0.25,
        gt=0,
        le=1,
        title=_("Share of people"),
        json_schema_extra={"share": True},
        description=_("Batch: the part of each batch that people judge."),
    )
    batch_items: int = Field(
        20,
        ge=1,
        le=100_000,
        title=_("Smallest batch"),
        description=_("Batch: wait for this many verdicts, or an hour, before comparing them."),
    )


@dataclass(frozen=True)
class Top:
    """`taken` (n,): which are among the k highest; `chance` (n,): with which probability, over the draws; `border`: the
    lowest score taken, None where none is."""

    taken: NDArray[np.bool_]
    chance: NDArray[np.float64]
    border: float | None


def top(scores: ArrayLike, draws: ArrayLike, k: int) -> Top:
    """The k highest of n scores; of those equal at the border the ones with the lowest draws."""
    s, u = np.asarray(scores, dtype=float), np.asarray(draws, dtype=float)
    taken = np.zeros(len(s), dtype=bool)
    if k <= 0 or len(s) == 0:
        return Top(taken, np.zeros(len(s)), None)
    k = min(k, len(s))
    border = float(np.partition(s, len(s) - k)[len(s) - k])
    taken[s > border] = True
    equal = np.flatnonzero(s == border)
    wanted = k - int(taken.sum())
    taken[equal[np.argsort(u[equal], kind="stable")[:wanted]]] = True
    chance = (s > border).astype(float)
    chance[equal] = wanted / len(equal)
    return Top(taken, chance, border)


@dataclass(frozen=True)
class Scored:
    """One item with its score and the sentences that say what speaks for it. `risk`: P(the judge disagrees)."""

    item: ItemView
    score: float
    said: tuple[str, ...]
    risk: float | None


def by_bar(rows: Sequence[Scored], bar: float, known: Knowledge) -> list[Verdict]:
    """People from the price of the moment on, or, where nothing is paced, from `bar`."""
    paced = known.price is not None
    bar = bar if known.price is None else known.price
    found = []
    for row in rows:
        # What two places cannot tell apart is said with four: "0.30 is below 0.30" explains nothing.
        words_of = two if two(row.score) != two(bar) else four
        gaps = {"score": words_of(row.score), "bar": words_of(bar)}
        if row.score >= bar:
            route, words = HUMAN, _("%(score)s is not below the threshold %(bar)s, so people are asked.") % gaps
        else:
            route, words = JUDGE, _("%(score)s is below the threshold %(bar)s, so the judge's answer stands.") % gaps
        pace = (_("The threshold is set so that the budget lasts."),) if paced else ()
        if_not = but_for(row.item.foreseen, bar) if route == HUMAN and row.score == row.item.risk else ()
        found.append(Verdict(route, 1.0, (*row.said, *if_not, *pace, words), row.risk, bar))
    return found


def by_share(rows: Sequence[Scored], share: float, known: Knowledge, *, least: float | None = None) -> list[Verdict]:
    """Exactly k of n to people: the share of the batch, or what the budget has left. `least`: no score below it is
    taken, so that k may be 0; None: at least one of the batch is."""
    n = len(rows)
    wanted = min(n, max(1, round(share * n)))
    if least is not None:
        wanted = min(wanted, sum(row.score >= least for row in rows))
    k = wanted if known.quota is None else min(wanted, known.quota)
    chosen = top([row.score for row in rows], [row.item.draw for row in rows], k)
    batch = _("Of this batch of %(n)s, the %(k)s with the highest risk go to people.") % {"n": n, "k": k}
    short = (_("The budget for people allows no more."),) if k < wanted else ()
    found = []
    for row, taken, chance in zip(rows, chosen.taken.tolist(), chosen.chance.tolist(), strict=True):
        words = _("It is one of them.") if taken else _("It is none of them, so the judge's answer stands.")
        reasons = (*row.said, batch, *short, words)
        p = chance if taken else 1 - chance
        found.append(Verdict(HUMAN if taken else JUDGE, p, reasons, row.risk, chosen.border))
    return found


def ranked(rows: Sequence[Scored], config: Ranked, bar: float, known: Knowledge) -> list[Verdict]:
    return by_share(rows, config.share, known) if config.mode == "batch" else by_bar(rows, bar, known)


# In words

MOST_SAID = 3
FEATURES = {
    "said_tie": _("whether the judge said tie"),
    "unreadable": _("whether its answer could be read"),
    "order_matters": _("whether it contradicts itself when the order is swapped"),
    "samples_differ": _("how far its samples differ"),
    "margin": _("how clear its own probability is"),
    "gap": _("how far its scores are apart"),
    "unsure": _("how unsure it says it is"),
    "others_disagree": _("how far other judges disagree with it"),
    "others_tie": _("how often other judges say tie"),
    "others_gap": _("how far other judges score its choice above the rest"),
    "history": _("how often it disagreed on items of this tag and these models"),
    "prompt_length": _("the length of the prompt"),
    "shorter_length": _("the length of the shortest response"),
    "longer_length": _("the length of the longest response"),
    "uneven": _("how far the responses differ in length"),
    "alike": _("how many words the responses share"),
    "from_prompt": _("how many of their words come from the prompt"),
    "identical": _("whether the responses are the same text"),
    "meaning_alike": _("how alike the responses are in meaning"),
    "to_prompt": _("how close the responses are to the prompt in meaning"),
    "towards_prompt": _("how much closer to the prompt the response is that the judge takes"),
    "towards_longer": _("how much longer the response is that the judge takes"),
}


def two(value: float) -> str:
    return f"{value:.2f}"


def four(value: float) -> str:
    return f"{value:.4f}"


def feature_in_words(name: str) -> str:
    if name.startswith("tag:"):
        return _("the tag “%(tag)s”") % {"tag": name.removeprefix("tag:")}
    return FEATURES.get(name, name)


def foreseen_in_words(foreseen: Foreseen) -> tuple[str, ...]:
    """The risk, what it comes of, and how the judge did on past items like this one."""
    if foreseen.risk is None:
        return ()
    found = [_("The risk that the judge disagrees with people is %(risk)s.") % {"risk": two(foreseen.risk)}]
    for name, weight in foreseen.why[:MOST_SAID]:
        gaps = {"what": feature_in_words(name), "weight": f"{weight:+.2f}"}
        raised, lowered = _("This raises it: %(what)s (%(weight)s)."), _("This lowers it: %(what)s (%(weight)s).")
        found.append((raised if weight > 0 else lowered) % gaps)
    if foreseen.like and foreseen.like[0]:
        n, agreed = foreseen.like
        past = {"n": n, "share": per_cent(round(agreed / n, 2))}
        found.append(_("Of %(n)s past items like this one it agreed with people in %(share)s.") % past)
    return tuple(found)


def but_for(foreseen: Foreseen, bar: float) -> tuple[str, ...]:
    """What alone would have to be otherwise for the judge's answer to stand, where there is such a thing."""
    if foreseen.risk is None or not 0 < bar < 1:
        return ()
    over = _logit(foreseen.risk) - _logit(bar)
    cause = next((name for name, weight in foreseen.why if weight > over), None)
    if cause is None:
        return ()
    return (_("It would have stayed with the judge but for %(what)s.") % {"what": feature_in_words(cause)},)


def _logit(share: float) -> float:
    inside = min(1 - 1e-9, max(1e-9, share))
    return math.log(inside / (1 - inside))
