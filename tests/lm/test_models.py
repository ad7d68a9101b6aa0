"""Log-probabilities, scores and samples, each against a slower way to the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common.errors import Invalid
from lm.batching import by_budget, pad
from lm.generation import Sampling, Wanted, generate
from lm.likelihood import response_rows, sum_logps
from lm.loading import load_causal, load_reward
from lm.score import _answers
from lm.scoring import rewards, score
from tests.lm.tiny import assistant, user

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = [[5, 6, 7, 8], [9, 10], [11, 12, 13]]
RESPONSES = [[20, 21, 1], [30, 31, 32, 33, 1], [40, 1]]


def test_log_probabilities_equal_one_row_one_token_at_a_time(causal: Path) -> None:
    model = load_causal(str(causal)).model
    with torch.no_grad():
        fast = sum_logps(model, *response_rows(PROMPTS, RESPONSES, 0, "cpu"))
        for value, prompt, response in zip(fast, PROMPTS, RESPONSES, strict=True):
            slow = 0.0
            for at, token in enumerate(response):
                logits = model(input_ids=torch.tensor([[*prompt, *response[:at]]])).logits[0, -1]
                slow += float(logits.log_softmax(-1)[token])
            assert value.item() == pytest.approx(slow, abs=1e-4)


def test_the_side_of_the_padding_does_not_change_a_reward(reward: Path) -> None:
    model = load_reward(str(reward)).model
    rows = [p + r for p, r in zip(PROMPTS, RESPONSES, strict=True)]
    ids, mask = pad(rows, 0)
    left_ids, left_mask = ids.clone(), mask.clone()
    for index, row in enumerate(rows):
        left_ids[index] = ids[index].roll(ids.shape[1] - len(row))
        left_mask[index] = mask[index].roll(ids.shape[1] - len(row))
    with torch.no_grad():
        right, left = rewards(model, ids, mask), rewards(model, left_ids, left_mask)
        alone = [rewards(model, *pad([row], 0)).item() for row in rows]
    assert right.tolist() == left.tolist()
    assert right.tolist() == pytest.approx(alone, abs=1e-5)
    assert len({round(value, 3) for value in alone}) == 3


def test_batches_keep_the_budget_and_lose_nothing() -> None:
    lengths = [7, 3, 9, 3, 20, 1]
    batches = list(by_budget(lengths, 18, rows_each=2))
    assert sorted(index for batch in batches for index in batch) == list(range(6))
    assert batches[0] == [4]
    assert all(len(batch) == 1 or len(batch) * 2 * max(lengths[i] for i in batch) <= 18 for batch in batches)


def sample(causal: Path, keys: list[str], seed: int = 1, **settings: float) -> dict[str, str]:
    loaded = load_causal(str(causal))
    wanted = [Wanted(key, user("When does the train leave?" if key < "m" else "What?")) for key in keys]
    made = generate(loaded, wanted, Sampling(**({"max_new_tokens": 12} | settings)), seed=seed)  # type: ignore[arg-type]
    return {one.key: one.text for one in made}


def test_what_a_prompt_gets_depends_on_its_own_key_and_seed_only(causal: Path) -> None:
    together = sample(causal, ["a", "b", "z", "y"])
    assert sample(causal, ["z", "b"]) == {key: together[key] for key in ("z", "b")}
    assert sample(causal, ["a", "b", "z", "y"], batch_size=1) == together
    assert together["a"] != together["b"]
    assert sample(causal, ["a"], seed=2)["a"] != together["a"]


def test_temperature_zero_takes_the_likeliest_token_and_a_tiny_top_p_the_same(causal: Path) -> None:
    loaded = load_causal(str(causal))
    greedy = sample(causal, ["a", "b"], temperature=0)
    assert greedy["a"] == greedy["b"]
    assert sample(causal, ["a", "b"], top_p=1e-6) == greedy
    ids = loaded.tokenizer.apply_chat_template(user("When does the train leave?"), add_generation_prompt=True)[
        "input_ids"
    ]
    expected = []
    for _ in range(12):
        expected.append(int(loaded.model(input_ids=torch.tensor([ids + expected])).logits[0, -1].argmax()))
    assert loaded.tokenizer.decode(expected, skip_special_tokens=True).startswith(greedy["a"])


def test_draws_follow_the_models_distribution(causal: Path) -> None:
    loaded = load_causal(str(causal))
    ids = loaded.tokenizer.apply_chat_template(user("What?"), add_generation_prompt=True)["input_ids"]
    with torch.no_grad():
        likely = loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].softmax(-1)
    token = int(likely.argmax())
    wanted = [Wanted(f"z{n}", user("What?")) for n in range(2000)]
    text = loaded.tokenizer.decode([token], skip_special_tokens=True)
    made = list(generate(loaded, wanted, Sampling(max_new_tokens=1, batch_size=2000), seed=0))
    share = sum(one.text == text for one in made) / 2000
    assert share == pytest.approx(float(likely[token]), abs=4 * (0.25 / 2000) ** 0.5)


def test_the_scoring_command_answers_line_by_line_and_names_bad_lines(reward: Path) -> None:
    lines = [
        {"id": 1, "messages": [*user("When does the train leave?"), *assistant("At nine.")]},
        {"id": "two", "messages": "nonsense"},
        {"id": 3, "messages": [*user("When?"), *assistant("What now?")]},
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "lm.score", str(reward)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "OMP_NUM_THREADS": "1"},
    )
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(lines[0]) + "\n")
    process.stdin.flush()
    first = json.loads(process.stdout.readline())  # before the input has ended
    rest, _ = process.communicate("\n".join([*map(json.dumps, lines[1:]), "{broken"]) + "\n", timeout=60)
    answers = [first, *map(json.loads, rest.splitlines())]
    assert process.returncode == 0
    expected = score(
        load_reward(str(reward)), [(line["messages"][:-1], line["messages"][-1:]) for line in (lines[0], lines[2])]
    )
    assert [answers[0]["score"], answers[2]["score"]] == pytest.approx(expected, abs=1e-5)
    assert [answer["id"] for answer in answers] == [1, "two", 3, None]
    assert "error" in answers[1] and "error" in answers[3]


def test_a_damaged_policy_says_so_and_nothing_that_looks_like_a_response(causal: Path) -> None:
    damaged = load_causal(str(causal))
    damaged.model.lm_head.weight.data[3] = float("nan")
    for sampling in (Sampling(max_new_tokens=3), Sampling(max_new_tokens=3, temperature=0)):
        with pytest.raises(Invalid, match="no numbers"):
            list(generate(damaged, [Wanted("a", user("When?"))], sampling, seed=0))


def test_a_policy_that_knows_no_end_is_named(causal: Path) -> None:
    endless = load_causal(str(causal))
    endless.tokenizer.eos_token, endless.model.generation_config = None, None
    with pytest.raises(Invalid, match="no end token"):
        list(generate(endless, [Wanted("a", user("When?"))], Sampling(max_new_tokens=3), seed=0))


def test_a_reward_that_is_no_number_is_told_as_such(reward: Path) -> None:
    damaged = load_reward(str(reward))
    damaged.model.score.weight.data.fill_(float("nan"))
    asked = (user("When?"), assistant("At nine."))
    with pytest.raises(Invalid, match="no number"):
        score(damaged, [asked])
    [answer] = _answers(damaged, [json.dumps({"id": 1, "messages": [*asked[0], *asked[1]]})])
    assert answer == {"id": 1, "error": "the score is no number"}
