"""The report card of a reward model: how it stands on held-out pairs, by what, and beside what costs nothing."""

from typing import Literal

from training_bridge.report_cards.parts import Calibration, Histogram, Mean, Part, Share, Spread

VERSION = 2


class Slice(Part):
    """One row of a breakdown: a `name` from the data, or the range from `low` to `high` (None: without end)."""

    name: str = ""
    low: float | None = None
    high: float | None = None
    accuracy: Share
    longer: Share


class Breakdown(Part):
    """Accuracy, and "the longer one wins", by one thing.

    `left_out`: pairs in rows too small to be shown; `beyond`: pairs in rows beyond the largest; `unknown`: pairs that
    have no such thing, or of which it is not known. The last two are None in cards of version 1, which called all
    three left out (none, of tags that are only set). With tags a pair may be in several rows.
    """

    by: str
    tag: str = ""
    slices: tuple[Slice, ...]
    left_out: int = 0
    beyond: int | None = None
    unknown: int | None = None


class Baseline(Part):
    """What costs nothing: "longer", "shorter", "coin", or "author" (that pair's more often preferred model in the
    training split). `lead`: the model's accuracy less this one's, pair by pair."""

    name: str
    share: Share
    lead: Mean


class Agreement(Part):
    """One person against the majority of the others, on held-out pairs that two people or more judged.

    `model`: the reward model against the very same majorities, so that both are held to one standard; `lead`: model
    less people. `votes`: people's votes on these pairs.
    """

    people: Share
    model: Share
    lead: Mean
    votes: int
    why_not: str = ""


class LengthBias(Part):
    """`within_prompt`: Spearman's correlation of reward with length in characters among responses to one prompt, the
    mean over prompts. How often the longer one of a pair is preferred by people and by the model; accuracy where the
    longer, and where the shorter, was preferred. `as_long`: pairs of equal length, left out."""

    within_prompt: Mean
    people_choose_longer: Share
    model_chooses_longer: Share
    right_when_longer: Share
    right_when_shorter: Share
    as_long: int


class Rewards(Part):
    """Rewards of preferred ("chosen") and other ("rejected") responses, and the lead of one over the other."""

    chosen: Spread
    rejected: Spread
    lead: Spread
    histogram: Histogram
    leads: Histogram


class Disagreement(Part):
    """An ensemble: accuracy of each member, accuracy by the members' disagreement on the lead (deviation, five equal
    parts), and `auc`: P(a wrong pair has more disagreement than a right one), ½ where it tells nothing."""

    members: tuple[Share, ...]
    slices: tuple[Slice, ...]
    auc: Mean


class Thumbs(Part):
    """Held-out thumbs: `auc` = P(a response that people want has a higher reward than one that they do not), ½ where
    rewards tell nothing; `wanted`: the mean of P(people want it) by their votes."""

    auc: Mean
    wanted: Mean
    responses: int


class Counts(Part):
    """Held-out pairs; those that people left undecided (not counted in accuracy); those with equal rewards (half)."""

    pairs: int
    decided: int
    undecided: int
    equal_rewards: int
    responses: int
    prompts: int


class RewardCard(Part):
    """Of a reward model, on held-out pairs. `tokens`: shares of held-out tokens, of models of marks only; `aspects`:
    Spearman's correlation of reward with people's scores of each aspect, over held-out responses."""

    kind: Literal["reward"] = "reward"
    version: int = VERSION
    confidence: float
    counts: Counts
    accuracy: Share
    baselines: tuple[Baseline, ...]
    agreement: Agreement
    breakdowns: tuple[Breakdown, ...]
    calibration: Calibration | None
    length: LengthBias
    rewards: Rewards | None
    disagreement: Disagreement | None = None
    tokens: dict[str, float] | None = None
    thumbs: Thumbs | None = None
    aspects: dict[str, Mean] | None = None
