"""Features, the model of disagreement, and what routing would be worth: pure, against closed forms and known worlds."""

import gzip
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import route
from routing import curves, disagreement, features
from routing.features import NAMES, Signals
from routing.history import History
from routing.history import cells as cells_of


def cases(random, n=1200, people=3, judge_right=0.7, person_right=0.93, hint=2.0):
    """A world in which one feature hints at the items that the judge gets wrong."""
    true = random.integers(0, 2, n)
    hard = random.random(n)
    wrong = random.random(n) < (1 - judge_right) * 2 * hard
    said = np.where(random.random((n, people)) < person_right, true[:, None], 1 - true[:, None])
    told = np.column_stack([hint * hard + random.normal(size=n), random.normal(size=n), np.full(n, np.nan)])
    return curves.Cases(np.where(wrong, 1 - true, true), said, np.arange(n) // 3, told, told[:, 0])


def test_features_have_their_names_and_what_is_unknown_is_nan():
    told = Signals("left", swapped="right", samples=["left", "tie"], p_left=0.9, score_gap=2.0, others=["tie", "left"])
    texts = features.text_row("a b c", ["x y", "x y z w"])
    (row, bare) = features.matrix([(texts, told), (None, Signals(asked=False))])
    named = dict(zip(NAMES, row, strict=True))
    assert len(NAMES) == len(set(NAMES)) == len(row) and np.isnan(bare).all()
    assert named["order_matters"] == 1 and named["samples_differ"] == 0.5 and named["others_disagree"] == 0.5
    assert named["margin"] == pytest.approx(0.8) and named["gap"] == pytest.approx(math.log(3))
    assert named["alike"] == 0.5 and named["identical"] == 0 and named["uneven"] == pytest.approx(math.log(5 / 3))
    assert named["towards_longer"] == pytest.approx(-math.log(5 / 3)), "the judge takes the shorter one"
    assert math.isnan(named["others_gap"])


@given(st.text(), st.lists(st.text(), min_size=1, max_size=4), st.randoms())
def test_features_of_texts_do_not_know_which_response_is_which(prompt, responses, random):
    places = random.sample(range(len(responses)), len(responses))
    one = features.matrix([(features.text_row(prompt, responses), Signals(taken=0))])
    moved = features.text_row(prompt, [responses[place] for place in places])
    other = features.matrix([(features.unpacked(features.packed(moved)), Signals(taken=places.index(0)))])
    assert one == pytest.approx(other, rel=1e-5, abs=1e-6, nan_ok=True)
    told = one[0, len(features.SIGNALS) : -len(features.MEANING)]
    assert np.isfinite(told).sum() == len(features.LEXICAL) - 2 * (len(responses) == 1)


def test_a_model_finds_the_hint_and_says_how_sure_it_is():
    random = np.random.default_rng(0)
    world = cases(random)
    fitted = disagreement.fit(world.features, world.disagreed, world.groups, names=("hint", "noise", "unknown"))
    assert fitted.auc_low > 0.55 and fitted.auc_low < fitted.auc < fitted.auc_high
    again = disagreement.Fitted.from_json(json.loads(json.dumps(fitted.as_json())))
    fresh = cases(np.random.default_rng(1))
    risk = again.risk(fresh.features)
    assert (risk == fitted.risk(fresh.features)).all()
    for low, high in ((0.0, 0.25), (0.25, 0.4), (0.4, 1.0)):
        inside = (risk >= low) & (risk < high)
        assert abs(risk[inside].mean() - fresh.disagreed[inside].mean()) < 0.06, "risks mean what they say"
    (first, weight), *_ = fitted.reasons([3.0, 0.0, np.nan])
    assert first == "hint" and weight > 0
    with pytest.raises(ValueError, match="nothing to learn"):
        disagreement.fit(world.features, np.zeros(len(world)), world.groups, names=())


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(drawn):
    scores, wrong = [score for score, _ in drawn], [bad for _, bad in drawn]
    pairs = [(a > b) + (a == b) / 2 for a, bad in drawn if bad for b, other in drawn if not other]
    expected = np.mean(pairs) if pairs else 0.5
    assert disagreement.auc_of(scores, wrong)[0] == pytest.approx(expected)


def test_a_model_never_sees_the_group_that_it_judges():
    """Labels that only the group explains cannot be foretold: cross-fitted scores know nothing of them."""
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(60), 8)
    told = np.column_stack([groups == group for group in range(60)]).astype(float)
    label = np.repeat(random.random(60) < 0.5, 8).astype(float)
    auc, low, _ = disagreement.auc_of(disagreement.cross_fitted(told, label, groups), label)
    assert low < 0.5 and auc < 0.6


def test_one_person_is_left_out_and_the_others_must_agree():
    def agree(judge, people, bought):
        made = curves.Cases(np.array([judge]), np.array([people]), np.zeros(1), np.zeros((1, 1)), np.zeros(1))
        return curves.agreement(made, [np.array([bought])] * len(people))

    left, right, tie = 0, 1, 2
    assert agree(left, [left, left, tie], False) == 1, "only the third left out gives a reference: left"
    assert agree(left, [left, left, tie], True) == 0, "the label is then the third's tie"
    assert math.isnan(agree(tie, [left, tie, right], True))


def test_history_is_shrunk_by_what_cells_tell_and_learnt_honestly():
    random = np.random.default_rng(8)
    names = [f"law | m{cell}" for cell in range(12)]
    alike = History.of([[names[i % 12]] for i in range(600)], (random.random(600) < 0.3).astype(float))
    assert np.ptp(list(alike.rates.values())) < 0.08, "cells that differ by chance alone have about the mean"
    rates = random.beta(1, 1, 12)
    own = [(names[i % 12],) for i in range(600)]
    y = (random.random(600) < np.array([rates[i % 12] for i in range(600)])).astype(float)
    apart = History.of(own, y)
    assert all(abs(apart.rates[name] - rate) < 0.2 for name, rate in zip(names, rates, strict=True))
    told, groups = np.zeros((600, 1)), np.arange(600)
    fitted = disagreement.fit(told, y, groups, names=("none", "history"), cells=own)
    assert fitted.auc > 0.7 and fitted.reasons([0.0, 2.0])[0][0] == "history"
    lucky = [(f"m{i // 5}",) for i in range(600)]
    noise = disagreement.fit(told, y, groups, names=("none", "history"), cells=lucky)
    assert noise.auc < 0.6, "what no other item of the cell confirms is worth nothing"
    assert np.isnan(apart.column([[]])[0]) and cells_of(["law"], ["b", "a", ""]) == ("law | a × b",)


def test_policies_stand_between_random_and_the_oracle():
    world = cases(np.random.default_rng(3))
    reached = {name: curves.curve(world, choose, 0.25, 4) for name, choose in curves.POLICIES.items()}
    assert reached["random"] < reached["learned_cold"] < reached["oracle"]
    assert reached["random"] + 0.02 < reached["learned_warm"] < reached["oracle"]
    ends = {
        name: [curves.curve(world, choose, share, 2) for share in (0, 1)] for name, choose in curves.POLICIES.items()
    }
    assert len({round(low, 9) for low, _ in ends.values()}) == 1
    assert ends["learned_cold"][1] == pytest.approx(ends["random"][1])
    low, high = curves.lift_interval(world, curves.learned_warm, 0.25, draws=60)
    assert 0 < low < reached["learned_warm"] - reached["random"] < high


def test_where_people_are_noisier_than_the_judge_gain_stops_buying():
    noisy = cases(np.random.default_rng(4), judge_right=0.85, person_right=0.7, hint=0.0)
    assert curves.stop_buying_after(noisy, seeds=5) is not None
    assert curves.curve(noisy, curves.by_gain, 1.0, 1) > curves.curve(noisy, curves.at_random, 1.0, 1) + 0.05
    assert curves.stop_buying_after(cases(np.random.default_rng(5)), seeds=5) is None


def test_the_certificate_of_a_known_world_is_kept():
    found = curves.certificate(cases(np.random.default_rng(6)), runs=200)
    assert found["violations"] <= 0.1 + 2 * math.sqrt(0.09 / 200) < found["naive_violations"]
    assert 0 < found["coverage"] < 1


def folder(tmp_path, rows, **manifest):
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "made", "judge": "j"} | manifest))
    with gzip.open(tmp_path / "pairs.jsonl.gz", "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


@pytest.mark.parametrize("gold", [False, True])
def test_any_folder_of_the_shape_is_measured(tmp_path, gold):
    """With or without texts, people, tags and features; one judge or several; texts that are no texts."""
    random = np.random.default_rng(7)
    rows = []
    for number in range(120):
        true = "ab"[int(random.integers(2))]
        row = {"id": str(number), "group": number // 2, "prompt": None, "a": None, "b": None}
        row["humans"] = {"h": true} if gold else {name: true if random.random() < 0.9 else "tie" for name in "xyz"}
        row["judges"] = {"j": {"verdict": true if random.random() < 0.7 else None}}
        if number % 3 == 0:
            row |= {"prompt": "p", "a": True, "b": "some text", "tags": {"domain": "code"}, "features": {"size": 1.5}}
            row["judges"]["k"] = {"verdict": "tie", "score_gap": 0.5}
        rows.append(row)
    name, made = route.load(folder(tmp_path, rows, reference="gold" if gold else "leave_one_out"))
    found = curves.measure(made, name=name, shares=(0, 25, 100), seeds=2)
    assert found["dataset"] == "made" and json.loads(json.dumps(found)) == found
    assert found["policies"]["oracle"]["100"]["agreement"] >= found["policies"]["random"]["100"]["agreement"]
    if gold:
        assert found["policies"]["random"]["100"]["agreement"] == 100 and found["stop_buying_after"] is None


def test_a_folder_that_is_none_says_so(tmp_path):
    with pytest.raises(SystemExit, match="no folder of routing data"):
        route.load(tmp_path)
