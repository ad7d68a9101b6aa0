"""The pictures of runs side by side. A run keeps its colour and its dash from picture to picture, by its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import urlencode

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.charts import Dot, Series
from training_bridge.charts import RATES, counted_by, drawn
from training_bridge.figures import title_of
from training_bridge.models import Run
from training_bridge.selectors.comparisons import Comparison, Figure, cell, seconds_of
from training_bridge.selectors.curves import Points

FIRST = ("loss", "accuracy", "margin", "kl", "log_ratio", "learning_rate")
"""What people look at first; other measures follow by name."""
SHARES = (
    "reward_accuracy", "longer_wins", "human_agreement", "implicit_accuracy", "win_rate", "length_controlled_win_rate"
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One run's line in numbers, as the table beside the picture has it."""

    name: str
    steps: int
    first: float
    lowest: float
    highest: float
    last: float


@dataclass(frozen=True)
class Overlay:
    """One measure of all runs that have it. `counted_by`: what it runs over, in words."""

    title: str
    counted_by: str
    series: list[Series]
    lines: list[Line]


@dataclass(frozen=True)
class Outcome:
    """One final figure: a cell for each run and, where it has an interval, what is drawn of it."""

    name: str
    cells: list[str | None]
    dots: list[Dot]
    is_share: bool


@dataclass(frozen=True)
class Head:
    """One run at the top of its column. `query`: the address's query without it."""

    run: Run
    place: int
    name: str
    seconds: float | None
    tokens_per_second: float | None
    query: str


def heads(comparison: Comparison) -> list[Head]:
    speeds = comparison.curves.get("tokens_per_second", [[]] * len(comparison.runs))
    found = []
    for place, (run, name, speed) in enumerate(zip(comparison.runs, names_of(comparison.runs), speeds, strict=True), 1):
        rest = urlencode([("run", other.pk) for other in comparison.runs if other.pk != run.pk])
        found.append(Head(run, place, name, seconds_of(run), speed[-1][1] if speed else None, rest))
    return found


def names_of(runs: Sequence[Run]) -> list[str]:
    """What each run is called in pictures: short, and told apart."""
    return [_("Run %(number)s") % {"number": run.pk} for run in runs]


def overlays(comparison: Comparison, *, smooth: bool) -> list[Overlay]:
    """One small chart a measure: their scales differ, so they share none. `smooth`: drawn so; tables never are."""
    measured = drawn(comparison.curves)
    names = [name for name in FIRST if name in measured] + [name for name in measured if name not in FIRST]
    return [_overlay(name, comparison.runs, comparison.curves[name], smooth) for name in names]


def can_be_smoothed(comparison: Comparison) -> bool:
    """Whether any curve is long enough for `smoothed` to change it."""
    return any(_reach(points) for name in drawn(comparison.curves) for points in comparison.curves[name])


def _reach(points: Points) -> int:
    return len(points) // 40


def smoothed(points: Points) -> Points:
    """Each value as the mean of its neighbours, a fortieth of the curve to either side as far as it goes: what several
    noisy lines over each other would hide. A curve of fewer than 40 points stays as it is."""
    reach = _reach(points)
    sums = [0.0, *accumulate(value for _step, value in points)]
    made = []
    for at, (step, _value) in enumerate(points):
        first, end = max(0, at - reach), min(len(points), at + reach + 1)
        made.append((step, (sums[end] - sums[first]) / (end - first)))
    return made


def _overlay(name: str, runs: Sequence[Run], curves: Sequence[Points], smooth: bool) -> Overlay:
    named = enumerate(zip(names_of(runs), curves, strict=True), 1)
    shown = [(place, run, points) for place, (run, points) in named if points]
    units = dict.fromkeys(counted_by(run.method) for run, points in zip(runs, curves, strict=True) if points)
    return Overlay(
        capfirst(title_of(name)),
        " / ".join(units),
        [Series(run, smoothed(points) if smooth else points, number=place) for place, run, points in shown],
        [_line(run, points) for _place, run, points in shown],
    )


def _line(name: str, points: Points) -> Line:
    values = [value for _step, value in points]
    return Line(name, int(points[-1][0]), values[0], min(values), max(values), values[-1])


def outcomes(comparison: Comparison) -> list[Outcome]:
    runs = names_of(comparison.runs)
    return [
        Outcome(
            capfirst(figure.name), [cell(value) for value in figure.values], _dots(figure, runs), figure.key in SHARES
        )
        for figure in comparison.figures
        if figure.key not in RATES
    ]


def _dots(figure: Figure, runs: Sequence[str]) -> list[Dot]:
    """None where no run has an interval."""
    values = enumerate(zip(runs, figure.values, strict=True), 1)
    known = [Dot(run, *value, kind=f"bar-{place}") for place, (run, value) in values if value]
    return known if any(dot.low is not None for dot in known) else []
