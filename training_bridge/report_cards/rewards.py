"""A reward model's card from its held-out pairs."""

from collections.abc import Mapping

import numpy as np
from scipy.stats import rankdata

from training_bridge.report_cards.calibration import calibration
from training_bridge.report_cards.pairs import UNKNOWN, Gathered, duel
from training_bridge.report_cards.parts import Histogram, Mean, Share, Spread
from training_bridge.report_cards.resampling import (
    NOTHING,
    SIGNED,
    UNIT,
    Floats,
    Ints,
    by_cell,
    mean,
    of_groups,
    share,
)
from training_bridge.report_cards.reward import (
    Agreement,
    Baseline,
    Counts,
    Disagreement,
    LengthBias,
    RewardCard,
    Rewards,
)
from training_bridge.report_cards.slices import Cut, breakdowns

BARS = 24
TIERS = 256
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Won = Mapping[str, tuple[float, float]]
"""Of each model that wrote responses: pairs of the training split that it won, and that it was in."""


def reward_card(
    pairs: Gathered, confidence: float, won: Won | None = None, tokens: dict[str, float] | None = None
) -> RewardCard:
    """All of it. Accuracy counts the pairs that people decided; equal rewards are half right.

    `won`: what the training split says of the models that wrote; `tokens`: a model of marks' shares of tokens.
    """
    decided, groups = pairs.decided, pairs.groups
    right = duel(pairs.better, pairs.worse)
    lead = pairs.lead
    return RewardCard(
        confidence=confidence,
        counts=Counts(
            pairs=len(pairs),
            decided=int(decided.sum()),
            undecided=int((~decided).sum()),
            equal_rewards=int((decided & (lead == 0)).sum()),
            responses=len(pairs.responses[0]),
            prompts=len(np.unique(groups)),
        ),
        accuracy=share(right[decided], groups[decided], confidence),
        baselines=tuple(baselines(pairs, right, confidence, won or {})),
        agreement=agreement(pairs.votes, lead, groups, confidence),
        breakdowns=breakdowns(pairs, confidence),
        calibration=calibration(lead, pairs.soft, groups, confidence),
        length=length_bias(pairs, confidence),
        rewards=rewards(pairs.better[decided], pairs.worse[decided]),
        disagreement=disagreement(pairs, confidence),
        tokens=tokens,
    )


def baselines(pairs: Gathered, right: Floats, confidence: float, won: Won) -> list[Baseline]:
    """What costs nothing, on the decided pairs, and how far the model is ahead of it."""
    keep = pairs.decided
    longer = duel(*pairs.lengths)
    found: list[tuple[str, Floats]] = [("longer", longer), ("shorter", 1 - longer), ("coin", np.full(len(pairs), 0.5))]
    better, worse, names = pairs.author_codes
    rates = np.array([_rate(won, name) for name in names] + [0.5])
    if won and ((better != UNKNOWN) & (worse != UNKNOWN) & keep).any():
        found.append(
            ("author", np.where((better == UNKNOWN) | (worse == UNKNOWN), 0.5, duel(rates[better], rates[worse])))
        )
    groups = pairs.groups[keep]
    return [
        Baseline(
            name=name,
            share=_certain(0.5, int(keep.sum()), len(np.unique(groups)))
            if name == "coin"
            else share(hits[keep], groups, confidence),
            lead=mean((right - hits)[keep], groups, confidence, (-0.5, 0.5) if name == "coin" else SIGNED),
        )
        for name, hits in found
    ]


def _rate(won: Won, name: str) -> float:
    wins, met = won.get(name, (0.0, 0.0))
    return wins / met if met else 0.5


def _certain(value: float, of: int, prompts: int) -> Share:
    return Share(value=value, low=value, high=value, of=of, prompts=prompts)


def agreement(votes: Ints, lead: Floats, groups: Ints, confidence: float) -> Agreement:
    """Each vote against the majority of the other people's on its pair, and the model against the same majorities.

    `votes` [P, 3]: for the better one, for the other, for neither; negative where unknown. A pair counts its votes'
    mean; a vote for neither is half right, as a draw of the model is, and is no vote where it is one of the others.
    Majorities that are even say nothing and are not asked. Only pairs that two people or more judged.
    """
    known = votes[:, 0] >= 0
    doubled = known & (votes.sum(1) >= 2)
    a, b, neither = (votes[doubled, column].astype(float) for column in range(3))
    model = duel(lead[doubled], np.zeros(int(doubled.sum())))
    asked = np.zeros(len(a))
    people, machine = np.zeros(len(a)), np.zeros(len(a))
    for count, others, says in ((a, (a - 1, b), 1.0), (b, (a, b - 1), 0.0), (neither, (a, b), 0.5)):
        told = count * (others[0] != others[1])  # votes of this kind whose fellow raters have a majority
        majority = (others[0] > others[1]).astype(float)
        asked += told
        people += told * (1 - np.abs(says - majority))
        machine += told * (1 - np.abs(model - majority))
    some = asked > 0
    each, theirs = people[some] / asked[some], machine[some] / asked[some]
    of = groups[doubled][some]
    return Agreement(
        people=share(each, of, confidence),
        model=share(theirs, of, confidence),
        lead=mean(theirs - each, of, confidence, SIGNED),
        votes=int(asked.sum()),
        why_not="" if some.any() else "not_in_snapshot" if not known.any() else "nobody_doubled",
    )


def length_bias(pairs: Gathered, confidence: float) -> LengthBias:
    """How far reward follows length, and whether it does so more than people do."""
    group, item, reward, length = pairs.responses
    correlations, of = within(item, group, reward, length)
    long, short = pairs.lengths
    keep = pairs.decided & (long != short)
    groups, right = pairs.groups, duel(pairs.better, pairs.worse)
    longer = (long > short).astype(float)
    leads_longer = np.where(longer == 1, right, 1 - right)
    when = [keep & (longer == value) for value in (1, 0)]
    return LengthBias(
        within_prompt=mean(correlations, of, confidence, SIGNED),
        people_choose_longer=share(longer[keep], groups[keep], confidence),
        model_chooses_longer=share(leads_longer[keep], groups[keep], confidence),
        right_when_longer=share(right[when[0]], groups[when[0]], confidence),
        right_when_shorter=share(right[when[1]], groups[when[1]], confidence),
        as_long=int((pairs.decided & (long == short)).sum()),
    )


def within(item: Ints, group: Ints, first: Floats, second: Floats) -> tuple[Floats, Ints]:
    """Spearman's correlation of two numbers within each item, 0 where the first does not vary, and the items' groups.

    Items in which the second does not vary say nothing and are left out.
    """
    _names, code, counts = np.unique(item, return_inverse=True, return_counts=True)
    ranks = [_centred(code, counts, values) for values in (first, second)]
    products = [np.bincount(code, weights=x * y) for x, y in ((ranks[0], ranks[1]), (ranks[0],) * 2, (ranks[1],) * 2)]
    told = products[2] > 0
    spread = np.sqrt(products[1] * products[2])[told]
    correlation = np.divide(products[0][told], spread, out=np.zeros(int(told.sum())), where=spread > 0)
    groups = np.zeros(len(counts), dtype=np.int64)
    groups[code] = group
    return correlation, groups[told]


def _centred(code: Ints, counts: Ints, values: Floats) -> Floats:
    """Ranks of `values` within each item, ties sharing the mean, less the item's mean rank."""
    dense = rankdata(values, method="dense")
    # Ranks over (item, value): within an item they grow as the values do, so the mean rank is all there is to take off.
    ranks = rankdata(code * (dense.max(initial=0) + 1.0) + dense)
    found: Floats = ranks - (np.bincount(code, weights=ranks) / counts)[code]
    return found


def rewards(chosen: Floats, rejected: Floats) -> Rewards | None:
    """How rewards lie; None without pairs."""
    if not len(chosen):
        return None
    lead = chosen - rejected
    return Rewards(
        chosen=spread(chosen),
        rejected=spread(rejected),
        lead=spread(lead),
        histogram=histogram({"chosen": chosen, "rejected": rejected}),
        leads=histogram({"lead": lead}),
    )


def spread(values: Floats) -> Spread:
    """Of at least one number."""
    low, first, middle, third, high = np.quantile(values, QUANTILES).tolist()
    return Spread(
        mean=float(values.mean()),
        deviation=float(values.std()),
        quantiles=(low, first, middle, third, high),
        of=len(values),
    )


def histogram(values: Mapping[str, Floats]) -> Histogram:
    """One set of edges for all, from the 0.5 % to the 99.5 % quantile."""
    low, high = np.quantile(np.concatenate(list(values.values())), [0.005, 0.995]).tolist()
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BARS + 1)
    counts = {name: np.histogram(np.clip(one, low, high), edges)[0] for name, one in values.items()}
    return Histogram(edges=tuple(edges.tolist()), counts={name: tuple(one.tolist()) for name, one in counts.items()})


def disagreement(pairs: Gathered, confidence: float) -> Disagreement | None:
    """Of an ensemble: what its members' disagreement tells of its errors; None for one model."""
    keep = pairs.decided
    if pairs.member_count < 2 or not keep.any():
        return None
    groups, members = pairs.groups, pairs.members
    right = duel(pairs.better, pairs.worse)
    apart = members.std(1)
    nothing = np.zeros(len(pairs))
    cut = Cut(keep, right, duel(*pairs.lengths), groups, confidence)
    by = cut.by_range("lead", apart)
    return Disagreement(
        members=tuple(share(duel(one, nothing)[keep], groups[keep], confidence) for one in members.T),
        slices=by.slices if by is not None else (),
        auc=auc(apart[keep], right[keep], groups[keep], confidence),
    )


def auc(score: Floats, right: Floats, groups: Ints, confidence: float) -> Mean:
    """P(a wrong pair has the larger score than a right one), draws half; a half-right pair is half of each.

    Resamples tell more than TIERS different scores apart by so many equal parts, which is as good as by rank. The
    interval is as wide as the prompt groups with wrong pairs, or with right ones, are few.
    """
    values, exact = np.unique(score, return_inverse=True)
    counts = np.concatenate([np.bincount(exact, weights=part) for part in (right, 1 - right)])
    value = float(_areas(counts[None])[0])
    if not np.isfinite(value):
        return NOTHING
    starts = values if len(values) <= TIERS else np.unique(np.quantile(score, np.linspace(0, 1, TIERS)))
    tier = np.searchsorted(starts, score, side="right") - 1
    sums = [by_cell(tier, groups, part, TIERS) for part in (right, 1 - right)]
    fewest = min(int(np.count_nonzero(part.sum(1))) for part in sums)
    found = of_groups(np.concatenate(sums, 1), len(right), confidence, _areas, UNIT, fewest)
    return found.model_copy(update={"value": value})


def _areas(sums: Floats) -> Floats:
    """[R] areas under the curve from weights [R, 2T] of right and of wrong pairs by ascending tier of score."""
    good, bad = np.split(sums, 2, axis=1)
    below = np.cumsum(good, axis=1) - good
    total = good.sum(1) * bad.sum(1)
    found: Floats = np.divide((bad * (below + good / 2)).sum(1), total, out=np.full(len(sums), np.nan), where=total > 0)
    return found
