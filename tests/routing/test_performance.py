"""Performance prediction, on worlds where it is known which kind of item people should judge."""

import numpy as np
import pytest

from routing import performance
from routing.performance import World


def world(seed=0, n=900, d=12, judge_wrong=0.9):
    """The judge turns round what is hard, a third of the items, and is right elsewhere; people are right everywhere."""
    random = np.random.default_rng(seed)
    apart, head = random.normal(size=(n, d)), random.normal(size=d)
    true = np.sign(apart @ head)
    hard = random.random(n) < 1 / 3
    turned = hard & (random.random(n) < judge_wrong)
    kinds, names = performance.binned(np.column_stack([hard, random.normal(size=n)]).astype(float), ("hard", "noise"))
    return World(apart, np.arange(n), true, np.where(turned, -true, true), kinds, names, np.arange(n) // 2)


def test_it_finds_what_people_should_judge():
    found = performance.predict(world(), splits=4)
    best, chance = found["quality"]["best"], found["quality"]["random"]
    assert found["gains"][0]["kind"] == "hard:2/2" and found["gains"][-1]["kind"] == "hard:1/2"
    assert best["0.25"]["mean"] > chance["0.25"]["mean"] + 0.02
    assert best["0.5"]["mean"] > found["quality"]["judge"]["mean"] + 0.03
    assert best["0.0"] == found["quality"]["judge"] and best["1.0"]["mean"] == found["quality"]["people"]["mean"]
    assert found["rank"] > 0.5 and found["best_share"] >= 0.25 and found["lift"]["low"] > 0


def test_a_head_is_the_ridge_regression_on_a_mix():
    from sklearn.linear_model import Ridge

    made = world(n=200)
    train, test = np.arange(200) < 120, np.arange(200) >= 120
    heads = performance._Heads.of(made, train, test)
    mix = np.random.default_rng(1).random((1, 200)) < 0.5
    scale = np.sqrt((made.apart[train] ** 2).mean(axis=0))
    labels = np.where(mix[0], made.people, made.judge)[train]
    blank = World(
        0 * made.apart, *(getattr(made, one) for one in ("item", "people", "judge", "kinds", "names", "groups"))
    )
    assert performance._Heads.of(blank, train, test).quality(mix)[0] == 0.5, "what cannot be told apart"
    ridge = Ridge(alpha=performance.PENALTY, fit_intercept=False).fit(made.apart[train] / scale, labels)
    right = (ridge.predict(made.apart[test] / scale) * made.people[test] > 0).mean()
    assert heads.quality(mix)[0] == pytest.approx(right)


def test_several_pairs_of_an_item_go_the_same_way_and_little_is_refused():
    made = world(n=150)
    doubled = World(
        np.vstack([made.apart, -made.apart]),
        np.concatenate([made.item, made.item]),
        np.concatenate([made.people, -made.people]),
        np.concatenate([made.judge, -made.judge]),
        made.kinds,
        made.names,
        made.groups,
    )
    one, other = performance.predict(made, splits=2), performance.predict(doubled, splits=2)
    assert one["quality"]["judge"]["mean"] == pytest.approx(other["quality"]["judge"]["mean"], abs=0.02)
    with pytest.raises(ValueError, match="100 are needed"):
        performance.predict(world(n=60))
    with pytest.raises(ValueError, match="say the same"):
        performance.predict(world(judge_wrong=0.0))


def test_kinds_are_quantiles_and_what_is_unknown_is_in_none():
    kinds, names = performance.binned(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [np.nan, 5.0]]), ("a", "b"))
    assert names == ("a:1/3", "a:2/3", "a:3/3")
    assert kinds.sum(axis=0).tolist() == [1, 1, 1] and kinds[3].sum() == 0
