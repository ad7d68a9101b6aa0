"""Dawid–Skene against crowd-kit's, where it is installed (tests/conftest.py leaves this out elsewhere)."""

from functools import partial

import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene

from tests.training_bridge.test_derivations import crowd
from training_bridge.derivations.dawid_skene import confusion
from training_bridge.derivations.expectation import fit


def test_an_other_librarys_dawid_skene_says_the_same() -> None:
    votes, _truth = crowd(3, units=400, outcomes=3, accuracies=[0.9, 0.7, 0.5, 0.4])
    table = pd.DataFrame({"task": votes.unit, "worker": votes.rater, "label": votes.outcome})
    theirs = DawidSkene(n_iter=20, tol=-1.0).fit(table).probas_.sort_index().sort_index(axis=1).to_numpy()
    ours = fit(votes, partial(confusion, smoothing=0.0), tolerance=-np.inf, iterations=20)
    assert np.abs(ours.soft - theirs).max() < 1e-8
