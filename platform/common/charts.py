"""Small charts drawn by the server: geometry only, in SVG user units. Colours and fonts are the stylesheet's."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 48
MOST_POINTS = 400
TICKS = 6
LINES = 6


@dataclass(frozen=True)
class Series:
    """A named line through (x, y) points, x ascending; all numbers finite. `band`: (x, low, high) of its interval.

    `number`: which of the stylesheet's six lines it is, so that one thing looks alike in all pictures; 0: by its place.
    """

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    number: int = 0


@dataclass(frozen=True)
class Bar:
    """One bar of a share in [0, 1]. `low`, `high`: its interval, if there is one; `kind`: a class of the stylesheet."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "bar-judge"


@dataclass(frozen=True)
class Dot(Bar):
    """One value, not of a share alone. `beside`: what it is to be held against."""

    beside: float | None = None


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
    only: tuple[float, float] | None = None
    """Where its one point stands, if it has no more."""


def fixed(value: float | Decimal, places: int = 0) -> str:
    """A number with so many places, as the reader's language writes it: 1,250.0. Rounded; Django itself would cut."""
    return str(number_format(f"{value:.{places}f}", decimal_pos=places, force_grouping=True))


def number(value: float, digits: int = 3) -> str:
    """A number as short as it can be read, as the reader's language writes it: 0.693, 1,250, 1e-05."""
    if value == 0:
        return "0"
    # What is rounded to a thousand is one: 999.6.
    return fixed(value) if abs(float(f"{value:.{digits}g}")) >= 1000 else _significant(value, digits)


def _significant(value: float, digits: int) -> str:
    return f"{value:.{digits}g}".replace(".", str(get_format("DECIMAL_SEPARATOR")))


def percent(share: float, places: int = 0) -> str:
    """A share as a percentage, as the reader's language writes it: 62.5%."""
    return _("%(number)s%%") % {"number": fixed(100 * share, places)}


def short_percent(share: float) -> str:
    """A share as a percentage as short as it can be read: 5%, 12.5%."""
    return _("%(number)s%%") % {"number": number(100 * share)}


def with_interval(value: float, low: float | None, high: float | None, written: Callable[[float], str] = number) -> str:
    """A figure with its interval, where it has one: 0.41 (0.38 to 0.44)."""
    if low is None or high is None:
        return written(value)
    ends = {"figure": written(value), "low": written(low), "high": written(high)}
    return _("%(figure)s (%(low)s to %(high)s)") % ends


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


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """What stands beside the ticks of one axis, ascending and equally far apart: as many places as tell them apart."""
    if len(ticks) < 2:
        return [number(tick) for tick in ticks]
    power = math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9)
    if power >= -5:
        return [fixed(tick, max(0, -power)) if tick else "0" for tick in ticks]
    digits = math.floor(math.log10(max(map(abs, ticks)))) - power + 1
    return [_significant(tick, digits) for tick in ticks]


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
        only = place(*one.points[0]) if len(one.points) == 1 else None
        x, y = one.points[-1]
        edge = [(at, high) for at, _, high in one.band] + [(at, low) for at, low, _ in reversed(one.band)]
        band = " ".join("{},{}".format(*place(*point)) for point in edge)
        lines.append(Line(one.name, one.number or index % LINES + 1, path, Tick(place(x, y)[1], number(y)), band, only))
    return LineChart(
        lines=lines,
        x_ticks=[Tick(place(x, y_low)[0], text) for x, text in _with_texts(nice_ticks(x_low, x_high, 5))],
        y_ticks=[Tick(place(x_low, y)[1], text) for y, text in _with_texts(nice_ticks(y_low, y_high))],
    )


def _with_texts(ticks: Sequence[float]) -> list[tuple[float, str]]:
    return list(zip(ticks, tick_texts(ticks), strict=True))


BAR_ROW, DOT_ROW = 48, 44
ROW_LEFT, ROW_RIGHT = 16, WIDTH - 64


@dataclass(frozen=True)
class DrawnRow:
    """A bar or a dot in its place. `x`: of its value; `y`: its upper edge if it is a bar, its middle if it is a dot."""

    of: Bar
    x: float
    y: int
    low: float | None
    high: float | None
    beside: float | None
    text: str

    @property
    def length(self) -> float:
        """Of a bar."""
        return round(self.x - ROW_LEFT, 1)


@dataclass(frozen=True)
class RowChart:
    """Rows on one axis, for the templates `common/bar_chart.html` and `common/dot_chart.html`."""

    rows: list[DrawnRow]
    ticks: list[Tick]
    height: int
    width: int = WIDTH
    left: int = ROW_LEFT
    right: int = ROW_RIGHT


def bar_chart(bars: Sequence[Bar]) -> RowChart:
    """The geometry of `bars`, each with its name above it, its interval across it and its number beside it."""
    return _row_chart(bars, (0.0, 1.0), _in_percent(0, 0.5, 1), BAR_ROW, _to_a_tenth)


def dot_chart(dots: Sequence[Dot], *, shares: bool = True) -> RowChart:
    """The geometry of `dots`: on an axis from 0 to 1 where they are shares, else over the span of their numbers and
    intervals, zero included."""
    if shares:
        return _row_chart(dots, (0.0, 1.0), _in_percent(0, 0.25, 0.5, 0.75, 1), DOT_ROW, _to_a_tenth)
    ends = [0.0, *(end for dot in dots for end in (dot.value, dot.low, dot.high, dot.beside) if end is not None)]
    low, high = min(ends), max(ends)
    high = high if high > low else low + 1.0
    return _row_chart(dots, (low, high), _with_texts(nice_ticks(low, high, 5)), DOT_ROW, number)


def _in_percent(*ticks: float) -> list[tuple[float, str]]:
    return [(tick, percent(tick)) for tick in ticks]


def _to_a_tenth(share: float) -> str:
    return percent(share, 1)


def _row_chart(
    values: Sequence[Bar],
    axis: tuple[float, float],
    ticks: Sequence[tuple[float, str]],
    row: int,
    written: Callable[[float], str],
) -> RowChart:
    """`ticks`: (where, in words); `row`: the height of one; `written`: a value in words."""
    low, high = axis

    def place(value: float) -> float:
        return round(ROW_LEFT + (min(max(value, low), high) - low) / (high - low) * (ROW_RIGHT - ROW_LEFT), 1)

    def placed(value: float | None) -> float | None:
        return None if value is None else place(value)

    return RowChart(
        rows=[
            DrawnRow(
                of=one,
                x=place(one.value),
                y=index * row + 28,
                low=placed(one.low),
                high=placed(one.high),
                beside=placed(one.beside) if isinstance(one, Dot) else None,
                text=written(one.value),
            )
            for index, one in enumerate(values)
        ],
        ticks=[Tick(place(at), text) for at, text in ticks],
        height=len(values) * row + 32,
    )
