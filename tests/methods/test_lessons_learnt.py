"""What methods take from lessons before any loss: who weighs what, what is refused, what is left out."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from common.plugs import load
from tests.methods import lessons, small
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Refused
from training_bridge.methods.reward_aspects import RewardAspectsConfig
from training_bridge.trainer.aspects import Scored, solve
from training_bridge.trainer.groups import mismatched, text_groups, thumb_groups
from training_bridge.trainer.judged import Judged, Relation, Score, Thumb, read_snapshot


@pytest.fixture(scope="module")
def tokenizer(policy: Path) -> Any:
    from lm.loading import load_causal

    return load_causal(str(policy)).tokenizer


def test_members_of_an_ensemble_weigh_prompts_by_a_bayesian_bootstrap(tokenizer: Any, tmp_path: Path) -> None:
    """Exponential weights (Rubin 1981): none is nought, each member's have mean one and variance one."""
    judged = read_snapshot(small.snapshot(tmp_path / "many", pairs=400), "train")
    method = load(METHODS, "reward_ensemble", "method")
    config = method.Config(members=4, max_length=64)
    weights = np.array([group.members for group in method.groups(tokenizer, judged, config, 7)])
    assert weights.shape == (333, 4) and weights.min() > 0
    assert weights.mean(0) == pytest.approx(np.ones(4))
    assert weights.var(0) == pytest.approx(np.ones(4), abs=0.45)
    assert np.abs(np.corrcoef(weights.T)[np.triu_indices(4, 1)]).max() < 0.2
    again = np.array([group.members for group in method.groups(tokenizer, judged, config, 7)])
    assert (again == weights).all()


def test_a_rank_shared_by_more_than_can_be_reckoned_is_refused_in_words(tokenizer: Any) -> None:
    said = [small.said(f"Answer {number} of many.") for number in range(15)]
    wide = [Relation(place, 14, 1.0, 1.0, 1.0) for place in range(14)]
    method = load(METHODS, "reward_ranking", "method")
    one = [Judged("1", small.asked(1), said, wide)]
    with pytest.raises(Refused, match="14 responses share a rank; at most 12"):
        method.groups(tokenizer, one, method.Config(), 7)
    assert method.groups(tokenizer, one, method.Config(likelihood="all_pairs"), 7)
    best = [Judged("1", small.asked(1), said, [Relation(14, place, 1.0, 1.0, 1.0) for place in range(14)])]
    assert method.groups(tokenizer, best, method.Config(), 7), "a last rank may be as wide as it likes"


@pytest.mark.parametrize("likelihood", ["plackett_luce", "all_pairs"])
def test_a_list_whose_winners_go_round_in_a_circle_has_no_order(tokenizer: Any, likelihood: str) -> None:
    said = [small.said(text) for text in ("It opens at nine.", "At nine, I think.", "What now?")]
    circle = [Relation(0, 1, 0.6, 1.0, 1.0), Relation(0, 2, 0.35, 1.0, 1.0), Relation(1, 2, 0.6, 1.0, 1.0)]
    ordered = [Relation(0, 1, 0.6, 1.0, 1.0), Relation(0, 2, 0.55, 1.0, 1.0), Relation(1, 2, 0.6, 1.0, 1.0)]
    round_about, clear = (Judged(str(n), small.asked(n), said, each) for n, each in enumerate([circle, ordered]))
    method = load(METHODS, "reward_ranking", "method")
    config = method.Config(likelihood=likelihood)
    assert len(method.groups(tokenizer, [round_about, clear], config, 7)) == 1
    with pytest.raises(Refused, match="no list in which one response is better"):
        method.groups(tokenizer, [round_about], config, 7)


def test_what_is_preferred_is_what_lost_to_none_whatever_the_order_of_the_pairs(tokenizer: Any) -> None:
    said = [small.said(text) for text in ("It opens at nine.", "At nine, I think.", "Nine?", "What now?")]
    ranking = [Relation(a, b, 0.8, 1.0 + a + b, 1.0) for a, b in combinations(range(4), 2)]
    config, even = load(METHODS, "sft", "method").Config(max_length=64), {"use_weights": False}

    turned = [replace(one, better=one.worse, worse=one.better, soft=0.2) for one in ranking]

    def taught(relations: list[Relation], **change: Any) -> list[tuple[str, float]]:
        judged = [Judged("1", small.asked(1), said, relations)]
        groups = text_groups(tokenizer, judged, config.model_copy(update=change), "preferred")
        return [(tokenizer.decode(one.responses[0][:-1]), one.weight / len(one.responses[0])) for one in groups]

    for relations in (ranking, ranking[::-1], turned):
        assert taught(relations) == [("It opens at nine.", 3.0)]
        assert taught(relations, **even) == [("It opens at nine.", 1.0)]
    weightless = [Relation(0, 1, 1.0, 0.0, 1.0), Relation(0, 2, 1.0, 1.0, 1.0), Relation(3, 0, 1.0, 0.0, 1.0)]
    assert taught(weightless) == taught(weightless[::-1]) == [("It opens at nine.", 1.0)]
    assert taught(weightless, **even) == [("What now?", 1.0)]
    tied = [Relation(0, 1, 0.5, 1.0, 1.0), Relation(0, 2, 1.0, 1.0, 1.0), Relation(1, 2, 1.0, 1.0, 1.0)]
    assert [text for text, _ in taught(tied)] == ["It opens at nine.", "At nine, I think."]
    with pytest.raises(Refused, match="no text to learn"):
        taught([Relation(0, 1, 1.0, 1.0, 1.0), Relation(1, 2, 1.0, 1.0, 1.0), Relation(2, 0, 1.0, 1.0, 1.0)])


def test_a_thumb_that_is_even_is_nobodys_and_a_pair_of_one_text_gives_none(tokenizer: Any) -> None:
    """Hard labels of a split vote used to read as thumbs down; a text against itself as both wanted and not."""
    config = load(METHODS, "kto", "method").Config(use_soft_labels=False, max_length=64)
    said = [small.said("It opens at nine."), small.said("It opens at nine."), small.said("What now?")]
    even = Judged("1", small.asked(1), said, thumbs=[Thumb(0, 0.5, 1.0), Thumb(2, 0.2, 1.0), Thumb(1, 0.7, 1.0)])
    [group] = thumb_groups(tokenizer, [even], config)
    assert [one.soft for one in group.thumbs] == [0.5, 0.0, 1.0]
    same = Judged("2", small.asked(2), said, [Relation(0, 1, 1.0, 1.0, 1.0), Relation(1, 2, 1.0, 1.0, 1.0)])
    [group] = thumb_groups(tokenizer, [same], config)
    assert [(one.response, one.soft) for one in group.thumbs] == [(1, 1.0), (2, 0.0)]
    with pytest.raises(Refused):
        thumb_groups(tokenizer, [Judged("3", small.asked(3), said, [Relation(0, 1, 1.0, 1.0, 1.0)])], config)


def scored(prompts: int, heads: np.ndarray[Any, Any], noise: float = 0.0) -> list[Scored]:
    """Two items of each prompt; the second aspect has a score of every other response only."""
    drawn, found = np.random.default_rng(3), []
    for number in range(2 * prompts):
        features = drawn.normal(size=(2, heads.shape[1]))
        values = features @ heads.T + noise * drawn.normal(size=(2, len(heads)))
        scores = [Score(place, "right", values[place, 0], 1.0) for place in (0, 1)]
        scores += [Score(0, "short", values[0, 1], 1.0)]
        item = Judged(str(number), small.asked(number // 2), [small.said("a"), small.said("b")], scores=scores)
        found.append(Scored(item, torch.zeros(heads.shape[1]), torch.tensor(features)))
    return found


def test_heads_of_aspects_are_found_from_scores_with_gaps() -> None:
    """Missing is not zero: an aspect scored in half of the rows is found as well as one scored in all."""
    heads = np.random.default_rng(4).normal(size=(2, 6))
    found, errors = solve(scored(60, heads), ["right", "short"], RewardAspectsConfig(), 7)
    assert found.numpy() == pytest.approx(heads, abs=1e-3)
    assert errors["aspect_error"] < 1e-4 < 1 < errors["constant_error"]
    noisy, errors = solve(scored(60, heads, noise=0.5), ["right", "short"], RewardAspectsConfig(), 7)
    assert noisy.numpy() == pytest.approx(heads, abs=0.3)
    assert 0.1 < errors["aspect_error"] < 0.5 < errors["constant_error"]


def test_what_was_asked_of_one_prompt_does_not_choose_for_itself() -> None:
    """With a single prompt there is nobody apart to choose by: alpha is 1, and no error is claimed."""
    heads = np.ones((2, 6))
    found, errors = solve(scored(1, heads), ["right", "short"], RewardAspectsConfig(), 7)
    assert errors == {} and found.shape == (2, 6)


def test_a_step_with_thumbs_of_one_kind_alone_has_a_loss(policy: Path, tmp_path: Path) -> None:
    rows = lessons.lines(lessons.snapshot(tmp_path / "all") / "lessons.jsonl")
    for row in rows:
        row["thumbs"] = [one for one in row["thumbs"] if one["soft"] == 1.0]
    small.write_lines(tmp_path / "liked" / "lessons.jsonl", rows)
    small.write_lines(tmp_path / "liked" / "preferences.jsonl", [])
    method, reports = load(METHODS, "kto", "method"), []
    config = method.Config(learning_rate=2e-3, epochs=2, batch_size=8, max_length=96, checkpoint_every=100)
    given = {"base": small.base(str(policy)), "snapshot": tmp_path / "liked", "reports": reports}
    method.train(small.context(tmp_path / "run", **given), config)
    losses = [loss for _, loss, _ in small.losses(reports)]
    # Everybody likes the same words, to whatever prompt: nothing sets them apart from what is said elsewhere.
    assert losses == pytest.approx([0.5] * len(losses), abs=1e-3) and len(losses) > 2


def test_a_mismatched_response_is_another_prompts_and_one_that_was_judged(tokenizer: Any, tmp_path: Path) -> None:
    judged = read_snapshot(lessons.snapshot(tmp_path / "judged"), "train")
    config = load(METHODS, "kto", "method").Config(max_length=96)
    groups = mismatched(thumb_groups(tokenizer, judged, config), 5, 64)
    own = {tuple(group.prompt): group for group in groups}
    assert len(own) == len(groups) > 5
    for group in groups:
        (beside,) = group.beside
        assert beside.prompt == group.prompt and beside.weight == 0
        others = [one for one in groups if one.prompt != group.prompt]
        said = {tuple(one.responses[thumb.response]) for one in others for thumb in one.thumbs}
        assert tuple(beside.responses[0]) in said
    assert all(isinstance(thumb, Thumb) and 0 <= thumb.soft <= 1 for group in groups for thumb in group.thumbs)
