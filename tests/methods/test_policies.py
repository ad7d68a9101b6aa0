"""Every method that tunes a policy, for real on a tiny one: it starts where theory says and learns what people said."""

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.plugs import load
from tests.methods import lessons, small
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Refused

SMALL = {"learning_rate": 2e-3, "epochs": 5, "batch_size": 8, "max_length": 96, "checkpoint_every": 100}
PAIRED = ["dpo", "dpo_norm", "rdpo", "ipo", "hinge", "simpo", "orpo", "lipo_lambda", "pro", "rationale_dpo"]
STARTS = {
    "dpo": math.log(2),
    "dpo_norm": math.log(2),
    "rdpo": math.log(2),
    "ipo": 25.0,
    "hinge": 1.0,
    "kto": 0.5,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.snapshot(tmp_path_factory.mktemp("judged"))


def trained(key: str, room: Path, policy: Path, judged: Path, **config: Any) -> tuple[Any, list[dict[str, float]]]:
    method, reports = load(METHODS, key, "method"), []
    context = small.context(room / key, base=small.base(str(policy)), snapshot=judged, reports=reports)
    result = method.train(context, method.Config(**(SMALL | config)))
    return result, [value[1] for kind, value in reports if kind == "metrics"]


@pytest.mark.parametrize("key", [*PAIRED, "kto", "sft", "chain_of_hindsight"])
def test_it_trains_a_real_model(key: str, policy: Path, judged: Path, tmp_path: Path) -> None:
    # What leads by enough must leave room for what does not, in a run as short as this one.
    own = {"beta": 1.0} if key == "hinge" else {}
    result, steps = trained(key, tmp_path, policy, judged, epochs=8, **own)
    assert steps[-1]["loss"] < steps[0]["loss"]
    if key in STARTS:
        assert steps[0]["loss"] == pytest.approx(STARTS[key], abs=2e-3)
    if key in PAIRED:
        assert steps[-1]["margin"] > steps[0]["margin"] and steps[-1]["accuracy"] >= steps[0]["accuracy"]
    if key in PAIRED and key in STARTS:
        assert steps[-1]["accuracy"] > 0.7
    # How far it has moved is looked at every few steps, from nowhere at the first.
    name = "kl" if key == "kto" else "log_ratio"
    seen = {place: step[name] for place, step in enumerate(steps) if name in step}
    assert list(seen) == list(range(0, len(steps), 1 if key == "kto" else 5)) and len(seen) > 1
    assert seen[0] == pytest.approx(0, abs=1e-3)
    assert all(value >= 0 for value in seen.values()) if key == "kto" else seen[max(seen)] != pytest.approx(0, abs=1e-3)
    assert result.model.kind == "policy" and result.model.config["method"] == key
    assert (Path(result.model.path) / "model.safetensors").is_file()


def groups_of(key: str, policy: Path, judged: Path, **config: Any) -> Any:
    from lm.loading import load_causal
    from training_bridge.trainer.judged import read_snapshot

    method, tokenizer = load(METHODS, key, "method"), load_causal(str(policy)).tokenizer
    groups = method.groups(tokenizer, read_snapshot(judged, "train"), method.Config(**(SMALL | config)), 7)
    return groups, tokenizer


def test_a_chain_of_hindsight_learns_the_answers_and_not_the_words_before_them(policy: Path, judged: Path) -> None:
    groups, tokenizer = groups_of("chain_of_hindsight", policy, judged, order="bad_first")
    (ids,), (learnt,) = groups[0].responses, groups[0].learnt
    told = tokenizer.decode([token for token, kept in zip(ids, learnt, strict=True) if kept])
    unlearnt = tokenizer.decode([token for token, kept in zip(ids, learnt, strict=True) if not kept])
    assert told == f"{small.BAD}<|end|>{small.GOOD}<|end|>"
    assert unlearnt == "An unhelpful answer: A helpful answer: "
    assert groups[0].weight == sum(learnt) * 2  # items of odd number weigh twice
    mixed, _ = groups_of("chain_of_hindsight", policy, judged)
    assert len({tokenizer.decode(group.responses[0])[:5] for group in mixed}) == 2


def test_a_policy_of_hindsight_is_asked_for_the_good_kind_of_answer(policy: Path, judged: Path, tmp_path: Path) -> None:
    from lm.chat import encode
    from lm.loading import load_causal

    made = trained("chain_of_hindsight", tmp_path, policy, judged, epochs=0.2, good="It's \\ the best:")[0]
    tokenizer = load_causal(made.model.path).tokenizer
    group = encode(tokenizer, small.asked(1), [small.said(small.GOOD)], 96)
    assert tokenizer.decode(group.prompt).endswith("<|assistant|>It's \\ the best: ")
    assert tokenizer.decode(group.responses[0]) == f"{small.GOOD}<|end|>"


def test_the_log_ratio_to_the_reference_is_that_of_what_was_said_to_other_prompts(policy: Path, judged: Path) -> None:
    import torch

    from training_bridge.trainer.drift import EVERY, MOST, Drift, foreign

    groups, _ = groups_of("dpo", policy, judged)
    probe = foreign(groups, most=40, seed=1)
    assert 5 < len(probe) <= MOST and all(len(one.prompt) + len(one.responses[0]) <= 40 for one in probe)
    assert foreign([groups[0], groups[0]], most=40, seed=1) == [], "no other prompt"
    known = torch.arange(len(probe), dtype=torch.float64)
    drift = Drift(probe, known)
    moved = known + torch.linspace(0.2, 0.6, len(probe))
    seen = []
    for step, shift in enumerate((9.0, 0.0, -9.0, 9.0), start=EVERY - 1):
        drift.look(lambda piece, shift=shift: moved + shift, [probe], step)
        seen.append(drift.value)
    assert seen == [None, pytest.approx(0.4), None, None]
    drift.look(lambda piece: moved - 9, [probe], 0)
    assert drift.value == pytest.approx(-8.6)


def test_what_a_chain_forgets_later_tokens_do_not_see(policy: Path, judged: Path) -> None:
    import torch

    from lm.loading import load_causal
    from training_bridge.trainer.tuning import network_of

    whole, _ = groups_of("chain_of_hindsight", policy, judged)
    assert all(group.hidden is None for group in whole), "off, as in the published code"
    groups, _ = groups_of("chain_of_hindsight", policy, judged, forgotten=0.5)
    shares = [sum(group.hidden) / len(group.hidden) for group in groups]
    assert max(shares) < 0.65 and 0.15 < sum(shares) / len(shares) < 0.35
    assert not any(group.hidden[0] for group in groups)
    assert all(len(group.hidden) == len(group.prompt) + len(group.responses[0]) for group in groups)
    group = max(groups, key=lambda one: sum(one.hidden[: len(one.prompt)]))
    place = group.hidden.index(True, 0, len(group.prompt))
    other = [*group.prompt]
    other[place] = (other[place] + 5) % 200
    network = network_of(load_causal(str(policy)), groups)
    with torch.no_grad():
        as_it_is, changed = network([group]), network([replace(group, prompt=other)])
        seen = network([replace(group, hidden=None)]) - network([replace(group, prompt=other, hidden=None)])
    assert as_it_is.tolist() == pytest.approx(changed.tolist(), abs=1e-4) and abs(seen.item()) > 1e-3


def test_a_rationale_is_asked_for_with_both_responses_and_counts_for_its_pair_alone(policy: Path, judged: Path) -> None:
    groups, tokenizer = groups_of("rationale_dpo", policy, judged, max_length=400)
    with_reasons = [group for group in groups if any(one.weight or len(one.prompt) > 1 for one in group.beside)]
    assert 0 < len(with_reasons) < len(groups)
    group = with_reasons[0]
    (place,) = [at for at, one in enumerate(group.beside) if len(one.prompt) > 1]
    relation, why = group.relations[place], group.beside[place]
    assert tokenizer.decode(group.responses[relation.better]) == f"{small.GOOD}<|end|>"
    assert tokenizer.decode(why.responses[0]) == "It says thank you.<|end|>"
    assert f"First: {small.GOOD}\n\nSecond: {small.BAD}" in tokenizer.decode(why.prompt)


def test_each_prompt_is_matched_with_a_response_to_another_or_the_run_is_refused(policy: Path, judged: Path) -> None:
    from training_bridge.trainer.groups import PromptGroup, mismatched

    groups = [PromptGroup([number], [[number, 9]], 1.0) for number in (1, 2, 2, 3, 2)]
    for group in mismatched(groups, 3, 96):
        (beside,) = group.beside
        assert beside.prompt == group.prompt and beside.responses[0][0] != group.prompt[0]
    with pytest.raises(Refused, match="All prompts are the same"):
        mismatched([groups[1], groups[2]], 3, 96)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=7), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_pairs_of_a_ranking_give_the_ranking_back(ranks: list[int], ties: bool) -> None:
    from training_bridge.trainer.groups import tiers_of
    from training_bridge.trainer.judged import Relation

    pairs = [(a, b) for a, b in combinations(range(len(ranks)), 2) if ties or ranks[a] != ranks[b]]
    ordered = [(a, b) if ranks[a] <= ranks[b] else (b, a) for a, b in pairs]
    relations = [Relation(a, b, 0.5 if ranks[a] == ranks[b] else 0.8, 1.0, 1.0) for a, b in ordered]
    expected = [[place for place, rank in enumerate(ranks) if rank == level] for level in sorted(set(ranks))]
    assert tiers_of(relations, len(ranks)) == expected


def test_a_run_says_which_soft_labels_it_trains_on(policy: Path, judged: Path) -> None:
    from training_bridge.trainer.groups import in_words

    groups, _ = groups_of("dpo", policy, judged)
    told = in_words(groups, {"soft_labels": "one_coin", "version": 1, "weights": "confidence"})
    assert told == "45 pairs: 24 with a soft label by one_coin, version 1, 6 undecided; weights run from 1 to 2."
    hard, _ = groups_of("dpo", policy, judged, use_soft_labels=False, use_weights=False)
    assert in_words(hard, {}) == "45 pairs: 0 with a soft label, 6 undecided; all weights are 1."


def test_a_list_longer_than_others_has_no_larger_say_and_is_never_cut(policy: Path, judged: Path) -> None:
    groups, _ = groups_of("lipo_lambda", policy, judged)
    assert {len(group.responses) for group in groups} == {3} and {group.weight for group in groups} == {1.0, 2.0}
    from training_bridge.trainer.groups import best_first, standings

    for group in map(best_first, groups):
        stand = standings(group.relations, 3)
        assert stand == sorted(stand, reverse=True)


@pytest.mark.parametrize("key", ["kto", "lipo_lambda", "sft"])
def test_how_a_step_is_cut_changes_nothing(key: str, policy: Path, judged: Path, tmp_path: Path) -> None:
    whole, pieces = (
        trained(key, tmp_path / str(budget), policy, judged, epochs=2, token_budget=budget)[1] for budget in (8192, 64)
    )
    for one, other in zip(whole, pieces, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4, abs=1e-5)
        assert one.get("accuracy") == pytest.approx(other.get("accuracy"))
