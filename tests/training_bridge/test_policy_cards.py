"""Measures of a policy's card, each against a closed form, another library or drawn data whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from common.intervals import wilson
from training_bridge.report_cards import texts
from training_bridge.report_cards.policies import (
    Sample,
    Weighed,
    divergence,
    likelihood,
    preference,
    sampled,
    win_rate,
)

RNG = np.random.default_rng(0)


def test_both_estimates_of_the_divergence_find_the_true_one() -> None:
    p, q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.5, 0.3])
    true = float((p * np.log(p / q)).sum())
    drawn = [RNG.choice(3, size=RNG.integers(1, 9), p=p) for _ in range(4000)]
    found = divergence([np.log(p / q)[one] for one in drawn], np.arange(4000) // 2, 0.95, exact=True)
    length = np.mean([len(one) for one in drawn])
    for by_token, whole in ((found.log_ratio_by_token, found.log_ratio), (found.k3_by_token, found.k3)):
        assert by_token.low <= true <= by_token.high  # type: ignore[operator]
        assert whole.value == pytest.approx(true * length, rel=0.05)
    k3, k1 = found.k3_by_token, found.log_ratio_by_token
    assert k3.high - k3.low < k1.high - k1.low  # type: ignore[operator]


def test_a_policy_that_is_its_reference_is_nowhere_and_one_far_away_is_still_a_number() -> None:
    same = divergence([np.zeros(4), np.zeros(2)], np.arange(2), 0.95, exact=True)
    assert same.k3.value == same.log_ratio.value == 0.0
    far = divergence([np.array([-2000.0])], np.arange(1), 0.95, exact=True)
    assert far.k3.value is not None and np.isfinite(far.k3.value)
    assert divergence([], np.zeros(0, dtype=np.int64), 0.95, exact=True).why_not == "no_samples"


def test_implicit_rewards_are_read_against_the_reference() -> None:
    pairs = Weighed(
        policy=np.array([[-10.0, -12.0], [-20.0, -10.0], [-9.0, -5.0], [-4.0, -4.0]]),
        reference=np.array([[-11.0, -12.0], [-22.0, -11.0], [-8.0, -5.0], [-4.0, -4.0]]),
        tokens=np.array([[10.0, 10.0], [20.0, 4.0], [9.0, 9.0], [2.0, 2.0]]),
        characters=np.array([[9.0, 3.0], [9.0, 3.0], [3.0, 9.0], [1.0, 2.0]]),
        soft=np.array([1.0, 0.8, 0.9, 0.5]),
        groups=np.arange(4),
    )
    found = preference(pairs, 0.95)
    assert found is not None
    # Log-ratios: +1 against 0, +2 against +1, -1 against 0; the undecided pair is not counted.
    assert found.accuracy.value == pytest.approx(2 / 3) and found.undecided == 1
    assert found.by_token.value == pytest.approx(1 / 3)  # 0.1 and 0.25 a token: the second pair turns round
    assert found.policy_alone.value == pytest.approx(1 / 3)
    assert found.longer.value == pytest.approx(2 / 3)
    assert found.margin.value == pytest.approx((1 + 1 - 1) / 3)
    weighed = likelihood(pairs, 0.95)
    assert weighed is not None and weighed.reference_chosen is not None
    assert weighed.chosen.value == pytest.approx(-43 / 41) and weighed.reference_chosen.value == pytest.approx(-45 / 41)
    alone = Weighed(pairs.policy, None, pairs.tokens, pairs.characters, pairs.soft, pairs.groups)
    assert preference(alone, 0.95) is None
    assert (found_alone := likelihood(alone, 0.95)) is not None and found_alone.reference_chosen is None


@pytest.mark.parametrize(("prompts", "samples"), [(3, 2), (5, 1), (10, 4), (20, 1)])
def test_win_rates_of_few_prompts_hold_the_truth_as_often_as_they_say(prompts: int, samples: int) -> None:
    rng, held, rounds = np.random.default_rng(prompts), 0, 400
    codes = np.repeat(np.arange(prompts), samples)
    for _ in range(rounds):
        easy = rng.beta(0.85 * 6, 0.15 * 6, prompts)
        gain = np.where(rng.random(len(codes)) < easy[codes], 1.0, -1.0)
        found = win_rate(gain, np.full(len(codes), 9.0), codes, 0.95).rate
        held += found.low <= 0.85 <= found.high  # type: ignore[operator]
    assert held / rounds >= 0.92


@pytest.mark.parametrize("prompts", [3, 20])
def test_prompts_that_were_all_won_are_no_certainty(prompts: int) -> None:
    found = win_rate(np.ones(prompts), np.full(prompts, 9.0), np.arange(prompts), 0.95).rate
    assert (found.value, found.low, found.high) == (1, *wilson(prompts, prompts))


def test_length_control_takes_away_what_length_alone_wins() -> None:
    length = RNG.normal(40, 50, 6000)
    gain = np.where(RNG.random(6000) < expit(2 * np.tanh(length / length.std())), 1.0, -1.0)
    found = win_rate(gain, length, np.arange(6000), 0.95)
    assert found.rate.value > 0.6  # type: ignore[operator]
    assert found.length_controlled.low <= 0.5 <= found.length_controlled.high  # type: ignore[operator]

    better = np.where(RNG.random(6000) < expit(0.8 + np.tanh(length / length.std())), 1.0, -1.0)
    assert win_rate(better, length, np.arange(6000), 0.95).length_controlled.value == pytest.approx(
        expit(0.8), abs=0.02
    )


def test_length_control_is_a_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    cells = RNG.integers(-25, 26, 3000) / 25
    won = (RNG.random(3000) < expit(0.3 + 0.9 * cells)).astype(float)
    longer_by = np.arctanh(np.clip(cells, -0.999999, 0.999999))
    found = win_rate(2 * won - 1, longer_by, np.arange(3000), 0.95)
    x = np.round(np.tanh(longer_by / longer_by.std()) * 25) / 25
    fitted = LogisticRegression(C=1e8, tol=1e-10).fit(x[:, None], won)
    assert found.length_controlled.value == pytest.approx(float(expit(fitted.intercept_[0])), abs=2e-3)
    assert (found.wins, found.draws, found.losses) == (int(won.sum()), 0, int((1 - won).sum()))


@pytest.mark.parametrize(("gain", "rate"), [(0.0, 0.5), (1.0, 1.0)])
def test_all_draws_and_all_wins_have_a_rate_by_length_too(gain: float, rate: float) -> None:
    for longer_by in (np.zeros(30), np.linspace(-9, 9, 30)):
        found = win_rate(np.full(30, gain), longer_by, np.arange(30), 0.95)
        assert found.rate.value == found.length_controlled.value == rate and found.why_not == ""
        assert found.length_controlled.high - found.length_controlled.low > 0.1  # type: ignore[operator]


@pytest.mark.parametrize(
    "longer_by",
    [
        RNG.normal(1000, 50, 200),  # always longer
        np.full(200, 4.0),
        np.repeat([-1000.0, 1000.0], 100) + RNG.normal(0, 50, 200),  # on both sides, never near
        np.where(np.arange(200) < 4, -1, RNG.normal(20, 20, 200).clip(1)),  # four alone are shorter
    ],
)
def test_nothing_is_claimed_of_equal_length_where_no_lengths_are_near_it(longer_by: np.ndarray) -> None:
    found = win_rate(RNG.normal(0.1, 1, 200), longer_by, np.arange(200), 0.95)
    assert found.rate.of == 200 and found.why_not == "unlike_lengths"
    assert found.length_controlled.value is None and found.length_controlled.low is None
    several = win_rate(RNG.normal(0.1, 1, 200), RNG.normal(0, 50, 200), np.arange(200) // 50, 0.95)
    assert several.why_not == "unlike_lengths"  # many samples of four prompts


def test_words_are_told_in_any_script() -> None:
    assert texts.words_of("It's 9 o'clock, ÄRGER_nis!") == [
        "it", "'", "s", "9", "o", "'", "clock", ",", "ärger", "nis", "!",
    ]  # fmt: skip
    assert texts.words_of("今日は OK") == ["今", "日", "は", "ok"]


def test_distinct_n_grams_by_counting() -> None:
    said = [["a", "b", "a"], ["a", "b"]]
    assert texts.distinct(said, 1, 100) == 2 / 5
    assert texts.distinct(said, 2, 100) == 2 / 3  # ab, ba, ab: none across texts
    assert texts.distinct(said, 3, 100) == 1.0
    assert texts.distinct(said, 1, 3) == 2 / 3
    assert texts.distinct([["a"]], 2, 100) is None


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
@settings(max_examples=80, deadline=None)
def test_likeness_is_one_for_the_same_symmetric_and_a_share(first: list[str], second: list[str]) -> None:
    assert texts.alike(first, first) == 1.0
    assert texts.alike(first, second) == texts.alike(second, first)
    assert 0.0 <= texts.alike(first, second) <= 1.0


def test_a_loop_is_eight_words_said_three_times() -> None:
    once = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    assert texts.loops(once * 3) and not texts.loops(once * 2)
    assert not texts.loops(["no"] * 9) and texts.loops(["no"] * 10)


def test_what_was_sampled_is_counted_by_prompt() -> None:
    samples = [
        Sample(0, "yes it is", 4, True), Sample(0, "yes it is", 4, True), Sample(1, "", 1, True),
        Sample(1, "no " * 30, 30, False),
    ]  # fmt: skip
    found = sampled(samples, 0.95)
    assert found.ends.cut.value == 0.25 and found.ends.empty.value == 0.25 and found.ends.repeating.value == 0.25
    assert found.tokens.mean == 39 / 4 and found.diversity.repeated.value == 0.5
    assert found.diversity.self_similarity.value == pytest.approx((1 + texts.alike([], ["no"] * 30)) / 2)
    assert found.diversity.why_not == ""
    alone = sampled(samples[:1], 0.95)
    assert alone.diversity.why_not == "one_sample" and alone.diversity.self_similarity.value is None
