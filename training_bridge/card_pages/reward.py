"""The panels of a reward model's card."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from common.charts import Bar, Dot, Series, fixed, number
from common.intervals import wilson
from common.words import gettext_noop
from training_bridge.card_pages.panels import (
    NONE,
    Panel,
    Table,
    bar,
    histogram_table,
    mean_words,
    missing,
    outline,
    share_cells,
    share_heads,
    share_table,
    share_words,
)
from training_bridge.card_pages.told import told_panels
from training_bridge.figures import title_of
from training_bridge.report_cards import RewardCard
from training_bridge.report_cards.parts import Calibration, Share
from training_bridge.report_cards.reward import Agreement, Breakdown, Disagreement, LengthBias, Rewards, Slice

MOST_DOTS, LEAST_DRAWN = 12, 5
"""Rows of a breakdown that are drawn, and pairs of a step of probability that is; the tables have them all."""
BASELINES = {
    "longer": gettext_noop("Baseline: the longer response wins"),
    "shorter": gettext_noop("Baseline: the shorter response wins"),
    "coin": gettext_noop("Baseline: a coin"),
    "author": gettext_noop("Baseline: the model people prefer more often"),
}
BREAKDOWNS: dict[str, str] = {
    "lead": gettext_noop("By how sure the model is"),
    "label": gettext_noop("By how sure the label is"),
    "strength": gettext_noop("By the strength of the preference"),
    "source": gettext_noop("By who judged"),
    "author": gettext_noop("By the model that wrote the preferred response"),
    "met": gettext_noop("By the two models that met"),
    "language": gettext_noop("By language"),
    "tag": gettext_noop("By tag"),
    "topic": gettext_noop("By topic"),
    "cohort": gettext_noop("By cohort of raters"),
    "prompt_length": gettext_noop("By length of the prompt"),
}
RANGES: dict[str, str] = {
    "lead": gettext_noop("Rows are ranges of the difference of the two rewards."),
    "label": gettext_noop("Rows are ranges of |2 p − 1|, p the soft label: 0 is undecided, 1 is certain."),
    "prompt_length": gettext_noop("Rows are ranges of characters."),
}
SOURCES = {
    "people": gettext_noop("people"),
    "judges": gettext_noop("judges"),
    "both": gettext_noop("people and judges"),
    "import": gettext_noop("imported judgments"),
}
KINDS = {"chosen": gettext_noop("preferred"), "rejected": gettext_noop("the other"), "lead": gettext_noop("difference")}


def reward_panels(card: RewardCard, aspects: Mapping[str, str] | None = None) -> list[Panel]:
    """What matters most first. `aspects`: what they are called, by their keys; one that is not there by its key."""
    beside = [*told_panels(card, aspects or {}), *([_tokens(card.tokens)] if card.tokens else [])]
    if not card.counts.pairs:
        return [missing(_("Held-out accuracy"), "no_pairs"), *beside]
    parts = [_accuracy(card), _agreement(card.agreement), *map(_breakdown, card.breakdowns)]
    parts += [calibration_panel(card.calibration, card.confidence)] if card.calibration else []
    parts += [_length(card.length)]
    parts += _rewards(card.rewards) if card.rewards else []
    parts += [_disagreement(card.disagreement)] if card.disagreement else []
    return parts + beside


def _accuracy(card: RewardCard) -> Panel:
    rows = [(_("This reward model"), card.accuracy, "bar-judge")]
    if not card.agreement.why_not:
        rows.append((_("One person against the other people"), card.agreement.people, "bar-human"))
    rows += [(_(BASELINES.get(one.name, one.name)), one.share, "bar-rest") for one in card.baselines]
    bars = [drawn for name, share, kind in rows for drawn in bar(name, share, kind)]
    leads = {_(BASELINES.get(one.name, one.name)): mean_words(one.lead) for one in card.baselines}
    table = share_table([(name, share) for name, share, _kind in rows], _("Pairs"))
    counts = {
        "decided": fixed(card.counts.decided),
        "prompts": fixed(card.counts.prompts),
        "undecided": fixed(card.counts.undecided),
        "equal": fixed(card.counts.equal_rewards),
    }
    return Panel(
        _("Held-out accuracy"),
        _("How often the response that was preferred scores higher"),
        bars=bars,
        table=Table([*table.heads, _("This model's lead")], [[*row, leads.get(row[0], NONE)] for row in table.rows]),
        note=_(
            "On %(decided)s pairs of %(prompts)s prompts that nobody trained on; %(undecided)s undecided pairs are "
            "left out, %(equal)s with equal rewards count half. Pairs of one prompt are not independent: the intervals "
            "allow for it."
        )
        % counts,
    )


def _agreement(agreement: Agreement) -> Panel:
    title = _("Beside people")
    if agreement.why_not:
        return missing(title, agreement.why_not)
    rows = [
        (_("One person against the majority of the others"), agreement.people, "bar-human"),
        (_("This model against the same majorities"), agreement.model, "bar-judge"),
    ]
    return Panel(
        title,
        _("Agreement with the majority, on pairs that several people judged"),
        bars=[drawn for name, share, kind in rows for drawn in bar(name, share, kind)],
        table=share_table([(name, share) for name, share, _kind in rows], _("Pairs")),
        facts=[
            (_("Model less person"), mean_words(agreement.lead)),
            (_("Votes asked"), fixed(agreement.votes)),
        ],
        note=_("People do not agree with each other more often than that: it is the most to be expected of a model."),
    )


def _called(by: str, one: Slice) -> str:
    if by == "strength":  # a mean of several people's, as a rule
        return number(float(one.name))
    if one.low is None and one.high is None:
        return _(SOURCES.get(one.name, one.name)) if by == "source" else one.name or NONE
    low, high = (NONE if end is None else number(end) for end in (one.low, one.high))
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def _breakdown(breakdown: Breakdown) -> Panel:
    title = _(BREAKDOWNS.get(breakdown.by, breakdown.by))
    if breakdown.by == "tag" and breakdown.tag:
        title = _("By tag: %(tag)s") % {"tag": breakdown.tag}
    slices = breakdown.slices
    if breakdown.by == "strength":  # steps of a scale, which have an order of their own
        slices = tuple(sorted(slices, key=lambda one: float(one.name)))
    rows = [(_called(breakdown.by, one), one) for one in slices]
    notes = [_(RANGES[breakdown.by])] if breakdown.by in RANGES else []
    notes += _in_no_row(breakdown)
    return Panel(
        title,
        _("Held-out accuracy"),
        dots=_dots(rows),
        beside=_("the longer response wins"),
        table=_slices(rows),
        note=" ".join(notes),
    )


def _in_no_row(breakdown: Breakdown) -> list[str]:
    small = _("Pairs in rows too small to say anything: %(pairs)s.")
    if breakdown.unknown is None:
        small = _("Pairs that are in no row: %(pairs)s.")
    counted = [
        (small, breakdown.left_out),
        (_("Pairs in rows beyond the largest: %(pairs)s."), breakdown.beyond),
        (_("Pairs that have none, or of which it is not known: %(pairs)s."), breakdown.unknown),
    ]
    return [words % {"pairs": fixed(pairs)} for words, pairs in counted if pairs]


def _dots(rows: list[tuple[str, Slice]]) -> list[Dot]:
    return [
        Dot(name, one.accuracy.value, one.accuracy.low, one.accuracy.high, beside=one.longer.value)
        for name, one in rows[:MOST_DOTS]
        if one.accuracy.value is not None
    ]


def _slices(rows: list[tuple[str, Slice]]) -> Table:
    heads = [*share_heads(_("Pairs")), _("Longer wins")]
    return Table(heads, [[*share_cells(name, one.accuracy), share_words(one.longer)] for name, one in rows])


def calibration_panel(found: Calibration, confidence: float) -> Panel:
    """Also of policies, whose implicit rewards are read the same way."""
    known = [
        (one.said, one.seen, wilson(one.seen * one.pairs, one.pairs, confidence))
        for one in found.bins
        if one.said is not None and one.seen is not None and one.pairs >= LEAST_DRAWN
    ]
    points = [(said, seen) for said, seen, _ends in known]
    band = [(said, low, high) for said, _seen, (low, high) in known]
    sure = [Series(_("as sure as it is right"), [(0.5, 0.5), (1.0, 1.0)], number=6)]
    rows = [
        [
            _("%(low)s to %(high)s") % {"low": number(one.low), "high": number(one.high)},
            NONE if one.said is None else number(one.said),
            NONE if one.seen is None else number(one.seen),
            fixed(one.pairs),
        ]
        for one in found.bins
    ]
    return Panel(
        _("How far its probabilities can be trusted"),
        _("What the labels say by what the model says"),
        lines=[Series(_("the model"), points, band, number=1), *sure],
        x_label=_("probability that the model gives the response it prefers"),
        table=Table([_("Probability"), _("Mean said"), _("Seen in labels"), _("Pairs")], rows),
        facts=[
            (_("Calibration error (ECE)"), mean_words(found.error)),
            (_("Brier score"), number(found.brier)),
            (_("Log loss"), number(found.log_loss)),
            (_("Log loss of a coin"), number(found.coin)),
            (_("Least log loss that these labels allow"), number(found.floor)),
            (_("Rewards should be multiplied by"), number(found.scale)),
            (_("Log loss then"), number(found.scaled_log_loss)),
        ],
        note=_(
            "A difference of rewards Δ says that the one response is better with probability 1/(1 + e^−Δ). Below the "
            "straight line it is surer than it should be. Steps with few pairs are in the table alone; the band is the "
            "interval of each step, every pair counted alike."
        ),
    )


def _length(length: LengthBias) -> Panel:
    rows: list[tuple[str, Share, str]] = [
        (_("People prefer the longer response"), length.people_choose_longer, "bar-human"),
        (_("The model prefers the longer response"), length.model_chooses_longer, "bar-judge"),
        (_("It is right where people preferred the longer one"), length.right_when_longer, "bar-good"),
        (_("It is right where people preferred the shorter one"), length.right_when_shorter, "bar-good"),
    ]
    return Panel(
        _("Does it only measure length?"),
        _("Shares of pairs whose responses differ in length"),
        bars=[drawn for name, share, kind in rows for drawn in bar(name, share, kind)],
        table=share_table([(name, share) for name, share, _kind in rows], _("Pairs")),
        facts=[
            (_("Rank correlation of reward and length, within a prompt"), mean_words(length.within_prompt)),
            (_("Pairs of equal length"), fixed(length.as_long)),
        ],
        note=_(
            "A model without this bias prefers the longer response as often as people do, and is right as often where "
            "the shorter one was preferred."
        ),
    )


def _rewards(rewards: Rewards) -> list[Panel]:
    names = {key: _(words) for key, words in KINDS.items()}
    spreads = [(names["chosen"], rewards.chosen), (names["rejected"], rewards.rejected), (names["lead"], rewards.lead)]
    facts = [
        (
            _("%(name)s: mean, deviation, median") % {"name": name},
            f"{number(one.mean)}, {number(one.deviation)}, {number(one.quantiles[2])}",
        )
        for name, one in spreads
    ]
    return [
        Panel(
            _("Rewards"),
            _("Responses by reward"),
            lines=outline(rewards.histogram, names),
            x_label=_("reward"),
            table=histogram_table(rewards.histogram, names),
            facts=facts[:2],
        ),
        Panel(
            _("Differences of rewards"),
            _("Pairs by the lead of the preferred response"),
            lines=outline(rewards.leads, names),
            x_label=_("reward of the preferred response less that of the other"),
            table=histogram_table(rewards.leads, names),
            facts=facts[2:],
        ),
    ]


def _disagreement(found: Disagreement) -> Panel:
    rows = [(_called("lead", one), one) for one in found.slices]
    members = [
        (_("Member %(number)s") % {"number": at}, share_words(share)) for at, share in enumerate(found.members, 1)
    ]
    return Panel(
        _("Where the members of the ensemble disagree"),
        _("Accuracy by the deviation of the members' differences"),
        dots=_dots(rows),
        beside=_("the longer response wins"),
        table=_slices(rows),
        facts=[(_("A wrong pair has more disagreement than a right one"), mean_words(found.auc)), *members],
        note=_("One half tells nothing: then disagreement is no warning of errors."),
    )


def _tokens(tokens: dict[str, float]) -> Panel:
    shares = {name: value for name, value in tokens.items() if 0 <= value <= 1}
    rows = [[title_of(name), number(value)] for name, value in tokens.items()]
    return Panel(
        _("Tokens"),
        _("Held-out tokens by what the model finds in them"),
        bars=[Bar(title_of(name), value) for name, value in shares.items()],
        table=Table(["", _("Figure")], rows),
    )
