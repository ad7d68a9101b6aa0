"""What a run says that it trains on, in the unit of what its method learns from."""

from pathlib import Path
from typing import Any

import pytest

from common.plugs import load
from lm.loading import load_causal
from tests.methods import lessons
from training_bridge.methods import METHODS
from training_bridge.trainer.groups import counted, training_on
from training_bridge.trainer.judged import read_snapshot

SAID: list[tuple[str, dict[str, Any], str]] = [
    ("dpo", {}, "45 pairs of responses to 15 prompts"),
    ("reward_model", {}, "45 pairs of responses to 15 prompts"),
    ("rationale_dpo", {}, "45 pairs of responses to 15 prompts"),
    ("lipo_lambda", {}, "15 ordered lists of responses to 15 prompts"),
    ("pro", {}, "15 ordered lists of responses to 15 prompts"),
    ("reward_ranking", {}, "15 ordered lists of responses to 15 prompts"),
    ("reward_thumbs", {}, "30 responses, wanted or not, to 15 prompts"),
    ("kto", {}, "30 responses, wanted or not, to 15 prompts"),
    ("sft", {"learn_from": "texts"}, "15 texts that answer 15 prompts"),
    ("sft", {"learn_from": "both"}, "21 texts that answer 15 prompts"),
    ("chain_of_hindsight", {}, "39 texts that answer 15 prompts"),
    ("reward_spans", {}, "45 responses read for faults, to 15 prompts"),
]


@pytest.mark.parametrize(("key", "config", "expected"), SAID)
def test_what_is_trained_on_is_counted_as_what_it_is(
    key: str, config: dict[str, Any], expected: str, policy: Path, tmp_path: Path
) -> None:
    method = load(METHODS, key, "method")
    judged = read_snapshot(lessons.snapshot(tmp_path), "train")
    groups = method.groups(load_causal(str(policy)).tokenizer, judged, method.Config(max_length=128, **config), 0)
    assert training_on(groups, method.learns) == f"Training on {expected}"


def test_two_items_of_one_prompt_are_one_prompt(policy: Path, tmp_path: Path) -> None:
    method = load(METHODS, "dpo", "method")
    judged = read_snapshot(lessons.snapshot(tmp_path), "train")
    groups = method.groups(load_causal(str(policy)).tokenizer, [*judged, *judged], method.Config(max_length=128), 0)
    assert training_on(groups, method.learns) == "Training on 90 pairs of responses to 15 prompts"
    assert counted(groups, method.learns) == {"train_prompts": 15, "train_pairs": 90}
