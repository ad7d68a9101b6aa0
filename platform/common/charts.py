"""Small charts drawn by the server: geometry only, in SVG user units. Colours and fonts are the stylesheet's."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 48
MOST_POINTS = 400
TICKS = 6


@dataclass(frozen=True)
class Series:
    """A named line through (x, y) points, x ascending; all numbers finite. `band`: (x, low, high) of its interval."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()


@dataclass(frozen=True)
class Bar:
    """One bar of a share in [0, 1]. `low`, `high`: its interval, if there is one; `kind`: a class of the stylesheet."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "bar-judge"


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Line:
    name: str
    number: int
    path: str
    last: Tick
    band: str = ""


def fixed(value: float | Decimal, places: int = 0) -> str:
    """A number with so many places, as the reader's language writes it: 1,250.0. Rounded; Django itself would cut."""
    return str(number_format(f"{value:.{places}f}", decimal_pos=places, force_grouping=True))


def number(value: float, digits: int = 3) -> str:
    """A number as short as it can be read, as the reader's language writes it: 0.693, 1,250, 1e-05."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return fixed(value)
    return f"{value:.{digits}g}".replace(".", str(get_format("DECIMAL_SEPARATOR")))


def percent(share: float, places: int = 0) -> str:
    """A share as a percentage, as the reader's language writes it: 62.5%."""
    return _("%(number)s%%") % {"number": fixed(100 * share, places)}


def short_percent(share: float) -> str:
    """A share as a percentage as short as it can be read: 5%, 12.5%."""
    return _("%(number)s%%") % {"number": number(100 * share)}


def nice_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """About `count` round numbers from `low` to `high` (steps of 1, 2 or 5 times a power of ten)."""
    if not high > low:
        return [low]
    rough = (high - low) / max(count - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def thinned(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most about `most` points: of each stretch its lowest and highest, so that no spike is lost, and the last."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) / (most // 2))
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        extremes = {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
        kept.extend(sorted(extremes))
    return kept if kept[-1] == points[-1] else [*kept, points[-1]]


def _span(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return low - room, high + room
    room = (high - low) * 0.05
    # A loss or a share is read against zero where zero is near; never below it where no value is.
    return (0.0 if 0 <= low < high * 0.5 else low - room), high + room


@dataclass(frozen=True)
class LineChart:
    """A line chart's geometry, ready for the template `common/line_chart.html`."""

    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def line_chart(series: Sequence[Series]) -> LineChart | None:
    """The geometry of `series` over one pair of axes. None where no series has a point."""
    series = [one for one in series if one.points]
    if not series:
        return None
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    ys += [y for one in series for _, *ends in one.band for y in ends]
    x_low, x_high = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    y_low, y_high = _span(ys)

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(across, 1), round(down, 1)

    lines = []
    for index, one in enumerate(series):
        path = " ".join("{},{}".format(*place(x, y)) for x, y in thinned(one.points))
        x, y = one.points[-1]
        edge = [(at, high) for at, _, high in one.band] + [(at, low) for at, low, _ in reversed(one.band)]
        band = " ".join("{},{}".format(*place(*point)) for point in edge)
        lines.append(Line(one.name, index % 4 + 1, path, Tick(place(x, y)[1], number(y)), band))
    return LineChart(
        lines=lines,
        x_ticks=[Tick(place(x, y_low)[0], number(x)) for x in nice_ticks(x_low, x_high, 5)],
        y_ticks=[Tick(place(x_low, y)[1], number(y)) for y in nice_ticks(y_low, y_high)],
    )


@dataclass(frozen=True)
class DrawnBar:
    bar: Bar
    y: int
    width: float
    middle: int
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars of shares, from 0 to 1, for the template `common/bar_chart.html`."""

    bars: list[DrawnBar]
    ticks: list[Tick]
    height: int
    width: int = WIDTH
    left: int = 16
    right: int = WIDTH - 64
    half: float = 0.0


ROW, THICK = 48, 16


def bar_chart(bars: Sequence[Bar]) -> BarChart:
    """The geometry of `bars`, each with its name above it, its interval across it and its number beside it."""
    left, right = 16, WIDTH - 64

    def place(share: float) -> float:
        return round(left + min(max(share, 0.0), 1.0) * (right - left), 1)

    drawn = [
        DrawnBar(
            bar=bar,
            y=index * ROW + 28,
            width=round(place(bar.value) - left, 1),
            middle=index * ROW + 28 + THICK // 2,
            low=None if bar.low is None else place(bar.low),
            high=None if bar.high is None else place(bar.high),
            text=percent(bar.value, 1),
        )
        for index, bar in enumerate(bars)
    ]
    return BarChart(
        bars=drawn,
        ticks=[Tick(place(share), percent(share)) for share in (0, 0.5, 1)],
        height=len(drawn) * ROW + 32,
        half=place(0.5),
    )
