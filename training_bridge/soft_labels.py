"""The soft labels of a snapshot: votes read, the derivation computed, each label looked up; and who is how reliable."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from annotation.models import Label, Rater
from annotation.protocols import Value
from common.errors import Invalid
from common.intervals import wilson
from common.words import gettext_noop as _
from training_bridge.derivations import Estimate, Strength
from training_bridge.derivations.ballots import Derived, ballots, derived
from training_bridge.derivations.settings import Derivation, plug_of
from training_bridge.derivations.votes import Ints
from training_bridge.votebook import Votebook, model_places, print_of, read_votes

Tell = Callable[[str], None]
"""Called often with what is being done, in words; what it raises ends the work."""
Batches = Iterator[Sequence[tuple[int, Sequence[int]]]]

READING = _("Reading votes: %(labels)s labels so far")
COMPUTING = _("Computing soft labels by %(name)s: step %(step)s")


@dataclass(frozen=True)
class SoftLabels:
    """`raters`: a row each, as `raters.jsonl` holds them; `facts`: by question, how the computation went."""

    book: Votebook
    estimates: dict[str, Estimate]
    raters: list[dict[str, Any]]
    strengths: tuple[Strength, ...]
    facts: dict[str, Any]

    def of(self, label: Label, protocol: str, votes: Sequence[Value]) -> Derived | None:
        """The label by the derivation; as it stands where nothing was voted on; None where it has changed since.

        `votes`: the values of the judgments it rests on.
        """
        items = self.book.items
        place = int(np.searchsorted(np.frombuffer(items, dtype=np.int64), label.item_id)) if items else 0
        if place >= len(items) or items[place] != label.item_id:
            return None
        if self.book.prints[place] != print_of(label.annotation_ids):
            return None
        parts = sorted({one.part for value in votes for one in ballots(protocol, value)})
        if not parts:
            return Derived(label.value, label.soft, label.confidence)
        first = self.book.first[place]
        return derived(protocol, votes, {part: self._shares(first + at) for at, part in enumerate(parts)})

    def _shares(self, unit: int) -> dict[str, float]:
        name = list(self.book.questions)[self.book.place[unit]]
        soft = self.estimates[name].soft[self.book.row[unit]]
        return dict(zip(self.book.questions[name].outcomes, soft.tolist(), strict=True))


def soft_labels(*, project_id: int, derivation: Derivation, batches: Batches, tell: Tell) -> SoftLabels:
    """Reads all votes, then computes. Raises Invalid where the derivation cannot be made of them."""
    plug = plug_of(derivation.soft_labels)
    config = plug.Config(**derivation.settings)
    book, reader = read_votes(
        project_id=project_id,
        name=derivation.field,
        batches=batches,
        said=lambda count: tell(READING % {"labels": count}),
    )
    human = [pk in reader.human for pk in book.raters]
    estimates: dict[str, Estimate] = {}
    facts: dict[str, Any] = {}
    compared = False

    def step(number: int) -> None:
        tell(COMPUTING % {"name": plug.title, "step": number})

    for name in book.questions:
        votes = book.votes(name, human, model_places if plug.compares else _no_models)
        estimates[name] = plug.estimate(votes, config, step)
        facts[name] = {"units": votes.units, "votes": len(votes.unit)} | dict(estimates[name].facts)
        compared = compared or votes.compared is not None
    if plug.compares and book.questions and not compared:
        raise Invalid(_("Bradley–Terry needs comparisons of two responses, and this field has none."))
    strengths = next((one.strengths for one in estimates.values() if one.strengths), ())
    return SoftLabels(book, estimates, _raters(book, reader.kinds, estimates), strengths, facts)


def strength_rows(strengths: Sequence[Strength]) -> Iterator[dict[str, Any]]:
    for one in strengths:
        yield {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(one).items()}


def _no_models(sides: Ints) -> tuple[Ints, tuple[str, ...]]:
    return np.full_like(sides, -1), ()


def _raters(book: Votebook, kinds: dict[int, str], estimates: dict[str, Estimate]) -> list[dict[str, Any]]:
    """Those who voted on a label, by pseudonym; `reliability` None where nothing tells it."""
    names = dict(Rater.objects.filter(pk__in=list(book.raters)).values_list("pk", "pseudonym"))
    hits, of = np.zeros(len(book.raters)), np.zeros(len(book.raters))
    for one in estimates.values():
        hits += one.hits
        of += one.of
    rows = []
    for pk, code in book.raters.items():
        if not book.cast[code] and not of[code]:
            continue
        measured = bool(of[code] > 0)
        low, high = wilson(float(hits[code]), float(of[code]))
        row: dict[str, Any] = {
            "rater": names[pk],
            "kind": kinds[pk],
            "votes": book.cast[code],
            "measured_by": round(float(of[code]), 6),
            "reliability": round(float(hits[code] / of[code]), 6) if measured else None,
            "low": round(low, 6) if measured else None,
            "high": round(high, 6) if measured else None,
        }
        if any(one.errors is not None for one in estimates.values()):
            row["confusion"] = {name: _table(book, name, one, code) for name, one in estimates.items()}
        rows.append(row)
    return sorted(rows, key=lambda row: row["rater"])


def _table(book: Votebook, name: str, estimate: Estimate, code: int) -> dict[str, dict[str, float]]:
    """{answer: {what the rater says of it: how often}}."""
    if estimate.errors is None:
        return {}
    outcomes = list(book.questions[name].outcomes)
    errors = estimate.errors[code]
    table = {}
    for z, true in enumerate(outcomes):
        table[true] = {said: round(float(errors[k, z]), 6) for k, said in enumerate(outcomes)}
    return table
