"""The trainer, through reward model and DPO: learns, resumes to the bit, does not depend on how a step is cut."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from common.plugs import load
from tests.methods import lessons, small
from training_bridge.methods import METHODS
from training_bridge.methods.dpo import METHOD as DPO
from training_bridge.methods.dpo import DPOConfig
from training_bridge.methods.interface import Cancelled, ModelFolder, Refused
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.methods.reward_model import RewardModelConfig

DPO_CONFIG = DPOConfig(learning_rate=1e-3, epochs=4, batch_size=4, checkpoint_every=10, max_length=64)


def run_dpo(room: Path, policy: Path, pairs: Path, config: DPOConfig = DPO_CONFIG, **given: Any) -> list[Any]:
    reports: list[Any] = []
    context = small.context(room, base=small.base(str(policy)), snapshot=pairs, reports=reports, **given)
    try:
        reports.append(("result", DPO.train(context, config)))
    except Cancelled:
        reports.append(("cancelled", None))
    return reports


def test_dpo_starts_at_ln_2_and_learns_what_was_preferred(policy: Path, pairs: Path, tmp_path: Path) -> None:
    steps = [value for kind, value in run_dpo(tmp_path, policy, pairs) if kind == "metrics"]
    assert len(steps) == 20
    assert steps[0][1]["loss"] == pytest.approx(0.693147, abs=1e-4)
    assert steps[-1][1]["loss"] < 0.62
    assert steps[-1][1]["accuracy"] == 1.0
    assert {"margin", "reward_chosen", "reward_rejected", "learning_rate", "grad_norm", "tokens_per_second"} <= set(
        steps[0][1]
    )


def test_the_same_specification_gives_the_same_weights(policy: Path, pairs: Path, tmp_path: Path) -> None:
    for room in ("first", "second"):
        run_dpo(tmp_path / room, policy, pairs)
    first, second = ((tmp_path / room / "model" / "model.safetensors").read_bytes() for room in ("first", "second"))
    assert first == second
    run_dpo(tmp_path / "third", policy, pairs, seed=8)
    assert (tmp_path / "third" / "model" / "model.safetensors").read_bytes() != first


def test_ten_steps_and_ten_after_resuming_are_twenty_steps_to_the_bit(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    whole = run_dpo(tmp_path / "whole", policy, pairs)
    seen: list[Any] = []
    halted = run_dpo(
        tmp_path / "halves",
        policy,
        pairs,
        metrics=lambda step, values: seen.append(step),
        stop_requested=lambda: 10 in seen,
    )
    assert halted[-1][0] == "cancelled"
    checkpoint = [value for kind, value in halted if kind == "saved"][-1]
    assert checkpoint["step"] in (10, 11)
    rest = run_dpo(tmp_path / "halves", policy, pairs, checkpoint=checkpoint)
    assert small.losses(rest) == small.losses(whole)[checkpoint["step"] :]
    models = [(tmp_path / room / "model" / "model.safetensors").read_bytes() for room in ("whole", "halves")]
    assert models[0] == models[1]


@pytest.mark.parametrize("key", ["sft", "kto", "reward_thumbs", "reward_aspects"])
def test_a_run_that_goes_on_after_its_last_step_ends_with_the_same_figures(
    key: str, policy: Path, tmp_path: Path
) -> None:
    method, reports = load(METHODS, key, "method"), list[Any]()
    given = {"base": small.base(str(policy)), "snapshot": lessons.snapshot(tmp_path / "judged")}
    own = {"gate_width": 8, "gate_depth": 1} if key == "reward_aspects" else {}
    config = method.Config(epochs=0.5, batch_size=8, max_length=64, checkpoint_every=1, **own)
    whole = method.train(small.context(tmp_path / "out", **given, reports=reports), config)
    last = [value for kind, value in reports if kind == "saved"][-1]
    steps = next(value for kind, value in reports if kind == "total")
    rest = method.train(small.context(tmp_path / "out", **given, checkpoint=last), config)
    assert last["step"] == steps and rest.values == whole.values and isinstance(rest.values["train_loss"], float)


def test_a_damaged_checkpoint_is_noticed_and_the_run_starts_over(policy: Path, pairs: Path, tmp_path: Path) -> None:
    config = DPO_CONFIG.model_copy(update={"checkpoint_every": 8})
    first = run_dpo(tmp_path, policy, pairs, config)
    checkpoint = next(value for kind, value in first if kind == "saved")
    with (Path(checkpoint["path"]) / "optimizer.json").open("a") as file:
        file.write(" ")
    again = run_dpo(tmp_path, policy, pairs, config, checkpoint=checkpoint)
    assert any(kind == "log" and "damaged" in value for kind, value in again)
    assert small.losses(again) == small.losses(first)
    looked = [
        [value[0] for kind, value in told if kind == "metrics" and "log_ratio" in value[1]] for told in (first, again)
    ]
    assert looked[0] == looked[1] == [1, 6, 11, 16], "how far it moved is looked at in the same steps"


@pytest.mark.parametrize(("seconds", "steps"), [(0, [15, 20]), (3600, [5, 10, 15, 20])])
def test_checkpoints_are_safetensors_and_json_and_only_the_newest_stay_and_those_nobody_may_have_recorded_yet(
    seconds: int, steps: list[int], policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training_bridge.trainer.checkpoints.RECORDED_SECONDS", seconds)
    run_dpo(tmp_path, policy, pairs, DPO_CONFIG.model_copy(update={"checkpoint_every": 5}))
    folders = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert folders == {f"checkpoint-{step}" for step in steps}
    files = {path.suffix for path in (tmp_path / "checkpoints" / "checkpoint-20").iterdir()}
    assert files == {".safetensors", ".json"}


def test_cutting_a_step_into_pieces_does_not_change_the_trajectory(policy: Path, pairs: Path, tmp_path: Path) -> None:
    whole = run_dpo(tmp_path / "whole", policy, pairs)
    pieces = run_dpo(tmp_path / "pieces", policy, pairs, DPO_CONFIG.model_copy(update={"token_budget": 64}))
    for one, other in zip(small.losses(whole), small.losses(pieces), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_weights_and_soft_labels_count(policy: Path, pairs: Path, tmp_path: Path) -> None:
    as_given, hard, equal = (
        small.losses(run_dpo(tmp_path / str(n), policy, pairs, DPO_CONFIG.model_copy(update=update)))[-1][1]
        for n, update in enumerate(({}, {"use_soft_labels": False}, {"use_weights": False}))
    )
    assert len({round(as_given, 7), round(hard, 7), round(equal, 7)}) == 3


def test_a_reward_model_learns_and_reports_held_out_accuracy_beside_the_trivial_baseline(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    context = small.context(tmp_path / "out", base=small.base(str(policy)), snapshot=pairs)
    config = RewardModelConfig(learning_rate=2e-3, epochs=4, batch_size=4, max_length=64)
    result = REWARD_MODEL.train(context, config)
    assert result.values["reward_accuracy"] == 1.0
    assert result.values["pairs"] == 4
    assert result.values["longer_wins"] == 1.0
    assert result.values["reward_accuracy_ci"][0] < 1.0
    assert result.model is not None and result.model.kind == "reward"
    saved = json.loads((Path(result.model.path) / "config.json").read_text())
    assert saved["architectures"] == ["Qwen2ForSequenceClassification"]


def test_an_encoder_can_be_the_backbone(pairs: Path, tmp_path: Path) -> None:
    encoder = small.encoder(tmp_path / "encoder")
    context = small.context(tmp_path / "out", base=small.base(str(encoder)), snapshot=pairs)
    result = REWARD_MODEL.train(context, RewardModelConfig(learning_rate=3e-3, epochs=6, batch_size=4, max_length=60))
    assert result.values["reward_accuracy"] == 1.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [("same", "no pair of two different responses"), ("weightless", "weighs nothing: train without weights")],
)
def test_a_snapshot_with_nothing_to_learn_from_is_refused(
    change: str, complaint: str, policy: Path, tmp_path: Path
) -> None:
    row = json.loads((small.snapshot(tmp_path / "snapshot") / "preferences.jsonl").read_text().splitlines()[1])
    row |= {"rejected": row["chosen"]} if change == "same" else {"weight": 0.0}
    small.write_lines(tmp_path / change / "preferences.jsonl", [row])
    context = small.context(tmp_path, base=ModelFolder(str(policy), "policy"), snapshot=tmp_path / change)
    with pytest.raises(Refused, match=complaint):
        DPO.train(context, DPO_CONFIG)
    if change == "weightless":
        assert DPO.train(context, DPO_CONFIG.model_copy(update={"use_weights": False})).model is not None


def test_a_loss_that_is_no_number_ends_the_run_and_says_so(
    policy: Path, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training_bridge.trainer.tuning import Tuning

    right, factors = Tuning.loss, iter([1.0, float("nan")])
    monkeypatch.setattr(Tuning, "loss", lambda *given: (right(*given)[0] * next(factors), {}))
    with pytest.raises(Refused, match="no longer a number at step 2: lower the learning rate"):
        run_dpo(tmp_path, policy, pairs)


def test_a_base_of_weights_that_are_no_numbers_is_not_blamed_on_the_learning_rate(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(policy, base, copy_function=shutil.copyfile)
    tensors = load_file(base / "model.safetensors")
    broken = {name: value * float("nan") for name, value in tensors.items()}
    save_file(broken, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Refused, match="before anything has been learnt"):
        run_dpo(tmp_path, base, pairs)


def test_texts_beyond_the_places_of_a_backbone_are_cut(pairs: Path, tmp_path: Path) -> None:
    rows = pairs / "preferences.jsonl"
    rows.write_text(rows.read_text().replace(small.GOOD, small.GOOD * 20))
    context = small.context(tmp_path, base=small.base(str(small.encoder(tmp_path / "encoder"))), snapshot=pairs)
    result = REWARD_MODEL.train(context, RewardModelConfig(batch_size=8))
    assert result.values["pairs"] == 4


@pytest.mark.parametrize("left", ["", "[[1.0]]", "[1]"])
def test_half_a_file_of_the_reference_is_made_again(left: str, policy: Path, pairs: Path, tmp_path: Path) -> None:
    config = DPOConfig(batch_size=4, max_length=64)
    whole = run_dpo(tmp_path, policy, pairs, config)
    [kept] = tmp_path.glob("reference-*.json")
    kept.write_text(left)
    assert small.losses(run_dpo(tmp_path, policy, pairs, config)) == small.losses(whole)
