"""The desk's pictures, as bars of shares (`common.charts`)."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from common.charts import Bar, fixed, percent
from routing.ledger import COMMITTED, JUDGE, OF_JUDGES, RELEASED, RESERVED, Ledger, Line
from routing.models import Decision
from routing.selectors.desk import BudgetView
from routing.services.tallies import Band


def budget_bars(budget: BudgetView) -> list[Bar]:
    """How much of each limit is allocated, and how much of the labels has come in. Without a limit: nothing to draw."""
    bars = []
    if budget.labels_limit:
        bars.append(
            Bar(_("Labels of people, asked for"), budget.labels_allocated / budget.labels_limit, kind="bar-human")
        )
        bars.append(Bar(_("Labels of people, in hand"), budget.labels_used / budget.labels_limit, kind="bar-good"))
    if budget.money_limit:
        bars.append(Bar(_("Money set aside or spent"), float(budget.money_allocated / budget.money_limit)))
    return bars


def route_bars(routes: Mapping[str, int]) -> list[Bar]:
    """The share of the routed items that is with people, with the judge, with both."""
    total = sum(routes.values())
    names = {
        "human": (_("People"), "bar-human"),
        "judge": (_("Judge"), "bar-judge"),
        "both": (_("Both"), "bar-good"),
    }
    if total == 0:
        return []
    shown = [(names[route], count) for route, count in routes.items() if count or route != "both"]
    return [
        Bar(
            _("%(name)s: %(count)s items") % {"name": name, "count": fixed(count)},
            count / total,
            kind=kind,
        )
        for (name, kind), count in shown
    ]


def kind_in_words(kind: str) -> str:
    """What a kind of the ledger is called."""
    if kind in OF_JUDGES:
        return _("The judge") if kind == JUDGE else _("Planted cases")
    return str(Decision.Purpose(kind).label)


def ledger_rows(ledger: Ledger) -> list[tuple[str, Line, Line, Line]]:
    """(what was bought, reserved, committed, released) for each kind that anything was bought of."""
    by = {(line.kind, line.state): line for line in ledger.lines}
    kinds = dict.fromkeys(line.kind for line in ledger.lines)
    rows = [(kind_in_words(kind), by[kind, RESERVED], by[kind, COMMITTED], by[kind, RELEASED]) for kind in kinds]
    return [row for row in rows if any(line.labels for line in row[1:])]


def ledger_bars(ledger: Ledger) -> list[Bar]:
    """Of the money set aside or spent, the share of each kind; of the labels where nothing costs anything."""
    rows = [(name, kept, spent) for name, kept, spent, _gone in ledger_rows(ledger)]
    worth = [(name, kept.kind, float(kept.money + spent.money)) for name, kept, spent in rows]
    if not any(value for _name, _kind, value in worth):
        worth = [(name, kept.kind, float(kept.labels + spent.labels)) for name, kept, spent in rows]
    total = sum(value for _name, _kind, value in worth)
    if not total:
        return []
    return [
        Bar(name, value / total, kind="bar-judge" if kind in OF_JUDGES else "bar-human") for name, kind, value in worth
    ]


def band_bars(bands: Sequence[Band]) -> list[Bar]:
    """Of the items in each band of risk, the share that the judge keeps. Empty bands are left out."""
    return [
        Bar(
            _("risk %(low)s–%(high)s: %(kept)s of %(all)s")
            % {
                "low": percent(band.low),
                "high": percent(band.high),
                "kept": fixed(band.kept),
                "all": fixed(band.kept + band.people),
            },
            band.kept / (band.kept + band.people),
        )
        for band in bands
        if band.kept + band.people
    ]
