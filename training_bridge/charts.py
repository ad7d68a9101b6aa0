"""What the training pages draw: a run's curves, a snapshot's counts, the measures of an evaluation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from annotation.consensus import RULES, rule
from common.charts import Bar, Series, fixed, number
from common.configs import described, in_words
from common.said import said
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.pairs import REASONS
from training_bridge.derivations.settings import PINNED, SINCE_SOFT_LABELS, Derivation, plug_of
from training_bridge.figures import title_of
from training_bridge.methods import METHODS
from training_bridge.methods.interface import CountsBy
from training_bridge.models import Snapshot
from training_bridge.selectors.curves import Points
from training_bridge.selectors.models import Subject
from training_bridge.services.runs import load_method

MOST_BARS = 12
# Shown as figures, not as curves.
RATES = {"tokens_per_second", "eta_seconds", "memory"}
# What a run counts by itself: its progress, and a straight line.
PROGRESS = {"responses"}
LOW, HIGH = "_low", "_high"
"""Where a measure ends in one of these, it is an end of the interval of the measure before it."""


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


def curves(found: dict[str, Points]) -> list[Curves]:
    """The loss first, then each other measured name in a chart of its own; scales differ, so they share none."""
    names = drawn(found)
    losses = [name for name in names if name.endswith("loss")]
    made = [Curves(_("Loss"), [_series(found, name) for name in losses])] if losses else []
    return made + [Curves(capfirst(title_of(name)), [_series(found, name)]) for name in names if name not in losses]


def drawn(found: Mapping[str, Any]) -> list[str]:
    """The measures that have a line of their own, in order: rates are figures, the ends of an interval its band."""
    ends = {f"{name}{end}" for name in found for end in (LOW, HIGH)}
    return in_order(name for name in found if name not in RATES | PROGRESS | ends)


def in_order(names: Iterable[str]) -> list[str]:
    """Names of measures, losses first, intervals ("_ci") after what they are of; no database keeps the order in which a
    run told them."""

    def place(name: str) -> tuple[bool, str, str]:
        measure = name.removesuffix("_ci")
        return not measure.endswith("loss"), measure, name

    return sorted(names, key=place)


def _series(found: Mapping[str, Points], name: str) -> Series:
    lows, highs = found.get(f"{name}{LOW}", []), found.get(f"{name}{HIGH}", [])
    return Series(
        title_of(name), found[name], [(at, low, high) for (at, low), (_at, high) in zip(lows, highs, strict=True)]
    )


def counted_by(method: str) -> str:
    """What the curves of a method run over."""
    plug = load_method(method) if method in METHODS else None
    return _(plug.counted_by) if isinstance(plug, CountsBy) else _("step")


def columns(metrics: list[dict[str, Any]]) -> list[str]:
    """Every measured name."""
    return in_order({name for row in metrics for name in row["values"]})


def rows(metrics: list[dict[str, Any]]) -> list[tuple[int, list[float | None]]]:
    """Steps as table rows, newest first, by `columns`."""
    names = columns(metrics)
    return [(row["step"], [row["values"].get(name) for name in names]) for row in reversed(metrics)]


def snapshot_bars(snapshot: Snapshot) -> list[Bar]:
    """What became of the labels: shares of all of them. None where that was not counted."""
    used, labels = labels_used(snapshot), snapshot.counts.get("labels", 0)
    if not used or not labels:
        return []
    train, test = used["train"], used["test"]
    bars = [
        Bar(_("Trained on: %(labels)s") % {"labels": fixed(train)}, train / labels, kind="bar-good"),
        Bar(_("Held out: %(labels)s") % {"labels": fixed(test)}, test / labels, kind="bar-judge"),
    ]
    dropped = left_out(snapshot, "dropped")
    return bars + [Bar(f"{reason}: {fixed(n)}", n / labels, kind="bar-rest") for reason, n in dropped]


def labels_used(snapshot: Snapshot) -> dict[str, int]:
    """By split, the labels that made pairs. Empty where nobody counted them: in a snapshot of an earlier version where
    labels made several."""
    counts = snapshot.counts
    if "labels_used" in counts:
        return dict(counts["labels_used"])
    one_each = counts.get("pairs", 0) + sum(counts.get("dropped", {}).values()) == counts.get("labels", 0)
    return {split: counts.get(split, 0) for split in ("train", "test")} if one_each else {}


def left_out(snapshot: Snapshot, what: Literal["dropped", "dropped_pairs"]) -> list[tuple[str, int]]:
    """Why, and how many, most first: labels, or pairs of labels that made others."""
    counts = sorted(snapshot.counts.get(what, {}).items(), key=lambda one: (-one[1], one[0]))
    return [(_(REASONS.get(key, key)), n) for key, n in counts]


def measures(result: dict[str, Any], subject: Subject | None = None) -> list[Measure]:
    """The shares of a result that people look at, each beside its baselines: those of its reward model or of its
    policy, or of both."""
    found = [_reward_accuracy(result)] if "reward_accuracy" in result and subject != "policy" else []
    if subject == "reward":
        return found
    found += [_win_rate(result)] if "win_rate" in result else []
    return found + ([_implicit_accuracy(result)] if "implicit_accuracy" in result else [])


def _reward_accuracy(result: dict[str, Any]) -> Measure:
    bars = [_bar(result, "reward_accuracy", _("This reward model"), "bar-judge")]
    if "human_agreement" in result:
        bars.append(_bar(result, "human_agreement", _("One person against the other people"), "bar-human"))
    if "longer_wins" in result:
        bars.append(_bar(result, "longer_wins", _("Baseline: the longer response wins"), "bar-rest"))
    bars.append(Bar(_("Baseline: a coin"), 0.5, kind="bar-rest"))
    note = _("On %(pairs)s held-out pairs. How often the response people preferred scores higher.") % {
        "pairs": fixed(result.get("pairs", 0))
    }
    return Measure(_("Reward accuracy"), bars, note)


def _win_rate(result: dict[str, Any]) -> Measure:
    bars = [
        _bar(result, "win_rate", _("Wins over its reference"), "bar-judge"),
        Bar(_("No better"), 0.5, kind="bar-rest"),
    ]
    by = said(result.get("win_rate_by", "the reward model"))
    note = _("On %(prompts)s prompts, compared by %(by)s; %(ties)s ties count half.") % {
        "prompts": fixed(result.get("prompts", 0)),
        "by": by,
        "ties": fixed(result.get("ties", 0)),
    }
    return Measure(_("Win rate"), bars, note)


def _implicit_accuracy(result: dict[str, Any]) -> Measure:
    bars = [
        _bar(result, "implicit_accuracy", _("Implicit reward, against the reference"), "bar-judge"),
        Bar(_("Baseline: a coin"), 0.5, kind="bar-rest"),
    ]
    note = _("How often the preferred response of a held-out pair became likelier than the other")
    return Measure(capfirst(title_of("implicit_accuracy")), bars, f"{note}.")


def _bar(result: dict[str, Any], key: str, name: str, kind: str) -> Bar:
    low, high = result.get(f"{key}_ci") or (None, None)
    return Bar(name, float(result[key]), low, high, kind)


def facts(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """Every figure of a result in words, intervals as "low to high"."""
    made: list[tuple[str, Any]] = []
    for key in in_order(result):
        value = result[key]
        if isinstance(value, list) and len(value) == 2:
            low, high = value
            name = _("%(name)s, interval") % {"name": title_of(key.removesuffix("_ci"))}
            made.append((capfirst(name), _("%(low)s to %(high)s") % {"low": number(low), "high": number(high)}))
        elif not isinstance(value, dict | list):
            made.append((capfirst(title_of(key)), said(value) if isinstance(value, str) else value))
    return made


def derivation(values: dict[str, Any]) -> list[tuple[str, str]]:
    """How a snapshot's labels were chosen, in words."""
    values = SINCE_SOFT_LABELS | values
    key = values.get("rule", "majority")
    named = {"rule": str(rule(key).title)} if key in RULES else {}
    settings = values.get("settings") or {}
    named |= {"soft_labels": soft_labels(values["soft_labels"], values["version"])}
    pinned = {_(str(Derivation.model_fields[name].title)) for name in PINNED}
    rows = [row for row in described(Derivation, values | named) if row[0] not in pinned]
    if not values.get("rounds"):
        rounds = _(str(Derivation.model_fields["rounds"].title))
        rows = [(name, pgettext("rounds of the loop", "all") if name == rounds else value) for name, value in rows]
    known = values["soft_labels"] in DERIVATIONS
    return rows + (described(plug_of(values["soft_labels"]).Config, settings) if known else [])


def soft_labels(key: str, version: int) -> str:
    """A derivation in words; one that is no longer there by its key."""
    title = _(plug_of(key).title) if key in DERIVATIONS else key
    return _("%(title)s, version %(version)s") % {"title": title, "version": version}


def labels(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What a run trains on, in words; `found`: as `selectors.labels_of` has it."""
    if found is None:
        return []
    softly = found["soft_labels"]
    words = soft_labels(softly, found["version"]) if softly else _("not used: the winner alone")
    weights = {"confidence": _("the label's confidence"), "equal": _("equal"), None: _("not used")}
    return [(_("Soft labels"), words), (_("Weights"), weights[found["weights"]])]


def rater_bars(raters: list[dict[str, Any]]) -> list[Bar]:
    """The reliability of those with most votes, of whom something tells it."""
    told = [row for row in raters if row["reliability"] is not None]
    most = sorted(told, key=lambda row: (-row["votes"], row["rater"]))[:MOST_BARS]
    return [Bar(row["rater"], row["reliability"], row["low"], row["high"], _kind(row["kind"])) for row in most]


def strength_bars(strengths: list[dict[str, Any]]) -> list[Bar]:
    return [Bar(row["name"], row["share"], row["low"], row["high"], "bar-good") for row in strengths[:MOST_BARS]]


def _kind(kind: str) -> str:
    return "bar-human" if kind in ("person", "recorded_person") else "bar-judge"


def inputs(values: dict[str, Any]) -> list[tuple[str, str]]:
    """What a run reads beside snapshot and models, in words."""
    words = {"all": _("every pair"), "adjacent": _("neighbours only")}
    # Reward models that settings name are pinned by number, which tells a person nothing.
    told = {name: sorted(value) if isinstance(value, dict) else value for name, value in sorted(values.items())}
    return [
        (capfirst(title_of(name)), words.get(value, in_words(value)) if isinstance(value, str) else in_words(value))
        for name, value in told.items()
    ]
