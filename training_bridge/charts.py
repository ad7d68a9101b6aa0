"""What the training pages draw: a run's curves, a snapshot's counts, the measures of an evaluation."""

from dataclasses import dataclass
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from annotation.consensus import RULES, rule
from common.charts import Bar, Series, fixed, number
from common.configs import described, in_words
from common.said import said
from common.words import gettext_noop
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.pairs import REASONS
from training_bridge.derivations.settings import PINNED, SINCE_SOFT_LABELS, Derivation, plug_of
from training_bridge.models import Snapshot

MOST_BARS = 12
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
    made = [Curves(_("Loss"), [Series(_title(name), found[name]) for name in losses])] if losses else []
    rest = [name for name in found if name not in losses]
    return made + [Curves(capfirst(_title(name)), [Series(_title(name), found[name])]) for name in rest]


def columns(metrics: list[dict[str, Any]]) -> list[str]:
    """Every measured name, in the order in which it first came up."""
    return list(dict.fromkeys(name for row in metrics for name in row["values"]))


def rows(metrics: list[dict[str, Any]], most: int) -> list[tuple[int, list[float | None]]]:
    """The last `most` steps as table rows, newest first, by `columns`."""
    names = columns(metrics)
    return [(row["step"], [row["values"].get(name) for name in names]) for row in reversed(metrics[-most:])]


# What methods measure, in words.
NAMES = {
    "accuracy": gettext_noop("accuracy"),
    "all_fine": gettext_noop("tokens that are fine"),
    "all_fine_accuracy": gettext_noop("token accuracy of finding no fault"),
    "aspect_error": gettext_noop("squared error of the aspects"),
    "characters": gettext_noop("characters"),
    "constant_error": gettext_noop("squared error of a constant"),
    "cut": gettext_noop("cut"),
    "faults": gettext_noop("tokens at fault"),
    "faults_found": gettext_noop("tokens at fault found"),
    "grad_norm": gettext_noop("norm of the gradient"),
    "kl": gettext_noop("distance to the reference (KL)"),
    "learning_rate": gettext_noop("learning rate"),
    "longer_wins": gettext_noop("longer wins"),
    "loss": gettext_noop("loss"),
    "margin": gettext_noop("margin"),
    "mean_tokens": gettext_noop("mean tokens"),
    "pairs": gettext_noop("pairs"),
    "parameters": gettext_noop("parameters"),
    "prompts": gettext_noop("prompts"),
    "prompts_with_equal_responses": gettext_noop("prompts with equal responses"),
    "reference_characters": gettext_noop("reference characters"),
    "responses": gettext_noop("responses"),
    "reward_accuracy": gettext_noop("reward accuracy"),
    "reward_chosen": gettext_noop("reward chosen"),
    "reward_gain": gettext_noop("reward gain"),
    "reward_rejected": gettext_noop("reward rejected"),
    "round": gettext_noop("round"),
    "samples": gettext_noop("samples"),
    "text": gettext_noop("text"),
    "tie_extent": gettext_noop("readiness to tie"),
    "ties": gettext_noop("ties"),
    "token_accuracy": gettext_noop("token accuracy"),
    "tokens_per_second": gettext_noop("tokens per second"),
    "train_accuracy": gettext_noop("train accuracy"),
    "train_groups": gettext_noop("train groups"),
    "train_loss": gettext_noop("train loss"),
    "vocabulary": gettext_noop("vocabulary"),
    "win_rate": gettext_noop("win rate"),
    "win_rate_by": gettext_noop("win rate by"),
}


def _title(name: str) -> str:
    """What people call a figure; one that a newer method brings is shown by its own name."""
    return _(NAMES[name]) if name in NAMES else name.replace("_", " ")


def snapshot_bars(snapshot: Snapshot) -> list[Bar]:
    """What became of the labels: shares of all of them."""
    counts = snapshot.counts
    labels = counts.get("labels", 0)
    if not labels:
        return []
    bars = [
        Bar(
            _("Training pairs: %(train)s") % {"train": fixed(counts["train"])},
            counts["train"] / labels,
            kind="bar-good",
        ),
        Bar(_("Held-out pairs: %(test)s") % {"test": fixed(counts["test"])}, counts["test"] / labels, kind="bar-judge"),
    ]
    dropped = sorted(counts["dropped"].items(), key=lambda pair: -pair[1])
    return bars + [Bar(f"{_(REASONS.get(key, key))}: {fixed(n)}", n / labels, kind="bar-rest") for key, n in dropped]


def measures(result: dict[str, Any]) -> list[Measure]:
    """The shares of a result that people look at: reward accuracy and win rate, each beside its baselines."""
    made = []
    if "reward_accuracy" in result:
        bars = [_bar(result, "reward_accuracy", _("This reward model"), "bar-judge")]
        if "longer_wins" in result:
            bars.append(_bar(result, "longer_wins", _("Baseline: the longer response wins"), "bar-rest"))
        bars.append(Bar(_("Baseline: a coin"), 0.5, kind="bar-rest"))
        note = _("On %(pairs)s held-out pairs. How often the response people preferred scores higher.") % {
            "pairs": fixed(result.get("pairs", 0))
        }
        made.append(Measure(_("Reward accuracy"), bars, note))
    if "win_rate" in result:
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
        made.append(Measure(_("Win rate"), bars, note))
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
            name = _("%(name)s, interval") % {"name": _title(key.removesuffix("_ci"))}
            made.append((name, _("%(low)s to %(high)s") % {"low": number(low), "high": number(high)}))
        elif not isinstance(value, dict | list):
            made.append((_title(key), said(value) if isinstance(value, str) else value))
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
    return [
        (_title(name), words.get(value, in_words(value)) if isinstance(value, str) else in_words(value))
        for name, value in values.items()
    ]
