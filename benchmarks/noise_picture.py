"""Gains over majority labels with their intervals, as an SVG: a row for each kind of label, a panel for each set."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.pictures import GRID, INKS, line, svg, text
from common.charts import nice_ticks

WIDTH, ROW, LEFT, TOP, MARGIN = 460, 46, 120, 78, 24
SHOWN = (
    ("gain", INKS[1], "the votes as they are"),
    ("gain_flipped", INKS[0], "a quarter of the votes turned round"),
)
TITLE = "Held-out accuracy less that of majority labels, with 95 % intervals"


def picture(found: Mapping[str, Mapping[str, Any]]) -> str:
    """`found`: by set, what `noise_figures.figures` gives; sets without several raters a pair are left out."""
    panels = {name: rows for name, one in found.items() if (rows := _rows(one))}
    tall = TOP + ROW * max((len(rows) for rows in panels.values()), default=0) + 44
    every = [edge for rows in panels.values() for _name, values in rows for one in values for edge in one[1:]]
    ends = min([0.0, *every]), max([0.01, *every])
    parts = []
    for place, (_key, ink, said) in enumerate(SHOWN):
        at = MARGIN + 8 + place * 200
        parts += [_dot(at, 40, ink), text(at + 12, 44, said)]
    for place, (name, rows) in enumerate(panels.items()):
        parts += _panel(name, rows, place * WIDTH, ends, tall)
    return svg(TITLE, max(WIDTH * len(panels), WIDTH), tall, parts)


def _rows(found: Mapping[str, Any]) -> list[tuple[str, list[Sequence[float]]]]:
    kinds = [(name, one) for name, one in found.items() if isinstance(one, Mapping) and "gain_flipped" in one]
    return [(name, [one[key] for key, _ink, _said in SHOWN]) for name, one in kinds]


def _panel(
    name: str, rows: Sequence[tuple[str, Sequence[Sequence[float]]]], left: int, ends: tuple[float, float], tall: int
) -> Iterable[str]:
    low, high = ends

    def across(value: float) -> float:
        return left + LEFT + (value - low) / (high - low) * (WIDTH - LEFT - MARGIN)

    yield text(left + LEFT, TOP - 10, name)
    for tick in nice_ticks(low, high):
        yield line(across(tick), TOP, across(tick), tall - 34, GRID if tick else "#888")
        yield text(across(tick), tall - 16, f"{tick:+.3g}" if tick else "0", "middle")
    for place, (kind, values) in enumerate(rows):
        middle = TOP + ROW * place + ROW / 2
        yield text(left + LEFT - 10, middle + 4, kind, "end")
        for (mean, least, most), (_key, ink, _said), lift in zip(values, SHOWN, (-8, 8), strict=True):
            yield line(across(least), middle + lift, across(most), middle + lift, ink, 2)
            yield _dot(across(mean), middle + lift, ink)


def _dot(x: float, y: float, ink: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{ink}"/>'
