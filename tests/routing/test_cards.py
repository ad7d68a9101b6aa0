"""What a judge's card says, against other libraries and against cases whose truth is known; and how it is made."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import cohen_kappa_score

from annotation.figures import Share
from routing.calibration import Case, Proportion, Sums, Table, Tally, wilson

OUTCOMES = ["left", "right", "tie", "both_bad"]


def case(judge: str, *people: str, confidence: float | None = None, weight: float = 1.0, **more: Any) -> Case:
    agreed = [float(one == judge) for one in people]
    return Case(agreed, [(judge, one) for one in people], confidence, weight=weight, **more)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(OUTCOMES), st.floats(0, 1), st.floats(0.1, 50)),
        min_size=2,
        max_size=80,
    )
)
def test_kappa_and_the_reliability_curve_are_those_of_scikit_learn(rows: list[tuple[str, str, float, float]]) -> None:
    tally = Tally()
    for judge, person, confidence, weight in rows:
        tally.add(case(judge, person, confidence=confidence, weight=weight))
    judged, said, sure, weights = (list(column) for column in zip(*rows, strict=True))
    for against, weighting in ((tally.plain, None), (tally.weighted, weights)):
        if len({*judged, *said}) > 1 and against.table.kappa is not None:
            theirs = cohen_kappa_score(judged, said, sample_weight=weighting)
            assert against.table.kappa == pytest.approx(theirs, abs=1e-9)
    agreed = np.array([a == b for a, b in zip(judged, said, strict=True)], dtype=int)
    ours = [(one.agreement.share, one.confidence) for one in tally.plain.bins if one.agreement.n]
    theirs = calibration_curve(agreed, sure, n_bins=10, strategy="uniform")
    assert np.allclose(np.array(ours).T, np.array(theirs))
    counts = [one.agreement.n for one in tally.plain.bins if one.agreement.n]
    error = np.average(np.abs(theirs[0] - theirs[1]), weights=counts)
    assert tally.plain.read()["calibration_error"] == pytest.approx(error)
    # Kept between batches, the sums go on as if they had never been put down.
    sums = Sums(fields={"f": tally})
    assert Sums.restored(sums.stored()) == sums


def test_an_interval_counts_items_and_is_wilsons_where_each_has_one_person() -> None:
    single = Proportion()
    for hit in [1.0] * 30 + [0.0] * 10:
        single.add([hit])
    assert single.interval == pytest.approx(Share(30, 40).interval)
    assert wilson(0.5, 0) == (0, 1)
    repeated, perfect = Proportion(), Proportion()
    for hit in [1.0] * 30 + [0.0] * 10:
        repeated.add([hit] * 5)  # five people who always say the same are one opinion
        perfect.add([1.0] * 5)
    assert repeated.n == 200 and repeated.interval == pytest.approx(single.interval)
    assert perfect.effective == pytest.approx(40)
    assert Table().kappa is None and Tally().read()["plain"]["agreement"]["share"] is None


def test_inverse_propensity_finds_the_truth_that_routing_hides() -> None:
    """The judge is right of 90 in 100 easy items and 50 in 100 hard ones; people see all hard ones and 5 % of easy."""
    chance, tally, inside = np.random.default_rng(3), Tally(), 0
    rounds = 60
    for _ in range(rounds):
        one = Tally()
        for hard in (False, True):
            for right in chance.random(1000) < (0.5 if hard else 0.9):
                asked = 1.0 if hard else 0.05
                if chance.random() < asked:
                    for sums in (tally, one):
                        sums.add(case("left", "left" if right else "right", weight=1 / asked))
        low, high = one.weighted.agreement.interval
        inside += low <= 0.7 <= high
    read = tally.read()
    assert read["biased"] and read["heaviest"] == pytest.approx(20)
    assert read["plain"]["agreement"]["share"] < 0.54
    assert read["weighted"]["agreement"]["share"] == pytest.approx(0.7, abs=0.01)
    assert inside / rounds >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / rounds)
