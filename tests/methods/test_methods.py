"""The registry, and the methods that do not train on preferences: pretrain, respond, evaluate."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from common.intervals import wilson
from common.plugs import load
from tests.methods import small
from training_bridge.methods import METHODS
from training_bridge.methods.evaluate import METHOD as EVALUATE
from training_bridge.methods.evaluate import EvaluateConfig
from training_bridge.methods.interface import Cancelled, ModelFolder, Needs, Refused
from training_bridge.methods.pretrain import METHOD as PRETRAIN
from training_bridge.methods.pretrain import PretrainConfig
from training_bridge.methods.respond import METHOD as RESPOND
from training_bridge.methods.respond import RespondConfig
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.methods.reward_model import RewardModelConfig
from training_bridge.methods.settings import Scaled, Weighed, as_stored
from training_bridge.report_cards.resampling import mean


def test_every_method_has_its_face_and_a_closed_config_without_loading_torch() -> None:
    code = (
        "import sys; from common.plugs import load; from training_bridge.methods import METHODS;"
        "[load(METHODS, key, 'method').Config() for key in METHODS];"
        "assert not {'torch', 'transformers', 'django'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=small.ROOT, env={"PYTHONPATH": ".:platform"})
    for key in METHODS:
        method = load(METHODS, key, "method")
        assert method.key == key and method.title and method.description and isinstance(method.needs, Needs)
        assert all(field.description for field in method.Config.model_fields.values()), (
            f"a field of {key} lacks its reason"
        )
        with pytest.raises(ValidationError):
            method.Config(no_such_setting=1)


NO_SOFT_LABELS = {"sft", "chain_of_hindsight", "reward_ranking", "reward_spans"}


def test_a_setting_that_would_do_nothing_is_not_there_and_old_runs_go_on_without_it() -> None:
    for key in METHODS:
        kind = load(METHODS, key, "method").Config
        if issubclass(kind, Scaled | Weighed):
            assert ("use_soft_labels" in kind.model_fields) == (key not in NO_SOFT_LABELS)
            assert ("use_weights" in kind.model_fields) == (key != "reward_spans")
            old = kind().model_dump() | {"use_soft_labels": True, "use_weights": True}
            assert as_stored(kind, old) == kind()
            with pytest.raises(ValidationError, match="misspelt"):
                as_stored(kind, old | {"misspelt": 1})


@pytest.mark.parametrize("trains", ["whole", "head"])
def test_weights_are_kept_in_fewer_bits_beside_an_adapter_alone(trains: str) -> None:
    kind = load(METHODS, "reward_model", "method").Config
    assert kind(trains="adapter", frozen_weights="bfloat16").frozen_weights == "bfloat16"
    with pytest.raises(ValidationError, match="train an adapter"):
        kind(trains=trains, frozen_weights="bfloat16")


def answers(room: Path, policy: Path, prompts: int = 6, stop: bool = False, **config: Any) -> list[dict[str, Any]]:
    file = small.write_lines(
        room / "prompts.jsonl", [{"id": f"p{n}", "messages": small.asked(n)} for n in range(prompts)]
    )
    context = small.context(
        room / "output", base=small.base(str(policy)), input={"prompts": str(file)}, stop_requested=lambda: stop
    )
    result = RESPOND.train(context, RespondConfig(**{"max_new_tokens": 24, "samples": 2} | config))
    assert result.responses is not None
    return [json.loads(line) for line in result.responses.read_text().splitlines()]


def test_a_pretrained_policy_answers_every_prompt_with_a_finished_sentence(policy: Path, tmp_path: Path) -> None:
    rows = answers(tmp_path, policy, temperature=0.3, distinct=False)
    assert [(row["prompt_id"], row["sample"]) for row in rows] == [(f"p{n}", k) for n in range(6) for k in range(2)]
    texts = [row["messages"][0]["content"] for row in rows]
    assert sum(text in (small.GOOD, small.BAD) for text in texts) >= 9
    assert sum(row["finished"] for row in rows) >= 10
    assert rows[0]["sampling"] == {"temperature": 0.3, "top_p": 1.0, "max_new_tokens": 24, "seed": 7, "sample": 0}


def test_responses_are_the_same_next_time_and_differ_within_a_prompt(policy: Path, tmp_path: Path) -> None:
    first = answers(tmp_path / "one", policy)
    assert answers(tmp_path / "two", policy, batch_size=3) == first
    texts = [row["messages"][0]["content"] for row in first]
    assert (
        sum(a != b for a, b in zip(texts[::2], texts[1::2], strict=True)) >= 3
    )  # a policy this sure of itself may still say the same


def test_responding_stops_when_asked_and_leaves_no_file(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        answers(tmp_path, policy, stop=True)
    assert not (tmp_path / "output" / "responses.jsonl").exists()


def test_an_evaluation_measures_the_reward_model_and_the_policy_beside_its_reference(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    trained = REWARD_MODEL.train(
        small.context(tmp_path / "rm", base=small.base(str(policy)), snapshot=pairs),
        RewardModelConfig(learning_rate=2e-3, epochs=4, batch_size=4, max_length=64),
    )
    given = {
        "snapshot": pairs,
        "base": small.base(str(policy)),
        "reference": small.base(str(policy)),
        "reward": trained.model,
    }
    values = EVALUATE.train(small.context(tmp_path / "out", **given), EvaluateConfig(max_new_tokens=24)).values
    assert values["reward_accuracy"] == 1.0
    # Policy and reference are the same model and draw the same numbers, so all is a tie.
    assert (values["win_rate"], values["ties"], values["prompts"]) == (0.5, 8, 4)
    samples = [json.loads(line) for line in (tmp_path / "out" / values["samples"]).read_text().splitlines()]
    assert all(sample["response"] == sample["reference"] for sample in samples)
    with pytest.raises(Refused, match="nothing to measure"):
        EVALUATE.train(small.context(tmp_path / "none", reward=trained.model), EvaluateConfig())


def test_text_too_short_to_learn_from_is_refused(tmp_path: Path) -> None:
    context = small.context(tmp_path, input={"text": str(small.text(tmp_path / "text.jsonl", documents=1))})
    with pytest.raises(Refused, match="too short"):
        PRETRAIN.train(context, PretrainConfig(**small.SHAPE))
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "fine"}\nnot json\n')
    with pytest.raises(Refused, match=r"Line 2 of bad\.jsonl"):
        PRETRAIN.train(small.context(tmp_path, input={"text": str(bad)}), PretrainConfig(**small.SHAPE))


def test_every_document_is_read_whole_and_each_token_is_foretold_once(policy: Path) -> None:
    import torch

    from lm.loading import load_causal
    from training_bridge.trainer.pretraining import END, NextToken, _blocks

    loaded = load_causal(str(policy))
    documents = [small.GOOD, small.GOOD * 9, [*small.asked(1), *small.said(small.BAD)], small.BAD, "a"]
    for length in (16, 24, 4096):
        blocks = list(_blocks(loaded.tokenizer, documents, length))
        assert all(len(one) == length for one in blocks[:-1]) and 2 <= len(blocks[-1]) <= length
        told = [*blocks[0].tolist(), *(token for block in blocks[1:] for token in block[1:].tolist())]
        text = f"{small.GOOD}{END}{small.GOOD * 9}{END}<|user|>When does shop 1 open?{END}<|assistant|>{small.BAD}{END}"
        assert loaded.tokenizer.decode(told) == f"{text}{small.BAD}{END}a{END}"
        objective = NextToken(loaded.device, 4096)
        assert objective.weight(blocks) == len(told) - 1
        with torch.no_grad():
            each = [float(objective.loss(loaded.model, [block])[0]) for block in blocks]
            assert float(objective.loss(loaded.model, blocks)[0]) == pytest.approx(sum(each), rel=1e-5)


def test_a_model_folder_with_a_pickle_is_refused(policy: Path, tmp_path: Path) -> None:
    import shutil

    from lm.safety import UnsafeModel

    shutil.copytree(policy, tmp_path / "model")
    (tmp_path / "model" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnsafeModel):
        RESPOND.train(
            small.context(
                tmp_path / "out",
                base=ModelFolder(str(tmp_path / "model"), "policy"),
                input={
                    "prompts": str(small.write_lines(tmp_path / "p.jsonl", [{"id": 1, "messages": small.asked(1)}]))
                },
            ),
            RespondConfig(),
        )


def test_intervals_cover_as_they_promise() -> None:
    import numpy as np

    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)  # Wilson's score interval, any table
    drawn = np.random.default_rng(0)
    covered = [0, 0]
    for _trial in range(400):
        values = (drawn.random(60) < 0.8).astype(float)
        found = mean(values, np.arange(60), 0.95)
        for place, (low, high) in enumerate((wilson(values.sum(), 60), (found.low, found.high))):
            covered[place] += low <= 0.8 <= high
    assert all(0.90 <= count / 400 <= 0.99 for count in covered)
