"""How often the label of each derivation says what a rater says who had no part in it, on published judgments.

`python -m benchmarks.held_out <folder>` (docs/how-to/public-data.md): of each unit one vote, drawn by chance, is held
out; the label is made of the others. A label whose first place is shared counts by its share. The mean of several
draws, and its spread.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.published import Published, pandalm, ukpconvarg1
from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.settings import plug_of
from training_bridge.derivations.votes import Compared, Votes

OUTCOMES = 3  # left, right, tie


def agreement(judged: Published, *, seed: int) -> dict[str, float]:
    """Key of a derivation, at its defaults → how much of the held-out votes its labels say."""
    votes, sides = judged.votes, judged.sides
    shuffled = votes[np.random.default_rng(seed).permutation(len(votes))]
    _units, first = np.unique(shuffled[:, 0], return_index=True)
    test, rest = shuffled[first], np.delete(shuffled, first, axis=0)
    about = Compared(sides, np.full_like(sides, -1), (), left=0, right=1, tie=2)
    people, nothing = np.ones(votes[:, 1].max() + 1, bool), np.full((len(sides), OUTCOMES), np.nan)
    given = Votes(*rest.T, weight=np.ones(len(rest)), human=people, known=nothing, compared=about)
    found = {}
    for key in DERIVATIONS:
        plug: Any = plug_of(key)
        soft = plug.estimate(given, plug.Config(), lambda step: None).soft[test[:, 0]]
        best = soft >= soft.max(1, keepdims=True) - 1e-9
        found[key] = float((best[np.arange(len(test)), test[:, 2]] / best.sum(1)).mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.held_out", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    chosen = parser.parse_args()
    for read in (pandalm, ukpconvarg1):
        judged = read(chosen.data)
        draws = [agreement(judged, seed=seed) for seed in range(chosen.draws)]
        for key in draws[0]:
            values = [draw[key] for draw in draws]
            line = {"data": read.__name__, "derivation": key, "agreement": round(float(np.mean(values)), 4)}
            print(json.dumps(line | {"spread": round(float(np.std(values)), 4)}), flush=True)


if __name__ == "__main__":
    main()
