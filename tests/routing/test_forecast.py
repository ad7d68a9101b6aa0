"""What a budget buys, against brute force and against what really happens when the budget is spent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.forecast import LEAST, forecast


def world(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(risk, disagreed): the risk is true."""
    chance = np.random.default_rng(seed)
    risk = chance.beta(1, 2, n)
    return risk, (chance.random(n) < risk).astype(float)


@given(st.integers(LEAST, 60), st.integers(0, 1000), st.sampled_from([1.0, 0.8]))
def test_each_point_is_what_buying_the_riskiest_gives(n: int, seed: int, ceiling: float) -> None:
    risk, disagreed = world(n, seed)
    found = forecast(risk, disagreed, np.ones(n), np.arange(n), ceiling=ceiling, shares=[k / n for k in range(n + 1)])
    assert found is not None
    order = np.argsort(-risk)
    for k, point in enumerate(found.points):
        kept = 1 - disagreed[order[k:]]
        assert point.agreement == pytest.approx((k * ceiling + kept.sum()) / n)
        assert point.low - 1e-9 <= point.high
    assert found.points[0].agreement == found.points[0].at_random == pytest.approx(1 - disagreed.mean())
    assert found.points[-1].agreement == pytest.approx(ceiling)


def test_equal_risks_are_no_better_than_chance() -> None:
    _, disagreed = world(200, 1)
    found = forecast(np.full(200, 0.3), disagreed, np.ones(200), np.arange(200))
    assert found is not None
    for point in found.points:
        assert point.agreement == pytest.approx(point.at_random)


def test_its_interval_holds_what_then_happens_though_the_hard_items_were_asked_more_often() -> None:
    held = rounds = 0
    for seed in range(40):
        risk, disagreed = world(20_000, seed)
        asked = np.where(risk > 0.4, 0.06, 0.015)
        seen = np.random.default_rng(seed).random(20_000) < asked
        found = forecast(risk[seen], disagreed[seen], asked[seen], np.arange(seen.sum()), shares=[0, 0.25, 0.5])
        assert found is not None
        for point in found.points:
            cut = np.quantile(risk, 1 - point.share)
            truth = np.where(risk >= cut, 1.0, 1 - disagreed).mean() if point.share else 1 - disagreed.mean()
            held += point.low <= truth <= point.high
            rounds += 1
    assert held / rounds >= 0.88


def test_too_few_items_make_no_curve() -> None:
    risk, disagreed = world(LEAST - 1, 0)
    assert forecast(risk, disagreed, np.ones(LEAST - 1), np.arange(LEAST - 1)) is None
