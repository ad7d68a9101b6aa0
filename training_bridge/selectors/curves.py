"""A run's curves: what was measured by step, thinned by the database before a picture or an answer holds it."""

import math
from collections.abc import Iterable
from typing import Any

from django.db.models import F, FloatField, Max, Min
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Mod

from training_bridge.models import Run

Points = list[tuple[float, float]]
WHOLE = 1_000
"""Measured steps up to which a curve is read step by step."""
STRETCHES = 199
"""A longer one is cut into so many stretches, of which it keeps the lowest and the highest value."""
NAMED = 50
"""Steps at a long curve's beginning and end in which the names of its measures are looked for, beside one a stretch."""


def curves_of(run: Run) -> dict[str, Points]:
    """By name of a measure, its (step, value) points, steps ascending, in the order in which names first came up.

    Up to 1,000 measured steps all of them. Of more, 199 stretches of equal length, each as its lowest and its highest
    value (at its first and its last step), then the last value: no spike is lost, and at most 399 points are held.
    """
    rows = list(run.metrics.order_by("step").values_list("step", "values")[: WHOLE + 1])
    if len(rows) <= WHOLE:
        return _gathered(rows)
    return _thinned(run)


def _thinned(run: Run) -> dict[str, Points]:
    ends = run.metrics.aggregate(first=Min("step"), last=Max("step"))
    first = ends["first"]
    size = math.ceil((ends["last"] - first + 1) / STRETCHES)
    names = _names(run, size)
    lowest = {f"low_{at}": Min(_number(name)) for at, name in enumerate(names)}
    highest = {f"high_{at}": Max(_number(name)) for at, name in enumerate(names)}
    stretches: Iterable[Any] = (
        run.metrics.order_by()
        .annotate(stretch=(F("step") - first) / size)
        .values("stretch")
        .annotate(from_step=Min("step"), to_step=Max("step"), **lowest, **highest)
        .order_by("stretch")
    )
    found: dict[str, Points] = {name: [] for name in names}
    latest: dict[str, tuple[float, float]] = {}
    for stretch in stretches:
        for at, name in enumerate(names):
            low, high = stretch[f"low_{at}"], stretch[f"high_{at}"]
            if low is not None:
                found[name] += [(stretch["from_step"], low), (stretch["to_step"], high)]
    for row in last_metrics(run, NAMED):
        latest |= {name: (max(row["step"], found[name][-1][0]), value) for name, value in row["values"].items()}
    return {name: [*points, *([latest[name]] if name in latest else [])] for name, points in found.items()}


def last_metrics(run: Run, most: int) -> list[dict[str, Any]]:
    """The last measured steps: [{"step", "values": {name: number}}], ascending."""
    newest = run.metrics.order_by("-step").values_list("step", "values")[:most]
    return [{"step": step, "values": values} for step, values in reversed(newest)]


def _gathered(rows: Iterable[tuple[int, dict[str, float]]]) -> dict[str, Points]:
    found: dict[str, Points] = {}
    for step, values in rows:
        for name, value in values.items():
            found.setdefault(name, []).append((step, value))
    return found


def _number(name: str) -> Cast:
    return Cast(KeyTextTransform(name, "values"), FloatField())


def _names(run: Run, size: int) -> list[str]:
    ends = [*run.metrics.order_by("step")[:NAMED], *run.metrics.order_by("-step")[:NAMED]]
    between = run.metrics.annotate(rest=Mod("step", size)).filter(rest=0).order_by("step")
    return list(dict.fromkeys(name for metric in [*ends, *between] for name in metric.values))
