"""Runs side by side: what they were made from, what they were told, what they measured; where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from common.charts import with_interval
from common.errors import Invalid, NotFound
from common.text import natural
from projects.models import Project
from training_bridge import charts, selectors
from training_bridge.figures import title_of
from training_bridge.methods import METHODS
from training_bridge.models import ACTIVE, Run
from training_bridge.selectors.curves import Points, curves_of
from training_bridge.services.runs import load_method

MOST_RUNS = 6
"""As many lines as can be told apart in one picture."""
OFFERED = 50


@dataclass(frozen=True)
class Row:
    """One line of a table with a cell for each run; None where a run has no such thing."""

    name: str
    cells: list[str | None]

    @property
    def differs(self) -> bool:
        return len(set(self.cells)) > 1


@dataclass(frozen=True)
class Figure:
    """One final figure of several runs: (value, low, high) each, None for a run that lacks it."""

    key: str
    name: str
    values: list[tuple[float, float | None, float | None] | None]


@dataclass(frozen=True)
class Comparison:
    """`curves`: by measure, each run's points (none where it did not measure it); lists are by run, as in `runs`."""

    runs: list[Run]
    made_from: list[Row]
    settings: list[Row]
    figures: list[Figure]
    curves: dict[str, list[Points]]

    @property
    def active(self) -> bool:
        return any(run.state in ACTIVE for run in self.runs)


def named(project: Project, ids: Sequence[str]) -> list[Run]:
    """The runs of a project that were asked for, each once, in that order.

    Raises NotFound where one of them is not a run of this project, Invalid for more than can be told apart.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST_RUNS:
        raise Invalid(
            _("At most %(most)s runs can be compared at once.") % {"most": MOST_RUNS},
            fields={"run": [_("Name at most %(most)s.") % {"most": MOST_RUNS}]},
        )
    keys = [key for key in dict.fromkeys(map(natural, wanted)) if key is not None]
    found = selectors.runs_of(project).in_bulk(keys)
    if None in map(natural, wanted) or len(found) < len(keys):
        raise NotFound
    return [found[key] for key in keys]


def others(project: Project, runs: Sequence[Run]) -> "QuerySet[Run]":
    """The newest runs that could be compared as well."""
    return project.runs.exclude(pk__in=[run.pk for run in runs]).order_by("-pk")[:OFFERED]


def compared(runs: Sequence[Run]) -> Comparison:
    """`runs` as `named` gives them, side by side."""
    curves = [curves_of(run) for run in runs]
    names = charts.in_order({name for one in curves for name in one})
    return Comparison(
        runs=list(runs),
        made_from=_rows([_made_from(run) for run in runs]),
        settings=_rows([dict(selectors.settings_of(run)) for run in runs]),
        figures=_figures(runs),
        curves={name: [one.get(name, []) for one in curves] for name in names},
    )


def seconds_of(run: Run) -> float | None:
    """How long a run has worked, by its last start; None before it has started."""
    if run.started_at is None:
        return None
    spent: timedelta = (run.finished_at or timezone.now()) - run.started_at
    return max(0.0, spent.total_seconds())


def _rows(of_runs: Sequence[dict[str, str]]) -> list[Row]:
    names = dict.fromkeys(name for one in of_runs for name in one)
    return [Row(name, [one.get(name) for one in of_runs]) for name in names]


def _made_from(run: Run) -> dict[str, str]:
    models = {_("Base"): run.base, _("Reference"): run.reference, _("Reward model"): run.reward}
    said = dict(charts.labels(selectors.labels_of(run)) + charts.inputs(run.inputs))
    return (
        {_("Method"): _(load_method(run.method).title) if run.method in METHODS else run.method}
        | ({_("Snapshot"): f"{run.snapshot.number} · {run.snapshot}"} if run.snapshot else {})
        | {role: version.name for role, version in models.items() if version}
        | said
        | {_("Seed"): str(run.seed)}
    )


def _figures(runs: Sequence[Run]) -> list[Figure]:
    """Numbers of the runs' results; an interval is beside its figure under the same name with "_ci"."""
    keys = charts.in_order({key for run in runs for key, value in run.result.items() if _is_number(value)})
    return [Figure(key, title_of(key), [_value(run.result, key) for run in runs]) for key in keys]


def _value(result: dict[str, Any], key: str) -> tuple[float, float | None, float | None] | None:
    if not _is_number(result.get(key)):
        return None
    low, high = result.get(f"{key}_ci") or (None, None)
    return float(result[key]), low, high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell(value: tuple[float, float | None, float | None] | None) -> str | None:
    """A final figure as a table shows it: 0.712 (0.65 to 0.77)."""
    return None if value is None else with_interval(*value)
