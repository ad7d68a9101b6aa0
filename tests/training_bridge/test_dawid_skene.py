"""Dawid and Skene: known truths recovered, Bayes' rule, and expectation–maximisation that ends where it should."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training_bridge.test_derivations import crowd, estimated
from training_bridge.derivations.dawid_skene import confusion
from training_bridge.derivations.expectation import fit
from training_bridge.derivations.one_coin import one_accuracy
from training_bridge.derivations.votes import Votes


def test_true_accuracies_and_answers_are_recovered() -> None:
    accuracies = [0.95, 0.8, 0.8, 0.6, 0.5, 0.4]
    votes, truth = crowd(1, units=8000, outcomes=4, accuracies=accuracies)
    plain = (votes.shares().argmax(1) == truth).mean()
    for key in ("one_coin", "dawid_skene"):
        found = estimated(key, votes)
        assert np.abs(found.hits / found.of - accuracies).max() < 0.02
        assert (found.soft.argmax(1) == truth).mean() > plain + 0.01
        # A probability means what it says: of the labels that are p sure, p are right.
        sure = found.soft.max(1)
        assert abs(sure.mean() - (found.soft.argmax(1) == truth).mean()) < 0.01


def test_every_raters_confusion_is_recovered() -> None:
    rng = np.random.default_rng(5)
    outcomes, raters, units = 3, 5, 20_000
    errors = rng.dirichlet(np.ones(outcomes), (raters, outcomes)).transpose(0, 2, 1) * 0.4
    errors += 0.6 * np.eye(outcomes)  # [R, K said, K true], each column summing to 1
    prior = np.array([0.6, 0.3, 0.1])
    truth = rng.choice(outcomes, units, p=prior)
    unit, rater = np.repeat(np.arange(units), raters), np.tile(np.arange(raters), units)
    draw = rng.random(len(unit))[:, None]
    said = (draw > errors[rater, :, truth[unit]].cumsum(1)).sum(1)
    votes = Votes.of(unit, rater, said, outcomes=outcomes)
    found = fit(votes, partial(confusion, smoothing=0.0), tolerance=1e-9, iterations=500)
    assert found.converged
    assert np.abs(found.errors - errors).max() < 0.04 and np.abs(found.prior - prior).max() < 0.02


def test_the_posterior_is_bayes_rule() -> None:
    """With one accuracy a for everybody, each vote for k multiplies its odds by a / ((1 − a) / (K − 1))."""
    votes = Votes.of([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [0, 0, 1, 2, 2], outcomes=3)
    accuracy = 0.7

    def fixed(counts: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.where(np.eye(3, dtype=bool), accuracy, 0.15), counts.shape).copy()

    found = fit(votes, fixed, tolerance=1e-12, iterations=1)
    prior = votes.shares().mean(0)
    expected = prior * np.array([0.7 * 0.7 * 0.15, 0.15 * 0.15 * 0.7, 0.15**3])
    assert found.soft[0] == pytest.approx(expected / expected.sum())


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    raters=st.integers(1, 6),
    outcomes=st.integers(2, 4),
    maximise=st.sampled_from([confusion, one_accuracy]),
)
def test_a_step_never_lowers_the_likelihood(seed: int, raters: int, outcomes: int, maximise: Any) -> None:
    rng = np.random.default_rng(seed)
    votes = Votes.of(*(rng.integers(0, size, 40) for size in (12, raters, outcomes)), outcomes=outcomes)
    plain = partial(maximise, smoothing=0.0)
    likelihoods = [fit(votes, plain, tolerance=-np.inf, iterations=n).log_likelihood for n in range(1, 8)]
    assert all(after >= before - 1e-7 for before, after in pairwise(likelihoods))


@pytest.mark.parametrize(
    ("seed", "units", "accuracies"), [(1, 60, [0.9, 0.8, 0.7, 0.5]), (2, 12, [0.6, 0.6, 0.6, 0.6, 0.6])]
)
def test_what_is_called_converged_moves_no_more_where_smoothing_lowers_the_likelihood(
    seed: int, units: int, accuracies: list[float]
) -> None:
    votes, _truth = crowd(seed, units=units, outcomes=3, accuracies=accuracies)
    after = partial(fit, votes, partial(confusion, smoothing=5.0))
    likelihoods = [after(tolerance=-np.inf, iterations=n).log_likelihood for n in range(1, 20)]
    assert any(later < earlier for earlier, later in pairwise(likelihoods))
    found = after(tolerance=1e-9, iterations=1000)
    assert found.converged
    assert found.soft == pytest.approx(after(tolerance=-np.inf, iterations=1000).soft, abs=1e-3)
