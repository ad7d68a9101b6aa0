"""The panels of what held-out responses were told one by one: thumbs, and scores by aspect."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from common.charts import Bar, Dot, fixed, percent, with_interval
from training_bridge.card_pages.panels import Panel, Table, mean_words
from training_bridge.report_cards import RewardCard
from training_bridge.report_cards.parts import Mean
from training_bridge.report_cards.reward import Thumbs


def told_panels(card: RewardCard, aspects: Mapping[str, str]) -> list[Panel]:
    """Those that the card has."""
    panels = [_thumbs(card.thumbs)] if card.thumbs else []
    named = {aspects.get(key, key): found for key, found in (card.aspects or {}).items()}
    return panels + ([_aspects(named)] if named else [])


def _thumbs(thumbs: Thumbs) -> Panel:
    return Panel(
        _("Beside thumbs"),
        _("How often a response that people want has the higher reward than one that they do not"),
        bars=_bars(thumbs.auc),
        table=Table(["", _("Share")], [[_("This reward model"), _percent_words(thumbs.auc)]]),
        facts=[
            (_("Responses with thumbs"), fixed(thumbs.responses)),
            (_("Wanted by people"), _percent_words(thumbs.wanted)),
        ],
        note=_("Over all pairs of a response that people want and one that they do not; one half tells nothing."),
    )


def _aspects(aspects: dict[str, Mean]) -> Panel:
    return Panel(
        _("Beside scores"),
        _("Rank correlation of the reward with people's scores"),
        dots=[
            Dot(name, found.value, found.low, found.high) for name, found in aspects.items() if found.value is not None
        ],
        shares=False,
        table=Table(
            ["", _("Rank correlation"), _("Responses")],
            [[name, mean_words(found), fixed(found.of)] for name, found in aspects.items()],
        ),
        note=_(
            "By aspect, over held-out responses: 1 where the reward orders them as people do, 0 where it tells "
            "nothing, below 0 where it orders them the other way round."
        ),
    )


def _bars(auc: Mean) -> list[Bar]:
    """None where there was nothing to compare."""
    if auc.value is None:
        return []
    return [
        Bar(_("This reward model"), auc.value, auc.low, auc.high, "bar-judge"),
        Bar(_("Baseline: a coin"), 0.5, kind="bar-rest"),
    ]


def _percent_words(found: Mean) -> str:
    if found.value is None:
        return mean_words(found)
    return with_interval(found.value, found.low, found.high, lambda value: percent(value, 1))
