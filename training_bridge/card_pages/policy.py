"""The panels of a policy's card."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from common.charts import Dot, Series, fixed, number, percent
from training_bridge.card_pages.panels import (
    NONE,
    Panel,
    Table,
    bar,
    interval_cells,
    mean_dot,
    mean_words,
    missing,
    share_table,
    share_words,
)
from training_bridge.card_pages.reward import calibration_panel
from training_bridge.report_cards import PolicyCard
from training_bridge.report_cards.parts import Spread
from training_bridge.report_cards.policy import (
    Asked,
    BestOf,
    Divergence,
    Likelihood,
    Sampled,
    WinRate,
)

LOOKS = ("bar-judge", "bar-rest")
"""How the policy's marks look, and its reference's."""


def policy_panels(card: PolicyCard) -> list[Panel]:
    """What matters most first; what was not measured says why."""
    parts = [_win_rate(card.win_rate), *_preference(card)]
    parts += [_divergence(card.divergence), _likelihood(card.likelihood)]
    sampled = [(_("the policy"), card.policy), (_("its reference"), card.reference)]
    known = [(name, one) for name, one in sampled if one is not None]
    parts += [_lengths(known), _ends(known, card.asked), _diversity(known)] if known else [_unsampled()]
    return parts + ([_best_of(card.best_of)] if card.best_of else [])


def _unsampled() -> Panel:
    return missing(_("What it says when asked"), "no_samples")


def _win_rate(found: WinRate | None) -> Panel:
    title = _("Win rate over its reference")
    if found is None:
        why = _("Two answers to each prompt are needed, and a reward model that compares them. Evaluate it with both.")
        return Panel(title, missing=why, again=True)
    rows = [(_("Wins"), found.rate), (_("Wins at equal length"), found.length_controlled)]
    at_equal_length = (
        missing("", found.why_not).missing
        if found.why_not
        else _("At equal length: what would be left of it if both were as long.")
    )
    counts = {"wins": fixed(found.wins), "draws": fixed(found.draws), "losses": fixed(found.losses)}
    return Panel(
        title,
        _("How often the reward model prefers its response; draws count half"),
        dots=[dot for name, mean in rows for dot in mean_dot(name, mean)],
        table=Table(["", _("Share"), _("Interval")], [interval_cells(name, mean) for name, mean in rows]),
        facts=[
            (_("Reward gained"), mean_words(found.reward_gain)),
            (_("Wins, draws, losses"), "{wins}, {draws}, {losses}".format(**counts)),
        ],
        note=" ".join(
            (
                _(
                    "One half is no better than the reference. The reward model stands in for people: what it was "
                    "wrong about in its own card, it is wrong about here."
                ),
                at_equal_length,
            )
        ),
    )


def _unpreferred(title: str, card: PolicyCard) -> Panel:
    """Why nothing tells what it learnt."""
    if card.likelihood is None:
        return missing(title, "no_pairs")
    if card.likelihood.reference_chosen is None:
        other_tokens = card.divergence is not None and card.divergence.why_not == "other_tokens"
        return missing(title, "other_tokens" if other_tokens else "no_reference")
    why = _("Of no held-out pair one response was preferred: all are ties. Evaluate it on a snapshot with other pairs.")
    return Panel(title, missing=why, again=True)


def _preference(card: PolicyCard) -> list[Panel]:
    title, found = _("What it learnt of people's choices"), card.preference
    if found is None:
        return [_unpreferred(title, card)]
    rows = [
        (_("Implicit reward, against the reference"), found.accuracy, "bar-judge"),
        (_("The same, a token"), found.by_token, "bar-judge"),
        (_("Without the reference"), found.policy_alone, "bar-good"),
        (_("Baseline: the longer response wins"), found.longer, "bar-rest"),
    ]
    drawn = [one for name, share, kind in rows for one in bar(name, share, kind)]
    panel = Panel(
        title,
        _("How often the preferred response of a held-out pair became likelier than the other"),
        bars=drawn,
        table=share_table([(name, share) for name, share, _kind in rows], _("Pairs")),
        facts=[
            (_("Mean lead, in nats"), mean_words(found.margin)),
            (_("Undecided pairs, left out"), fixed(found.undecided)),
        ],
        note=_("The implicit reward of a response is how much likelier the policy finds it than its reference does."),
    )
    return [panel, *([calibration_panel(found.calibration, card.confidence)] if found.calibration else [])]


def _divergence(found: Divergence | None) -> Panel:
    title = _("How far it went from its reference (KL)")
    if found is None:
        return missing(title, "no_samples")  # of an evaluation by an earlier version that asked nothing
    if found.why_not:
        return missing(title, found.why_not)
    rows = [
        (_("A response, by log-ratios"), found.log_ratio),
        (_("A response, by the k3 estimator"), found.k3),
    ]
    by_token = [
        (_("A token, by log-ratios"), found.log_ratio_by_token),
        (_("A token, by the k3 estimator"), found.k3_by_token),
    ]
    return Panel(
        title,
        _("KL of the policy from its reference, in nats a response"),
        dots=[dot for name, mean in rows for dot in mean_dot(name, mean)],
        shares=False,
        table=Table(["", _("Nats"), _("Interval")], [interval_cells(name, mean) for name, mean in rows + by_token]),
        note=_(
            "Measured on responses of its own. Both estimators are right on average; the second is never negative and "
            "spreads less where the policy stayed near."
        )
        if found.exact
        else _(
            "Measured on responses sampled at another temperature or top p than 1: not of the policy itself, but of "
            "what was sampled."
        ),
    )


def _likelihood(found: Likelihood | None) -> Panel:
    title = _("Likelihood of held-out responses")
    if found is None:
        return missing(title, "no_pairs")
    rows = [
        (_("Preferred, by the policy"), found.chosen, "bar-judge"),
        (_("Preferred, by the reference"), found.reference_chosen, "bar-rest"),
        (_("The other, by the policy"), found.rejected, "bar-judge"),
        (_("The other, by the reference"), found.reference_rejected, "bar-rest"),
    ]
    return Panel(
        title,
        _("Mean log-probability of a token, in nats"),
        dots=[dot for name, mean, kind in rows for dot in mean_dot(name, mean, kind)],
        shares=False,
        table=Table(["", _("Nats"), _("Interval")], [interval_cells(name, mean) for name, mean, _kind in rows if mean]),
        note=_(
            "Tuning on pairs often makes both responses less likely, the other one more so. Where the preferred one "
            "falls far, the policy says neither."
        ),
    )


def _box(name: str, spread: Spread) -> Dot:
    """The median, with the range of nine in ten."""
    low, _first, middle, _third, high = spread.quantiles
    return Dot(name, middle, low, high)


def _lengths(known: Sequence[tuple[str, Sampled]]) -> Panel:
    units = (_("characters"), _("tokens"))
    rows = [
        [f"{name}, {unit}", number(one.mean), *(number(at) for at in one.quantiles)]
        for name, sampled in known
        for unit, one in zip(units, (sampled.characters, sampled.tokens), strict=True)
    ]
    return Panel(
        _("Length"),
        _("Characters of a response: the median, and the range of nine in ten"),
        dots=[_box(name, one.characters) for name, one in known],
        shares=False,
        table=Table(["", _("Mean"), "5 %", "25 %", _("Median"), "75 %", "95 %"], rows),
    )


def _ends(known: Sequence[tuple[str, Sampled]], asked: Asked | None) -> Panel:
    words = {"cut": _("Cut at the limit"), "empty": _("Empty"), "repeating": _("Repeats itself")}
    rows = [
        (f"{word}: {name}", getattr(one.ends, key), kind)
        for key, word in words.items()
        for (name, one), kind in zip(known, LOOKS, strict=False)
    ]
    return Panel(
        _("How responses end"),
        _("Share of responses"),
        bars=[drawn for name, share, kind in rows for drawn in bar(name, share, kind)],
        table=share_table([(name, share) for name, share, _kind in rows], _("Responses")),
        facts=_how(asked) if asked else [],
        note=_("A response repeats itself where it says the same eight words three times or more."),
    )


def _how(asked: Asked) -> list[tuple[str, str]]:
    """How the policy and its reference were asked."""
    return [
        (_("Prompts"), fixed(asked.prompts)),
        (_("Samples"), fixed(asked.samples)),
        (_("Temperature"), number(asked.temperature)),
        (_("Top p"), number(asked.top_p)),
        (_("Max new tokens"), fixed(asked.max_new_tokens)),
    ]


def _diversity(known: Sequence[tuple[str, Sampled]]) -> Panel:
    why = next((one.diversity.why_not for _name, one in known if one.diversity.why_not), "")
    rows = [[name, *_diverse(one)] for name, one in known]
    heads = [
        "",
        _("Words"),
        _("Pairs"),
        _("Triples"),
        _("Likeness of answers to one prompt"),
        _("Prompts with equal ones"),
    ]
    return Panel(
        _("Diversity"),
        _("Of words, pairs and triples of words, the share that are different ones"),
        dots=[
            Dot(f"{unit}: {name}", value, kind=kind)
            for at, unit in enumerate((_("Words"), _("Pairs"), _("Triples")))
            for (name, one), kind in zip(known, LOOKS, strict=False)
            for value in [one.diversity.distinct[at]]
            if value is not None
        ],
        table=Table(heads, rows),
        facts=[(_("Words counted"), fixed(known[0][1].diversity.words))],
        note=missing("", why).missing if why else "",
    )


def _diverse(one: Sampled) -> list[str]:
    found = one.diversity
    distinct = [NONE if value is None else percent(value, 1) for value in found.distinct]
    return [*distinct, mean_words(found.self_similarity), share_words(found.repeated)]


def _best_of(points: Sequence[BestOf]) -> Panel:
    return Panel(
        _("Best of several"),
        _("Mean reward of the response that the reward model likes best"),
        lines=[Series(_("the reward model itself"), [(one.kl, one.proxy) for one in points])],
        x_label=_("KL of best of n, in nats"),
        table=Table(
            [_("Best of"), _("KL in nats"), _("Its reward")],
            [[fixed(one.n), number(one.kl), number(one.proxy)] for one in points],
        ),
        note=_(
            "Its own reward always rises with n. What another reward says of the same choice is measured by a run of "
            "“Best of n”."
        ),
    )
