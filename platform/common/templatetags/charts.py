"""`{% line_chart series "title" %}`, `{% bar_chart bars "title" %}`, `{% dot_chart dots "title" %}`: SVG pictures."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext as _

from common import charts
from common.charts import Bar, Dot, Series

register = template.Library()


@register.inclusion_tag("common/line_chart.html")
def line_chart(series: Sequence[Series], title: str, x_label: str = "", last: bool = True) -> dict[str, Any]:
    """`last`: whether the last number of each line is said, as of what is still being measured."""
    return {"chart": charts.line_chart(series), "title": title, "x_label": x_label or _("step"), "last": last}


@register.inclusion_tag("common/bar_chart.html")
def bar_chart(bars: Sequence[Bar], title: str) -> dict[str, Any]:
    return {"chart": charts.bar_chart(bars), "title": title}


@register.inclusion_tag("common/dot_chart.html")
def dot_chart(dots: Sequence[Dot], title: str, beside: str = "", shares: bool = True) -> dict[str, Any]:
    """`beside`: what the hollow mark in each row stands for."""
    return {"chart": charts.dot_chart(dots, shares=shares), "title": title, "beside": beside}


@register.filter
def per_cent(share: float) -> str:
    """A share as a percentage: 5%, 12.5%."""
    return charts.short_percent(share)


@register.filter
def percent(share: float) -> str:
    """A share as a percentage with one place: 71.2%."""
    return charts.percent(share, 1)


@register.filter
def short_number(value: Any) -> str:
    """A number as `common.charts.number` writes it; anything else as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return charts.number(float(value)) if is_number else str(value)


@register.filter
def money(amount: Decimal) -> str:
    """An amount with as many places as it has, but two at least: 12.00, 0.0004."""
    exponent = amount.normalize().as_tuple().exponent
    return charts.fixed(amount, max(2, -exponent) if isinstance(exponent, int) else 2)


@register.filter
def duration(seconds: float) -> str:
    """A time span in the two largest units that matter: 45 s, 12 min, 3 h 20 min."""
    whole = round(seconds)
    if whole < 90:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes = round(whole / 60)
    if minutes < 90:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}
