"""What the router promises, held against its definition: closed forms, oracles, and worlds whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from routing.promises import drift, estimates, gate, sequences, thresholds


def world(random, n):
    """Confidence, and whether the judge agrees with people: surer is righter, with ties as coarse as a judge's."""
    sure = np.round(random.beta(2, 1.2, n), 2)
    return sure, random.random(n) < 0.55 + 0.43 * sure


def truth(threshold):
    """P(agree | confidence >= threshold) of that world, from many draws."""
    sure, right = world(np.random.default_rng(0), 400_000)
    return right[sure >= threshold].mean()


def test_the_exact_bounds_are_those_of_the_binomial_test():
    for n in (1, 7, 60, 300):
        for k in {0, n // 10, n // 2, n}:
            exact = binomtest(k, n).proportion_ci(0.9, method="exact")
            assert thresholds.lower(k, n, 0.05) == pytest.approx(exact.low)
            assert thresholds.upper(k, n, 0.05) == pytest.approx(exact.high)
    assert round(100 * thresholds.upper(30, 300, 0.05), 1) == 13.3


def test_a_certified_threshold_keeps_its_word_where_a_naive_one_does_not():
    alpha, delta, runs = 0.1, 0.1, 300
    true = {round(one, 2): truth(one) for one in np.arange(0, 1.01, 0.01)}
    random, broken, naively, given_ = np.random.default_rng(1), 0, 0, 0
    for _ in range(runs):
        sure, right = world(random, 400)
        made = thresholds.certify(sure, right, alpha=alpha, delta=delta)
        given_ += made.threshold is not None
        broken += made.threshold is not None and true[round(made.threshold, 2)] < 1 - alpha
        guess = thresholds.naive(sure, right, alpha=alpha)
        naively += guess is not None and true[round(guess, 2)] < 1 - alpha
    assert broken / runs <= delta + 2 * np.sqrt(delta * (1 - delta) / runs)
    assert naively / runs > 0.3 and given_ > runs / 4, "else the promise would be kept by promising nothing"


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.9]), st.booleans()), max_size=60))
def test_items_of_equal_confidence_are_never_torn_apart(drawn):
    sure, right = [one for one, _ in drawn], [one for _, one in drawn]
    made = thresholds.certify(sure, right, alpha=0.3, delta=0.2)
    if made.threshold is None:
        assert not drawn or made.bound < 0.7
    else:
        assert made.kept == sum(one >= made.threshold for one in sure) >= len(drawn) / 4 and made.bound >= 0.7


@given(st.integers(1, 400), st.sampled_from([0.05, 0.1, 0.3]), st.sampled_from([0.1, 0.01]))
def test_the_first_border_can_bear_one_disagreement_and_hangs_on_nothing_seen(n, alpha, delta):
    first = thresholds.first_border(n, alpha, delta)
    assert n / 4 <= first <= n
    assert first == n or thresholds.lower(first - 1, first, delta) >= 1 - alpha
    before = first - 1
    assert before < n / 4 or before < 1 or thresholds.lower(before - 1, before, delta) < 1 - alpha


def test_a_judge_that_is_never_right_enough_is_not_certified():
    sure = np.linspace(0, 1, 200)
    made = thresholds.certify(sure, np.arange(200) % 2 == 0, alpha=0.1, delta=0.1)
    assert made.threshold is None and made.bound < 0.9 and made.kept == 50
    assert thresholds.certify([], [], alpha=0.1, delta=0.1).threshold is None


def test_the_sequence_covers_at_every_moment_and_is_tighter_with_more():
    """Watched after each of 400 draws, a bound is ever on the wrong side in at most delta of the worlds."""
    delta, runs, n = 0.1, 200, 400
    random, looks = np.random.default_rng(2), np.unique(np.geomspace(1, n, 60).astype(int))
    for p in (0.05, 0.3):
        draws = (random.random((runs, n)) < p).cumsum(axis=1)
        high = {(k, m): sequences.upper(int(k), int(m), delta) for m in looks for k in np.unique(draws[:, m - 1])}
        ever = np.mean([any(high[k[m - 1], m] < p for m in looks) for k in draws])
        once = np.mean([any(thresholds.upper(int(k[m - 1]), int(m), delta) < p for m in looks) for k in draws])
        assert ever <= delta + 2 * np.sqrt(delta * (1 - delta) / runs) < once, (
            "looked at again and again, a bound for one look fails"
        )
    assert sequences.upper(30, 300, 0.05) < sequences.upper(3, 30, 0.05) < 0.35


@given(st.integers(1, 500), st.data())
def test_the_sequence_is_wider_than_one_look_and_symmetric(n, data):
    k = data.draw(st.integers(0, n))
    high, low = sequences.upper(k, n, 0.05), sequences.lower(k, n, 0.05)
    assert low <= k / n <= high
    assert high >= thresholds.upper(k, n, 0.05) - 1e-9 and low <= thresholds.lower(k, n, 0.05) + 1e-9
    assert sequences.upper(n - k, n, 0.05) == pytest.approx(1 - low, abs=1e-9)


def test_routed_means_are_unbiased_where_the_naive_mean_is_not():
    random, values, naive, covered = np.random.default_rng(3), [], [], 0
    for _ in range(200):
        y = random.random(2000) < 0.7
        f = np.where(random.random(2000) < 0.8, y, random.random(2000) < 0.3)
        p = np.where(f, 0.05, 0.5)  # people see what the judge calls bad
        asked = random.random(2000) < p
        made = estimates.routed_mean(np.where(asked, y, np.nan), p, f)
        values.append(made.value)
        naive.append(np.where(asked, y, f).mean())
        covered += made.low <= 0.7 <= made.high
        plain = estimates.routed_mean(np.where(asked, y, np.nan), p)
        assert plain.labelled == made.labelled == asked.sum() and plain.high - plain.low > made.high - made.low
    assert abs(np.mean(values) - 0.7) < 0.005 < abs(np.mean(naive) - 0.7)
    assert covered / 200 > 0.9


def test_the_gate_lets_a_good_judge_through_and_stops_a_bad_one():
    random, n = np.random.default_rng(5), 300
    true = random.integers(0, 3, n)
    blur = lambda rate: np.where(random.random(n) < rate, true, random.integers(0, 3, n)).astype(float)  # noqa: E731
    people = np.column_stack([blur(0.7) for _ in range(4)])
    people[random.random((n, 4)) < 0.2] = np.nan
    good, bad = gate.gate(blur(0.8), people), gate.gate(random.integers(0, 3, n), people)
    assert good.passed and good.winning_rate == 1 and good.advantage > 0.6
    assert bad.passed is False and bad.advantage < 0.6
    few = gate.gate(true[:30], people[:30])
    assert few.passed is None and few.people == 0


def test_stability_tells_a_moved_population_from_one_that_stayed():
    random = np.random.default_rng(6)
    before = random.normal(size=2000)
    assert drift.stability(before, random.normal(size=1000)) < drift.STABLE
    assert drift.stability(before, random.normal(1, 1, size=1000)) > drift.MOVED
    assert drift.stability([1.0] * 50, [1.0] * 9) < drift.STABLE, "one value alone has not moved"
