"""Pictures that benchmarks leave, as SVG of its own: it stands in documents, where no stylesheet is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from common.charts import nice_ticks

WIDTH, HEIGHT, EDGE, TOP = 420, 330, 46, 64
INKS = ("#b91c1c", "#1d4ed8", "#047857", "#b45309", "#6d28d9", "#111111")
GRID = "#e5e5e5"


@dataclass(frozen=True)
class Curve:
    name: str
    values: Sequence[float]
    bands: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Panel:
    title: str
    curves: Sequence[Curve]


@dataclass(frozen=True)
class Axis:
    """Where every curve has a value, ascending; `logarithmic`: from 1, in even steps of a factor."""

    name: str
    at: Sequence[int]
    ticks: Sequence[int]
    logarithmic: bool = False

    def share(self, value: int) -> float:
        """How far along it a value lies, from 0 to 1."""
        first, place, last = (math.log(one) if self.logarithmic else one for one in (self.at[0], value, self.at[-1]))
        return (place - first) / (last - first)


def svg(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="24" y="22" font-size="15">{escape(title)}</text>{"".join(parts)}</svg>\n'
    )


def text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def line(x: float, y: float, to_x: float, to_y: float, ink: str = GRID, thick: float = 1) -> str:
    ends = f'x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"'
    return f'<line {ends} stroke="{ink}" stroke-width="{thick}"/>'


def picture(title: str, axis: Axis, panels: Sequence[Panel]) -> str:
    """Panels of curves side by side, with one legend."""
    width = WIDTH * len(panels)
    parts = [part for place, panel in enumerate(panels) for part in _panel(panel, axis, place * WIDTH)]
    x, y = EDGE, HEIGHT + 18
    for ink, curve in zip(INKS, panels[0].curves, strict=False):
        long = 48 + 7 * len(curve.name)
        if x + long > width:
            x, y = EDGE, y + 18
        parts += [line(x, y, x + 22, y, ink, 3), text(x + 28, y + 4, curve.name)]
        x += long
    return svg(title, width, y + 18, parts)


def _panel(panel: Panel, axis: Axis, left: int) -> Iterable[str]:
    every = [v for curve in panel.curves for pair in (curve.bands or [(v, v) for v in curve.values]) for v in pair]
    low, high = min(every), max(every)
    high = high if high > low else low + 1
    start, end = left + EDGE, left + WIDTH - EDGE + 20

    def across(value: int) -> float:
        return start + axis.share(value) * (end - start)

    def up(value: float) -> float:
        return HEIGHT - EDGE - (value - low) / (high - low) * (HEIGHT - EDGE - TOP)

    def path(values: Iterable[float]) -> list[str]:
        return [f"{across(at):.1f},{up(value):.1f}" for at, value in zip(axis.at, values, strict=True)]

    yield text(start, TOP - 14, panel.title)
    for value in nice_ticks(low, high):
        yield line(start, up(value), end, up(value))
        yield text(start - 8, up(value) + 4, f"{value:g}", "end")
    for value in axis.ticks:
        yield text(across(value), HEIGHT - EDGE + 20, str(value), "middle")
    yield text(end, HEIGHT - EDGE + 36, axis.name, "end")
    for ink, curve in zip(INKS, panel.curves, strict=False):
        if curve.bands:
            lows, highs = zip(*curve.bands, strict=True)
            yield f'<polygon points="{" ".join(path(highs) + path(lows)[::-1])}" fill="{ink}" opacity="0.12"/>'
        points = " ".join(path(curve.values))
        yield f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="2.2"/>'
