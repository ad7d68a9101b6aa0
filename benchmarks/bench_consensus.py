"""`make bench-consensus`: Dawid–Skene at a million judgments, ours beside crowd-kit's: the same votes and steps.

crowd-kit is no dependency of the product (it brings a language-model library with it): it runs in a Python of its own
that has it, named by CROWDKIT_PYTHON, and where there is none, ours is measured alone and the line says why.
One JSON line: seconds of each (the best of several turns, taken in turn), their ratio, the largest difference between
two probabilities, and the most memory that ours took.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from training_bridge.derivations.dawid_skene import confusion
from training_bridge.derivations.expectation import fit
from training_bridge.derivations.votes import Votes

THEIRS = """
import sys, time, warnings
import numpy, pandas
from crowdkit.aggregation import DawidSkene
warnings.simplefilter("ignore")
folder, steps = sys.argv[1], int(sys.argv[2])
votes = numpy.load(f"{folder}/votes.npz")
table = pandas.DataFrame({"task": votes["unit"], "worker": votes["rater"], "label": votes["outcome"]})
begun = time.perf_counter()
found = DawidSkene(n_iter=steps, tol=-1.0).fit(table)
seconds = time.perf_counter() - begun
assert len(found.loss_history_) == steps
numpy.save(f"{folder}/theirs.npy", found.probas_.sort_index().sort_index(axis=1).to_numpy())
print(seconds)
"""


def votes(judgments: int, *, raters: int, outcomes: int, seed: int = 0) -> dict[str, Any]:
    """Four votes a unit by raters of every accuracy from .4 to .95: arrays of int64 [V]."""
    rng = np.random.default_rng(seed)
    units = judgments // 4
    truth, accuracy = rng.integers(0, outcomes, units), rng.uniform(0.4, 0.95, raters)
    unit, rater = np.repeat(np.arange(units), 4), rng.integers(0, raters, units * 4)
    right = rng.random(len(unit)) < accuracy[rater]
    wrong = (truth[unit] + rng.integers(1, outcomes, len(unit))) % outcomes
    return {"unit": unit, "rater": rater, "outcome": np.where(right, truth[unit], wrong)}


def ours(given: dict[str, Any], outcomes: int, steps: int) -> tuple[float, Any]:
    """(seconds, probabilities [U, K]) of as many steps, from the columns of votes on."""
    begun = time.perf_counter()
    cast = Votes.of(given["unit"], given["rater"], given["outcome"], outcomes=outcomes)
    found = fit(cast, partial(confusion, smoothing=0.0), tolerance=-np.inf, iterations=steps)
    return time.perf_counter() - begun, found.soft


def oracle() -> tuple[str, str]:
    """(a Python that has crowd-kit, why there is none)."""
    python = os.environ.get("CROWDKIT_PYTHON", sys.executable)
    if not shutil.which(python):
        return "", f"no Python at {python}"
    if subprocess.run([python, "-c", "import crowdkit"], capture_output=True).returncode:
        return "", "crowd-kit is not installed (name a Python that has it: CROWDKIT_PYTHON=…)"
    return python, ""


def theirs(python: str, folder: str, steps: int) -> float:
    done = subprocess.run([python, "-c", THEIRS, folder, str(steps)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_consensus", description=__doc__)
    parser.add_argument("--judgments", type=int, default=1_000_000)
    parser.add_argument("--raters", type=int, default=2000)
    parser.add_argument("--outcomes", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args()
    given = votes(chosen.judgments, raters=chosen.raters, outcomes=chosen.outcomes)
    python, absent = oracle()
    line: dict[str, Any] = {"judgments": len(given["unit"]), "steps": chosen.steps}
    with tempfile.TemporaryDirectory(prefix="prefloop-consensus-") as folder:
        np.savez(Path(folder) / "votes.npz", **given)
        seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(chosen.turns):
            took, soft = ours(given, chosen.outcomes, chosen.steps)
            seconds["ours"].append(took)
            if python:
                seconds["theirs"].append(theirs(python, folder, chosen.steps))
        line["ours_s"] = round(min(seconds["ours"]), 3)
        line["ours_peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        if python:
            line["crowdkit_s"] = round(min(seconds["theirs"]), 3)
            line["ratio"] = round(min(seconds["theirs"]) / min(seconds["ours"]), 1)
            line["max_difference"] = float(np.abs(np.load(Path(folder) / "theirs.npy") - soft).max())
        else:
            line["crowdkit"] = f"skipped: {absent}"
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
