"""What the held-out leads of reward models are worth, with intervals by prompt, beside what needs no model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.published import LEFT, RIGHT, TIE, Published

Leads = Mapping[tuple[str, float], np.ndarray]
"""By labels and share of flipped votes: [S, U], reward of the left response less the right one's, by seed."""
PLAIN, FLIPPED = "majority", 0.25
DRAWS = 4000


def figures(judged: Published, leads: Leads) -> dict[str, Any]:
    """Accuracy on the clean majority of what was held out, and on the gold; log loss; differences with intervals."""
    truth = majority(judged)
    decided = truth >= 0
    right = {key: _right(lead, truth) for key, lead in leads.items()}
    found: dict[str, Any] = {
        "pairs": int(decided.sum()),
        "prompts": len(set(judged.prompts)),
        "longer_wins": round(float(_right(longer(judged)[None], truth)[decided].mean()), 4),
        "one_rater": one_rater(judged, truth),
        "accuracy": _by_key({key: each[decided].mean() for key, each in right.items()}),
        "log_loss": _by_key({key: _log_loss(lead, truth)[decided].mean() for key, lead in leads.items()}),
    }
    gold = judged.gold >= 0
    if gold.any():
        found["gold_pairs"] = int(gold.sum())
        found["gold_accuracy"] = _by_key({key: _right(lead, judged.gold)[gold].mean() for key, lead in leads.items()})
    plain, noisy = right[PLAIN, 0.0], right.get((PLAIN, FLIPPED))
    for name in sorted({name for name, _share in leads} - {PLAIN}):
        own = {"gain": interval(right[name, 0.0] - plain, decided, judged)}
        if noisy is not None:
            own["gain_flipped"] = interval(right[name, FLIPPED] - noisy, decided, judged)
            saved = (plain - noisy) - (right[name, 0.0] - right[name, FLIPPED])
            own["cost_less"] = interval(saved, decided, judged)
        found[name] = own
    if noisy is not None:
        costs = {name: (right[name, 0.0] - right[name, FLIPPED])[decided].mean() for name, _share in leads}
        found["cost_of_flips"] = {name: round(float(cost), 4) for name, cost in costs.items()}
    return found


def majority(judged: Published) -> np.ndarray:
    """[U]: the outcome with the most votes where that is a side, else -1."""
    counts = np.zeros((len(judged.texts), 3))
    np.add.at(counts, (judged.votes[:, 0], judged.votes[:, 2]), 1)
    best = counts.argmax(1)
    alone = (counts == counts.max(1, keepdims=True)).sum(1) == 1
    return np.where(alone & (best != TIE), best, -1)


def longer(judged: Published) -> np.ndarray:
    """[U]: characters of the left response less those of the right one."""
    return np.array([len(left) - len(right) for _prompt, left, right in judged.texts], dtype=float)


def one_rater(judged: Published, truth: np.ndarray) -> float | None:
    """How often a rater's vote is the majority of the others on pairs that the majority decided, a tie counting half;
    None where nobody judged what another did. An others' majority that decides nothing is left out."""
    counts = np.zeros((len(judged.texts), 3))
    np.add.at(counts, (judged.votes[:, 0], judged.votes[:, 2]), 1)
    unit, said = judged.votes[:, 0], judged.votes[:, 2]
    others = counts[unit]
    others[np.arange(len(unit)), said] -= 1
    ahead = others[:, LEFT] - others[:, RIGHT]
    told = (truth[unit] >= 0) & (ahead != 0) & (others[:, :TIE].max(1) > others[:, TIE])
    if not told.any():
        return None
    agreed = np.where(said == TIE, 0.5, said == np.where(ahead > 0, LEFT, RIGHT))
    return round(float(agreed[told].mean()), 4)


def _right(leads: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[U]: the share of seeds [S, U] that have it right, no lead counting half."""
    wanted = np.where(truth == LEFT, 1.0, -1.0)
    ahead = leads * wanted
    return np.asarray(((ahead > 0) + 0.5 * (ahead == 0)).mean(0))


def _log_loss(leads: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[U]: -log P(the side that won), in nats, the mean over seeds."""
    return np.asarray(np.logaddexp(0, -leads * np.where(truth == LEFT, 1.0, -1.0)).mean(0))


def interval(values: np.ndarray, which: np.ndarray, judged: Published) -> list[float]:
    """The mean of `values` [U] over `which` [U], and its 95 % bootstrap interval, whole prompts drawn."""
    _names, place = np.unique(np.array(judged.prompts)[which], return_inverse=True)
    sums, counts = np.bincount(place, weights=values[which]), np.bincount(place)
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return [round(float(one), 4) for one in (values[which].mean(), low, high)]


def _by_key(values: Mapping[tuple[str, float], Any]) -> dict[str, float]:
    return {name if not share else f"{name}_flipped": round(float(value), 4) for (name, share), value in values.items()}


def table(name: str, found: Mapping[str, Any]) -> str:
    """The figures of one set as lines of Markdown."""
    accuracy, loss = found["accuracy"], found["log_loss"]
    lines = [f"| {name} | accuracy | flipped | log loss | flipped | gain | gain, flipped | flips cost less by |"]
    for key in [one for one in accuracy if not one.endswith("_flipped")]:
        both = (key, f"{key}_flipped")
        cells = [f"{values[one]:.3f}" if one in values else "" for values in (accuracy, loss) for one in both]
        own = found.get(key, {})
        cells += [_ranged(own.get(what)) for what in ("gain", "gain_flipped", "cost_less")]
        lines.append("| " + " | ".join([key, *cells]) + " |")
    lines.append(f"longer wins {found['longer_wins']:.3f}; one rater against the others {found['one_rater']}")
    return "\n".join(lines)


def _ranged(values: list[float] | None) -> str:
    return "" if values is None else f"{values[0]:+.3f} [{values[1]:+.3f}, {values[2]:+.3f}]"
