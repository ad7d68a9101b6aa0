"""From votes to what a reward model is trained on: the product's derivations, and noise put into the votes."""

from dataclasses import dataclass

import numpy as np

from benchmarks.published import LEFT, RIGHT, TIE
from training_bridge.derivations.ballots import derived
from training_bridge.derivations.pairs import pairs_of
from training_bridge.derivations.settings import plug_of
from training_bridge.derivations.votes import Compared, Votes
from training_bridge.trainer.judged import Relation

OUTCOMES = ("left", "right", "tie")


@dataclass(frozen=True)
class Labels:
    """`derivation` at its defaults; `soft`: whether soft labels and weights are trained on, or winners alone."""

    name: str
    derivation: str
    soft: bool


def flipped(votes: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Votes [V, 3] of which so many, drawn by chance, say the other side; a tie stays one (Dubois et al. 2023,
    AlpacaFarm, arXiv 2305.14387: a quarter)."""
    turned = np.random.default_rng(seed).random(len(votes)) < share
    said = np.where(votes[:, 2] == TIE, TIE, np.where(turned, LEFT + RIGHT - votes[:, 2], votes[:, 2]))
    return np.column_stack([votes[:, :2], said])


def relations(votes: np.ndarray, sides: np.ndarray, labels: Labels) -> dict[int, Relation]:
    """Unit → the pair that its votes teach, as a snapshot has it (ties and split votes dropped); of units with votes.

    `sides` [U, 2]: what each unit compares. Reliability is told by these votes alone.
    """
    raters, rater = np.unique(votes[:, 1], return_inverse=True)
    units, unit = np.unique(votes[:, 0], return_inverse=True)
    about = sides[units]
    compared = Compared(about, np.full_like(about, -1), (), left=LEFT, right=RIGHT, tie=TIE)
    known = np.full((len(units), len(OUTCOMES)), np.nan)
    given = Votes(
        unit, rater, votes[:, 2], weight=np.ones(len(votes)), human=np.ones(len(raters), bool), known=known,
        compared=compared,
    )  # fmt: skip
    plug = plug_of(labels.derivation)
    soft = plug.estimate(given, plug.Config(), lambda step: None).soft
    said: list[set[int]] = [set() for _ in units]
    for place, outcome in zip(unit, votes[:, 2], strict=True):
        said[place].add(int(outcome))
    found = {}
    for place, number in enumerate(units):
        relation = _relation(soft[place], said[place])
        if relation is not None:
            found[int(number)] = relation
    return found


def _relation(soft: np.ndarray, said: set[int]) -> Relation | None:
    """The left response has place 0, the right one place 1."""
    values = [{"choice": OUTCOMES[code], "strength": 0.0, "left": 0, "right": 1} for code in sorted(said)]
    label = derived("pairwise", values, {"": dict(zip(OUTCOMES, soft.tolist(), strict=True))})
    pairs = pairs_of("pairwise", label.value, label.soft, "drop")
    if isinstance(pairs, str):
        return None
    (pair,) = pairs
    return Relation(pair.chosen_id, pair.rejected_id, pair.soft, label.confidence, pair.strength)
