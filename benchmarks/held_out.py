"""How often the label of each derivation says what a rater says who had no part in it, on published judgments.

`python -m benchmarks.held_out ../shared/data`: of each unit one vote, drawn by chance, is held out; the label is made
of the others. A label whose first place is shared counts by its share. The mean of several draws, and its spread.
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from training_bridge.derivations import DERIVATIONS
from training_bridge.derivations.settings import plug_of
from training_bridge.derivations.votes import Compared, Votes

OUTCOMES = 3  # left, right, tie
Judged = tuple[np.ndarray, np.ndarray]
"""Votes [V, 3]: unit, rater, outcome; and the two things that each unit compares [U, 2]."""


def pandalm(data: Path) -> Judged:
    """999 pairs of responses, three named raters each; every response is compared once."""
    with gzip.open(data / "pandalm" / "testset-v1.json.gz", "rt") as handle:
        items = json.load(handle)
    code = {0: 2, 1: 0, 2: 1}
    votes = [(unit, who, code[int(one[f"annotator{who + 1}"])]) for unit, one in enumerate(items) for who in range(3)]
    return np.array(votes), np.arange(2 * len(items)).reshape(-1, 2)


def ukpconvarg1(data: Path) -> Judged:
    """6,447 pairs of arguments, five workers each of 3,617; an argument is compared with many others."""
    code, votes, sides = {"a1": 0, "a2": 1, "equal": 2}, [], []
    workers: dict[str, int] = {}
    arguments: dict[tuple[str, str], int] = {}
    for path in sorted((data / "ukpconvarg1" / "dev").glob("*.xml.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as handle:
            text = handle.read()
        assert "<!DOCTYPE" not in text and "<!ENTITY" not in text
        for pair in ElementTree.fromstring(text):
            named = [(path.name, str(pair.findtext(f"arg{side}/id"))) for side in (1, 2)]
            for vote in pair.iterfind("mTurkAssignments/mTurkAssignment"):
                worker = workers.setdefault(str(vote.findtext("turkID")), len(workers))
                votes.append((len(sides), worker, code[str(vote.findtext("value"))]))
            sides.append([arguments.setdefault(name, len(arguments)) for name in named])
    return np.array(votes), np.array(sides)


def agreement(judged: Judged, *, seed: int) -> dict[str, float]:
    """Key of a derivation, at its defaults → how much of the held-out votes its labels say."""
    votes, sides = judged
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
