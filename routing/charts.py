"""The desk's pictures, as bars of shares (`common.charts`)."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from common.charts import Bar, fixed
from routing.selectors import BudgetView


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
