"""The pictures of a judge's card and of its planted cases: each a list of bars or lines, and the table beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from common.charts import Bar, Series
from routing.attacks import attacks
from routing.models import Probe

SLICES, LEAST = 12, 5
"""Slices drawn at most, and pairs that one needs; the table has them all."""


@dataclass(frozen=True)
class Row:
    """A share with its interval, as a table shows it. `n`: outcomes, `items`: items they come from."""

    name: str
    share: float
    low: float
    high: float
    n: int
    items: int
    kind: str = "bar-judge"

    @property
    def bar(self) -> Bar:
        return Bar(self.name, self.share, self.low, self.high, self.kind)


@dataclass(frozen=True)
class FieldCard:
    """One field of the form. `reliability`: (from, to, confidence, share) rows of the diagram."""

    name: str
    result: Mapping[str, Any]
    agreement: list[Row]
    bins: list[Mapping[str, Any]]
    lines: list[Series]
    habits: list[Row]
    slices: list[Row]
    kappa: float | None
    error: float | None

    @property
    def agreement_bars(self) -> list[Bar]:
        return [row.bar for row in self.agreement]

    @property
    def habit_bars(self) -> list[Bar]:
        return [row.bar for row in self.habits]

    @property
    def slice_bars(self) -> list[Bar]:
        return [row.bar for row in self.slices if row.n >= LEAST][:SLICES]


def _row(name: str, share: Mapping[str, Any] | None, kind: str = "bar-judge") -> list[Row]:
    """None where nothing is known."""
    if not share or share["share"] is None:
        return []
    return [Row(name, share["share"], share["low"], share["high"], share["n"], share["items"], kind)]


def field_cards(result: Mapping[str, Any]) -> list[FieldCard]:
    return [_field(one) for one in result.get("fields", [])]


def _field(one: Mapping[str, Any]) -> FieldCard:
    plain, weighted = one["plain"], one["weighted"]
    best = weighted or plain
    agreement = _row(_("The judge and a person"), best["agreement"])
    if weighted:
        agreement += _row(_("The same, every pair counted alike"), plain["agreement"], "bar-rest")
    agreement += _row(_("Two people"), best["people"], "bar-human")
    sure = [(row["confidence"], row["share"]) for row in best["bins"]]
    lines = (
        [Series(_("the judge"), sure), Series(_("as sure as it is right"), [(0.0, 0.0), (1.0, 1.0)])] if sure else []
    )
    habits = [
        *_row(_("The judge prefers the longer response"), one["longer"]),
        *_row(_("People prefer the longer response"), one["people_longer"], "bar-human"),
        *_row(_("People prefer what they are shown first"), one["people_first"], "bar-human"),
    ]
    ways = {"topic": _("Topic"), "language": _("Language"), "source": _("Import"), "tag": _("Tag")}
    slices = [
        row
        for part in sorted(one["slices"], key=lambda part: -part["n"])
        for row in _row(f"{ways.get(part['by'], part['by'])}: {part['value']}", part)
    ]
    return FieldCard(
        one["name"],
        one,
        agreement,
        best["bins"],
        lines,
        habits,
        slices,
        best["kappa"],
        best["calibration_error"],
    )


def habit_rows(habits: Mapping[str, Any]) -> list[Row]:
    """What the judge does over all its calls."""
    return [
        *_row(_("What it is shown first wins"), habits["first"]),
        *_row(_("It contradicts itself when the order is turned"), habits["contradicted"]),
        *_row(_("Asked again in the same order, it says the same"), habits["consistent"]),
        *_row(_("Its answer could not be used"), habits["refused"]),
    ]


@dataclass(frozen=True)
class AttackRow:
    """What came of one attack over the cases of a run."""

    title: str
    held: int
    moved: int
    flipped: int
    unusable: int

    @property
    def judged(self) -> int:
        return self.held + self.moved + self.flipped

    @property
    def bar(self) -> Bar:
        return Bar(self.title, self.flipped / self.judged if self.judged else 0.0)


def attack_rows(counted: Sequence[tuple[str, str, int]]) -> list[AttackRow]:
    """`counted`: (attack, outcome, how often); an attack that is no longer in the file goes by its key."""
    found: dict[str, dict[str, int]] = {}
    for key, outcome, count in counted:
        found.setdefault(key, {})[outcome] = count
    titles = {attack.key: _(attack.title) for attack in attacks()}
    outcomes = (Probe.Outcome.HELD, Probe.Outcome.MOVED, Probe.Outcome.FLIPPED, Probe.Outcome.UNUSABLE)
    return [
        AttackRow(titles.get(key, key), *(found[key].get(outcome, 0) for outcome in outcomes))
        for key in [*titles, *(key for key in found if key not in titles)]
        if key in found
    ]
