"""Soft labels by what they must obey: closed forms, known truths recovered, symmetries, and people before judges."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from benchmarks import held_out
from common.errors import Invalid
from common.intervals import wilson
from common.plugs import load
from training_bridge.derivations import DERIVATIONS, Derivation, Estimate
from training_bridge.derivations.bradley_terry import davidson, standings
from training_bridge.derivations.settings import Derivation as Asked
from training_bridge.derivations.settings import parse, plug_of
from training_bridge.derivations.votes import Compared, Votes

KEYS = sorted(DERIVATIONS)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def estimated(key: str, votes: Votes, **settings: Any) -> Estimate:
    plug = plug_of(key)
    return plug.estimate(votes, plug.Config(**settings), lambda step: None)


def crowd(seed: int, *, units: int, outcomes: int, accuracies: list[float]) -> tuple[Votes, np.ndarray]:
    """Every rater judges every unit; a wrong answer is any of the others. Returns the votes and the true answers."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, outcomes, units)
    raters = len(accuracies)
    unit, rater = np.repeat(np.arange(units), raters), np.tile(np.arange(raters), units)
    right = rng.random(len(unit)) < np.array(accuracies)[rater]
    said = np.where(right, truth[unit], (truth[unit] + rng.integers(1, outcomes, len(unit))) % outcomes)
    return Votes.of(unit, rater, said, outcomes=outcomes), truth


def compared(votes: Votes, sides: Any) -> Votes:
    """The votes as comparisons (left, right, tie) of the responses `sides` [U, 2], of no known model."""
    pairs = np.asarray(sides, dtype=np.int64)
    about = Compared(pairs, np.full_like(pairs, -1), (), left=0, right=1, tie=2)
    return Votes(votes.unit, votes.rater, votes.outcome, votes.weight, votes.human, votes.known, about)


# What holds of every derivation


@st.composite
def crowds(draw: Any) -> Votes:
    """A few votes on comparisons of a few responses, of people and judges."""
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    rows = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40))
    unit, rater, outcome = zip(*{(u, r): (u, r, o) for u, r, o in rows}.values(), strict=True)
    human = draw(st.lists(st.booleans(), min_size=5, max_size=5))
    nothing = np.full((6, 3), np.nan)
    return compared(Votes.of(unit, rater, outcome, outcomes=3, human=human, known=nothing), pairs)


@pytest.mark.parametrize("key", KEYS)
@settings(max_examples=20)
@given(votes=crowds(), data=st.data())
def test_what_holds_of_every_derivation(key: str, votes: Votes, data: Any) -> None:
    found = estimated(key, votes)
    assert np.allclose(found.soft.sum(1), 1) and (found.soft >= 0).all()
    assert (found.hits <= found.of + 1e-9).all() and (found.of <= np.bincount(votes.rater, minlength=5) + 1e-9).all()
    # The names of outcomes mean nothing: left and right changed about, with the responses, give the same label.
    swapped = np.array([1, 0, 2])
    assert votes.compared is not None
    about = Compared(votes.compared.responses[:, ::-1], votes.compared.models, (), left=0, right=1, tie=2)
    other = Votes(votes.unit, votes.rater, swapped[votes.outcome], votes.weight, votes.human, votes.known, about)
    assert np.allclose(estimated(key, other).soft[:, swapped], found.soft, atol=1e-6)
    # Nor does the order of votes, or of raters.
    order = data.draw(st.permutations(range(len(votes.unit))))
    names = np.array(data.draw(st.permutations(range(5))))
    human = np.empty(5, dtype=bool)
    human[names] = votes.human
    columns = (votes.unit[order], names[votes.rater[order]], votes.outcome[order], votes.weight[order])
    again = Votes(*columns, human=human, known=votes.known, compared=votes.compared)
    assert np.allclose(estimated(key, again).soft, found.soft, atol=1e-6)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "bradley_terry"])  # strengths are of all pairs together
@settings(max_examples=25)
@given(votes=crowds(), judges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=20))
def test_judges_change_nothing_that_people_have_judged(key: str, votes: Votes, judges: list[tuple[int, int]]) -> None:
    """However many judges say the opposite, on those very units."""
    people = votes.by_person
    alone, units = votes.part(people, known=votes.known, weight=votes.weight)
    if not people.any():
        return
    unit = np.concatenate([alone.unit, [place % len(units) for place, _ in judges]]).astype(np.int64)
    rater = np.concatenate([alone.rater, [5 + number for number in range(len(judges))]]).astype(np.int64)
    outcome = np.concatenate([alone.outcome, [said for _, said in judges]]).astype(np.int64)
    human = np.concatenate([np.asarray(votes.human), np.zeros(len(judges), dtype=bool)])
    both = Votes(unit, rater, outcome, np.ones(len(unit)), human, alone.known, alone.compared)
    assert np.allclose(estimated(key, both).soft, estimated(key, alone).soft, atol=1e-12)


def test_six_judges_who_err_together_are_no_six_raters() -> None:
    """One item in four they all get wrong: their labels are as sure as people found one judge's verdict to be right."""
    rng = np.random.default_rng(2)
    units = 2000
    truth = rng.integers(0, 2, units)
    verdict = np.where(rng.random(units) < 0.75, truth, 1 - truth)
    asked = rng.permutation(units)[:400]
    unit = np.concatenate([np.repeat(asked, 3), np.repeat(np.arange(units), 6)])
    rater = np.concatenate([np.tile([0, 1, 2], 400), np.tile(np.arange(3, 9), units)])
    people = np.where(rng.random(1200) < 0.9, truth[np.repeat(asked, 3)], 1 - truth[np.repeat(asked, 3)])
    outcome = np.concatenate([people, np.repeat(verdict, 6)])
    votes = Votes.of(unit, rater, outcome, outcomes=2, human=[True] * 3 + [False] * 6)
    left = np.setdiff1d(np.arange(units), asked)
    found = estimated("dawid_skene", votes)
    for said in (0, 1):
        confirmed = (truth[asked] == said)[verdict[asked] == said].mean()
        assert np.abs(found.soft[left[verdict[left] == said], said] - confirmed).max() < 0.05
    assert np.abs(found.hits[3:] / found.of[3:] - (truth == verdict)[asked].mean()).max() < 0.05
    pooled = Votes.of(unit, rater, outcome, outcomes=2)  # as if they were people
    assert estimated("dawid_skene", pooled).soft[left].max(1).min() > 0.9


@pytest.mark.parametrize("key", [key for key in KEYS if key != "bradley_terry"])
def test_known_answers_stand_and_tell_raters_apart(key: str) -> None:
    """Rater 0 answers ten gold items as known, rater 1 none of them; then they differ on one item."""
    unit = [*range(10), *range(10), 10, 10]
    rater = [0] * 10 + [1] * 10 + [0, 1]
    outcome = [0] * 10 + [1] * 10 + [0, 1]
    known = np.full((11, 2), np.nan)
    known[:10] = [1, 0]
    votes = Votes.of(unit, rater, outcome, outcomes=2, known=known)
    found = estimated(key, votes)
    assert (found.soft[:10] == [1, 0]).all()
    assert found.hits[0] / found.of[0] > 0.85 and found.hits[1] / found.of[1] < 0.15
    assert found.soft[10, 0] == 0.5 if key == "vote_share" else found.soft[10, 0] > 0.6


@pytest.mark.parametrize("key", KEYS)
def test_one_rater_alone_is_believed_and_not_measured(key: str) -> None:
    votes = compared(Votes.of([0, 1, 2], [0, 0, 0], [0, 1, 1], outcomes=3), [(1, 2), (3, 4), (5, 6)])
    found = estimated(key, votes)
    assert (found.soft.argmax(1) == [0, 1, 1]).all() and found.of[0] == 0
    assert wilson(found.hits[0], found.of[0]) == (0.0, 1.0)


@given(hits=st.integers(0, 50), of=st.integers(1, 50))
def test_intervals_are_wilsons(hits: int, of: int) -> None:
    """The ends are where the score test just does not reject: (p̂ − p)² = z² p (1 − p) / n."""
    hits = min(hits, of)
    low, high = wilson(hits, of)
    assert low <= hits / of <= high
    for end in (low, high):
        if 0 < end < 1:
            assert (hits / of - end) ** 2 == pytest.approx(1.959963984540054**2 * end * (1 - end) / of, abs=1e-12)


# Bradley–Terry


def test_two_responses_have_a_closed_form() -> None:
    """Davidson: with wins a, b and t ties the maximum has P = shares, so d = ln(a / b) and ν = t / √(a b)."""
    found = davidson(
        np.array([0]), np.array([1]), np.array([[30.0, 12.0, 8.0]]), entities=2, prior_sd=1e4, say=lambda _: None
    )
    assert found.chances(np.array([0]), np.array([1]))[0] == pytest.approx([0.6, 0.24, 0.16], abs=1e-6)
    assert found.strength[0] - found.strength[1] == pytest.approx(np.log(30 / 12), abs=1e-5)
    assert found.tie == pytest.approx(np.log(8 / np.sqrt(30 * 12)), abs=1e-5)


def test_the_worked_value_of_the_formula_is_met() -> None:
    """r = (0.7, 0), ν = 0.5: (0.540854, 0.268580, 0.190567)."""
    from training_bridge.derivations.bradley_terry import _chances

    assert _chances(np.array([0.7]), float(np.log(0.5)))[0] == pytest.approx([0.540854, 0.268580, 0.190567], abs=1e-6)


def test_strengths_are_the_maximum_of_the_likelihood() -> None:
    rng = np.random.default_rng(4)
    names, true, tie = tuple("abcde"), np.array([1.0, 0.4, 0.0, -0.4, -1.0]), np.log(0.6)
    left, right = np.array([(a, b) for a in range(5) for b in range(a + 1, 5)]).T
    logits = np.stack([(true[left] - true[right]) / 2, (true[right] - true[left]) / 2, np.full(10, tie)], 1)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    counts = np.array([rng.multinomial(400, row) for row in chances], float)
    found = davidson(left, right, counts, entities=5, prior_sd=1e3, say=lambda _: None)

    def surprise(point: np.ndarray) -> float:
        apart = point[left] - point[right]
        scores = np.stack([apart / 2, -apart / 2, np.full(10, point[5])], 1)
        return float(-(counts * (scores - np.logaddexp.reduce(scores, axis=1)[:, None])).sum())

    other = optimize.minimize(surprise, np.zeros(6), method="BFGS", options={"gtol": 1e-7}).x
    assert found.strength == pytest.approx(other[:5] - other[:5].mean(), abs=1e-4)
    assert found.tie == pytest.approx(other[5], abs=1e-4)
    table = standings(found, names, np.full(5, 1600.0), np.arange(10))
    assert [row.name for row in table] == list("abcde")
    assert all(row.low < row.share < row.high for row in table)


def chances_of(apart: float, tie: float) -> np.ndarray:
    scores = np.exp([apart / 2, -apart / 2, tie])
    return scores / scores.sum()


def test_intervals_of_strengths_hold_the_truth_as_often_as_they_say() -> None:
    true, tie = np.array([0.8, 0.1, -0.2, -0.7]), np.log(0.5)
    left, right = np.repeat([(a, b) for a in range(4) for b in range(a + 1, 4)], 80, axis=0).T
    chances = np.array([chances_of(true[a] - true[b], tie) for a, b in zip(left, right, strict=True)])
    rng, held = np.random.default_rng(8), []
    for _ in range(60):
        counts = rng.multinomial(1, chances).astype(float)
        found = davidson(left, right, counts, entities=4, prior_sd=100, say=lambda _: None)
        table = standings(found, tuple("abcd"), np.ones(4), np.arange(480))
        share = {row.name: (row.low, row.high) for row in table}
        # A share is taken at the tie that was found, so the truth is, too.
        for name, strength in zip("abcd", true, strict=True):
            low, high = share[name]
            held.append(low <= chances_of(strength, found.tie) @ [1, 0, 0.5] <= high)
    assert 0.91 < np.mean(held) < 0.99


@pytest.mark.parametrize("ranked", [False, True])
def test_intervals_of_strengths_know_that_votes_on_one_prompt_go_together(ranked: bool) -> None:
    """Four of five raters say what the first one said of a pair; or a ranking of three is three pairs, said twice."""
    rng, true, items, held = np.random.default_rng(3), np.array([0.8, 0.1, -0.2, -0.7]), 60, []
    pairs, voters = ([(0, 1), (1, 2), (0, 2)], 2) if ranked else ([(0, 1)], 5)
    for _ in range(100):
        models = np.array([rng.permutation(4)[:3] for _ in range(items)])
        drawn = true[models][:, None] + rng.gumbel(size=(items, voters, 3))  # differences are logistic
        same = rng.random((items, voters, 1)) < (1.0 if ranked else 0.8)
        drawn = np.where(same, drawn[:, :1], drawn)
        said = np.stack([drawn[..., a] < drawn[..., b] for a, b in pairs], 1).astype(int)  # [items, pairs, voters]
        sides = [(3 * item + a, 3 * item + b) for item in range(items) for a, b in pairs]
        about = Compared(np.array(sides), models.reshape(-1)[np.array(sides)], tuple("abcd"), left=0, right=1, tie=2)
        unit = np.repeat(np.arange(len(sides)), voters)
        votes = Votes.of(unit, np.zeros_like(unit), said.reshape(-1), outcomes=3)
        votes = Votes(votes.unit, votes.rater, votes.outcome, votes.weight, votes.human, votes.known, about)
        for one in estimated("bradley_terry", votes, of="models", prior_sd=100).strengths:
            held.append(one.low <= chances_of(true["abcd".index(one.name)], -np.inf)[0] <= one.high)
    assert 0.92 <= np.mean(held) <= 0.99


def test_a_model_that_always_wins_is_no_certainty() -> None:
    """Its votes surprise nobody; what they leave open is what the prior does."""
    sides = np.arange(40).reshape(20, 2)
    about = Compared(sides, np.tile([0, 1], (20, 1)), ("best", "other"), left=0, right=1, tie=2)
    votes = Votes.of(np.arange(20), np.zeros(20), np.zeros(20), outcomes=3)
    votes = Votes(votes.unit, votes.rater, votes.outcome, votes.weight, votes.human, votes.known, about)
    best, _other = estimated("bradley_terry", votes, of="models").strengths
    assert best.name == "best" and best.low < 0.85 < best.share


def test_what_is_said_of_other_pairs_of_a_prompt_counts() -> None:
    """a beat b and b beat c many times over: a pair (a, c) on which one rater said c is still for a."""
    unit = [0] * 9 + [1] * 9 + [2]
    votes = Votes.of(unit, list(range(19)), [0] * 18 + [1], outcomes=3)
    found = estimated("bradley_terry", compared(votes, [(1, 2), (2, 3), (1, 3)]))
    assert found.soft[2, 0] > 0.6 and estimated("vote_share", votes).soft[2, 1] == 1


# Real judgments


def test_reliability_helps_on_real_judgments() -> None:
    if not (DATA / "pandalm").exists():
        pytest.skip("../shared/data/pandalm is not here")
    draws = [held_out.agreement(held_out.pandalm(DATA), seed=seed) for seed in range(5)]
    found = {key: np.mean([draw[key] for draw in draws]) for key in draws[0]}
    assert found["vote_share"] > 0.91
    assert min(found["one_coin"], found["dawid_skene"]) > found["vote_share"]


@pytest.mark.parametrize("key", ["dawid_skene", "one_coin"])
def test_noisy_comparisons_are_not_explained_by_a_bias_to_one_side(key: str) -> None:
    """Three raters who err on a third of the pairs: with a prior of its own for either side the likeliest model may be
    that nearly all answers are on one side, which nobody said."""
    plug: Any = plug_of(key)
    for seed in range(8):
        drawn = np.random.default_rng(seed)
        truth = drawn.integers(0, 2, 400)
        votes = np.where(drawn.random((400, 3)) < 0.68, truth[:, None], 1 - truth[:, None])
        unit, rater = np.indices(votes.shape)
        sides = np.arange(800).reshape(-1, 2)
        about = Compared(sides, np.full_like(sides, -1), (), left=0, right=1, tie=2)
        cast = replace(Votes.of(unit.ravel(), rater.ravel(), votes.ravel(), outcomes=3), compared=about)
        found = plug.estimate(cast, plug.Config(), lambda step: None).soft
        mirrored = replace(cast, outcome=1 - cast.outcome)
        np.testing.assert_allclose(plug.estimate(mirrored, plug.Config(), lambda step: None).soft[:, [1, 0, 2]], found)
        right = (found.argmax(1) == truth).mean()
        assert right > ((votes.sum(1) > 1) == truth).mean() - 0.03 and abs(found[:, 0].mean() - 0.5) < 0.1


# What a snapshot may ask for


def test_a_derivation_is_pinned_whole_and_wrong_ones_are_refused_at_their_field() -> None:
    assert parse({}).model_dump(include={"soft_labels", "version", "settings"}) == {
        "soft_labels": "dawid_skene",
        "version": 2,
        "settings": {"smoothing": 20.0, "tolerance": 1e-7, "iterations": 200},
    }
    assert parse(parse({})) == parse({})
    assert parse({"rule": "mean"}).soft_labels == "vote_share"
    for wrong, field in [
        ({"soft_labels": "os:system"}, "soft_labels"),
        ({"soft_labels": "dawid_skene", "rule": "mean"}, "soft_labels"),
        ({"settings": {"smoothing": -1}}, "smoothing"),
        ({"soft_labels": "vote_share", "settings": {"smoothing": 1}}, "smoothing"),
        ({"version": 99}, "version"),
        ({"weights": "much"}, "weights"),
    ]:
        with pytest.raises(Invalid) as fault:
            parse(wrong)
        assert set(fault.value.fields) == {field}


def test_no_setting_of_a_derivation_is_called_like_one_of_the_snapshot() -> None:
    """They share a form."""
    for key in KEYS:
        plug: Derivation = load(DERIVATIONS, key, "derivation")
        assert not set(plug.Config.model_fields) & set(Asked.model_fields)
