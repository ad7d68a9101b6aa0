"""What the training pages draw: a run's curves, a snapshot's counts, the measures of an evaluation."""

from dataclasses import dataclass
from typing import Any

from common.charts import Bar, Series
from common.configs import in_words
from training_bridge.derivation import REASONS
from training_bridge.models import Snapshot

# Shown as figures, not as curves.
RATES = {"tokens_per_second", "eta_seconds"}


@dataclass(frozen=True)
class Curves:
    """One chart: lines that share a scale."""

    title: str
    series: list[Series]


@dataclass(frozen=True)
class Measure:
    """One evaluated share with its interval, beside what it must beat."""

    title: str
    bars: list[Bar]
    note: str


def curves(metrics: list[dict[str, Any]]) -> list[Curves]:
    """The loss first, then each other measured name in a chart of its own; scales differ, so they share none."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in metrics:
        for name, value in row["values"].items():
            if name not in RATES:
                found.setdefault(name, []).append((row["step"], value))
    losses = [name for name in found if name.endswith("loss")]
    made = [Curves("Loss", [Series(_title(name), found[name]) for name in losses])] if losses else []
    rest = [name for name in found if name not in losses]
    return made + [Curves(_title(name).capitalize(), [Series(_title(name), found[name])]) for name in rest]


def columns(metrics: list[dict[str, Any]]) -> list[str]:
    """Every measured name, in the order in which it first came up."""
    return list(dict.fromkeys(name for row in metrics for name in row["values"]))


def rows(metrics: list[dict[str, Any]], most: int) -> list[tuple[int, list[float | None]]]:
    """The last `most` steps as table rows, newest first, by `columns`."""
    names = columns(metrics)
    return [(row["step"], [row["values"].get(name) for name in names]) for row in reversed(metrics[-most:])]


def _title(name: str) -> str:
    return name.replace("_", " ")


def snapshot_bars(snapshot: Snapshot) -> list[Bar]:
    """What became of the labels: shares of all of them."""
    counts = snapshot.counts
    labels = counts.get("labels", 0)
    if not labels:
        return []
    bars = [
        Bar(f"Training pairs: {counts['train']:,}", counts["train"] / labels, kind="bar-good"),
        Bar(f"Held-out pairs: {counts['test']:,}", counts["test"] / labels, kind="bar-judge"),
    ]
    dropped = sorted(counts["dropped"].items(), key=lambda pair: -pair[1])
    return bars + [Bar(f"{REASONS.get(key, key)}: {n:,}", n / labels, kind="bar-rest") for key, n in dropped]


def measures(result: dict[str, Any]) -> list[Measure]:
    """The shares of a result that people look at: reward accuracy and win rate, each beside its baselines."""
    made = []
    if "reward_accuracy" in result:
        bars = [_bar(result, "reward_accuracy", "This reward model", "bar-judge")]
        if "longer_wins" in result:
            bars.append(_bar(result, "longer_wins", "Baseline: the longer response wins", "bar-rest"))
        bars.append(Bar("Baseline: a coin", 0.5, kind="bar-rest"))
        note = f"On {result.get('pairs', 0):,} held-out pairs. How often the response people preferred scores higher."
        made.append(Measure("Reward accuracy", bars, note))
    if "win_rate" in result:
        bars = [
            _bar(result, "win_rate", "Wins over its reference", "bar-judge"),
            Bar("No better", 0.5, kind="bar-rest"),
        ]
        by = result.get("win_rate_by", "the reward model")
        note = f"On {result.get('prompts', 0):,} prompts, compared by {by}; {result.get('ties', 0):,} ties count half."
        made.append(Measure("Win rate", bars, note))
    return made


def _bar(result: dict[str, Any], key: str, name: str, kind: str) -> Bar:
    low, high = result.get(f"{key}_ci") or (None, None)
    return Bar(name, float(result[key]), low, high, kind)


def facts(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """Every figure of a result in words, intervals as "low to high"."""
    made: list[tuple[str, Any]] = []
    for key, value in result.items():
        if isinstance(value, list) and len(value) == 2:
            low, high = value
            made.append((_title(key).replace(" ci", ", interval"), f"{low:.3g} to {high:.3g}"))
        elif not isinstance(value, dict | list):
            made.append((_title(key), value))
    return made


def settings(values: dict[str, Any]) -> list[tuple[str, str]]:
    """A derivation or configuration as words; an empty list stands for all."""
    return [(_title(name), "all" if value == [] else in_words(value)) for name, value in values.items()]
