"""What a report card's page is made of, whoever the card is of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from common.charts import Bar, Dot, Series, fixed, number, percent, with_interval
from common.words import gettext_noop
from training_bridge.report_cards.parts import Histogram, Mean, Share

NONE = "–"


@dataclass(frozen=True)
class Table:
    """Cells in words; the first of a row is its name, the others are numbers."""

    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Panel:
    """One part of a card: at most one picture, its table beside it, or why there is nothing to show.

    `bars` are shares; `dots` are shares where `shares`, else numbers of one unit; `lines` share two axes, the x axis
    called `x_label`. `beside`: what the hollow marks among the dots are. `missing`: why this was not measured;
    `again`: whether another evaluation would measure it.
    """

    title: str
    picture: str = ""
    bars: list[Bar] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    shares: bool = True
    beside: str = ""
    lines: list[Series] = field(default_factory=list)
    x_label: str = ""
    table: Table | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    note: str = ""
    missing: str = ""
    again: bool = False


REASONS = {
    "not_in_snapshot": gettext_noop(
        "The snapshot is older than these facts. Freeze the labels anew and evaluate on the new snapshot."
    ),
    "nobody_doubled": gettext_noop(
        "No held-out pair was judged by two people or more, so nothing tells how far people agree. Ask several people "
        "about some items (the project's overlap), then freeze the labels anew."
    ),
    "no_pairs": gettext_noop(
        "There are no held-out pairs. Freeze a snapshot that holds some prompt groups out, and evaluate on it."
    ),
    "no_samples": gettext_noop(
        "It was not asked anything. Evaluate it with held-out prompts of a snapshot, or with open prompts."
    ),
    "no_reference": gettext_noop("No reference was given to hold it against. Evaluate it with one."),
    "other_tokens": gettext_noop(
        "The reference cuts text into other tokens, so their probabilities cannot be compared. Choose a reference with "
        "the same tokenizer, as the model it was trained from."
    ),
    "one_sample": gettext_noop("Each prompt was answered once. Evaluate it with several samples a prompt."),
    "unlike_lengths": gettext_noop(
        "Nothing is said of equal length: fewer than five prompts were answered at about the same length by both, or "
        "fewer than five with either one's answer the longer, so nothing shows who would win there."
    ),
}
BY_PEOPLE = ("nobody_doubled",)
"""What no evaluation would measure, whatever its inputs."""


def missing(title: str, why: str) -> Panel:
    """`why`: as a card says it; a newer card's reason is shown as it stands."""
    return Panel(title, missing=_(REASONS[why]) if why in REASONS else why, again=why not in BY_PEOPLE)


def bar(name: str, share: Share, kind: str = "bar-judge") -> list[Bar]:
    """None where there was nothing to count."""
    return [Bar(name, share.value, share.low, share.high, kind)] if share.value is not None else []


def share_cells(name: str, share: Share) -> list[str]:
    """The row of a table headed by `share_heads`."""
    if share.value is None:
        return [name, NONE, NONE, fixed(share.of), fixed(share.prompts)]
    interval = _("%(low)s to %(high)s") % {"low": percent(share.low, 1), "high": percent(share.high, 1)}
    return [name, percent(share.value, 1), interval, fixed(share.of), fixed(share.prompts)]


def share_heads(counted: str) -> list[str]:
    return ["", _("Share"), _("Interval"), counted, _("Prompts")]


def share_table(rows: Sequence[tuple[str, Share]], counted: str) -> Table:
    return Table(share_heads(counted), [share_cells(name, share) for name, share in rows])


def mean_words(mean: Mean | None) -> str:
    """A figure with its interval: 0.41 (0.38 to 0.44)."""
    if mean is None or mean.value is None:
        return NONE
    return with_interval(mean.value, mean.low, mean.high)


def share_words(share: Share | None) -> str:
    """A share with its interval: 71.2% (65.0% to 77.1%)."""
    if share is None or share.value is None:
        return NONE
    return with_interval(share.value, share.low, share.high, lambda value: percent(value, 1))


def interval_cells(name: str, mean: Mean | None) -> list[str]:
    """A figure of one prompt alone has no interval."""
    if mean is None or mean.value is None:
        return [name, NONE, NONE]
    if mean.low is None or mean.high is None:
        return [name, number(mean.value), NONE]
    interval = _("%(low)s to %(high)s") % {"low": number(mean.low), "high": number(mean.high)}
    return [name, number(mean.value), interval]


def mean_dot(name: str, mean: Mean | None, kind: str = "bar-judge") -> list[Dot]:
    if mean is None or mean.value is None:
        return []
    return [Dot(name, mean.value, mean.low, mean.high, kind=kind)]


def outline(histogram: Histogram, names: dict[str, str]) -> list[Series]:
    """A histogram's counts as the outline of its columns, one line a kind of response."""
    lines = []
    for key, counts in histogram.counts.items():
        points = [(histogram.edges[0], 0.0)]
        for at, count in enumerate(counts):
            points += [(histogram.edges[at], float(count)), (histogram.edges[at + 1], float(count))]
        lines.append(Series(names.get(key, key), [*points, (histogram.edges[-1], 0.0)]))
    return lines


def histogram_table(histogram: Histogram, names: dict[str, str]) -> Table:
    keys = list(histogram.counts)
    rows = [
        [f"{number(low)} … {number(high)}", *(fixed(histogram.counts[key][at]) for key in keys)]
        for at, (low, high) in enumerate(zip(histogram.edges[:-1], histogram.edges[1:], strict=True))
    ]
    return Table(["", *(names.get(key, key) for key in keys)], rows)
