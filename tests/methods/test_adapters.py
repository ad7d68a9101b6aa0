"""Adapters: nought at first, the base to the bit when switched off, merged into a whole model at the end."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lm.loading import Loaded, load_causal, load_reward_base
from lm.safety import UnsafeModel, check_model_folder
from tests.methods import lessons, small
from training_bridge.methods.dpo import METHOD as DPO
from training_bridge.methods.dpo import DPOConfig
from training_bridge.methods.interface import Cancelled
from training_bridge.methods.kto import METHOD as KTO
from training_bridge.methods.kto import KTOConfig
from training_bridge.methods.reward_model import METHOD as REWARD_MODEL
from training_bridge.methods.reward_model import RewardModelConfig
from training_bridge.trainer.adapted import finished

SMALL: dict[str, Any] = {
    "learning_rate": 5e-3, "epochs": 4, "batch_size": 4, "checkpoint_every": 10, "max_length": 64, "trains": "adapter",
    "adapter_rank": 4, "adapter_alpha": 8,
}  # fmt: skip
IDS = torch.tensor([[5, 9, 200, 31, 7], [8, 8, 100, 3, 260]])


def adapted(loaded: Loaded, rank: int = 4, alpha: int = 8, *, moved: bool = True) -> Any:
    """An adapter that has learnt something, if `moved`."""
    from lm.adapters import adapt

    torch.manual_seed(0)
    found = adapt(loaded.model, rank=rank, alpha=alpha)
    with torch.no_grad():
        for name, value in found.named_parameters():
            if moved and "lora_B" in name:
                value.normal_(std=0.02)
    return found


def said(model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    return found


@pytest.mark.parametrize("kind", ["policy", "reward", "encoder"])
def test_switched_off_it_is_the_base_and_merged_it_is_what_was_trained(kind: str, policy: Path, tmp_path: Path) -> None:
    from lm.adapters import merge

    torch.manual_seed(0)
    ids = IDS.clamp(max=39) if kind == "encoder" else IDS  # it knows forty words
    if kind == "policy":
        loaded = load_causal(str(policy))
    else:
        loaded = load_reward_base(str(policy if kind == "reward" else small.encoder(tmp_path / "encoder")), heads=2)
    names, before = set(loaded.model.state_dict()), said(loaded.model, ids)
    adapter = adapted(loaded, moved=False)
    assert torch.equal(said(loaded.model, ids), before), "it starts as its base"
    adapter = adapted(Loaded(adapter.unload(), loaded.tokenizer))
    with adapter.disable_adapter():
        assert torch.equal(said(loaded.model, ids), before)
    after = said(loaded.model, ids)
    assert not torch.allclose(after, before, atol=1e-3)
    merged = merge(adapter)
    assert merged is loaded.model and set(merged.state_dict()) == names
    assert (said(merged, ids) - after).abs().max() <= 1e-6 * after.abs().max()


@pytest.mark.parametrize("kind", ["policy", "reward"])
def test_an_adapter_can_be_merged_into_its_base_loaded_anew(kind: str, policy: Path, tmp_path: Path) -> None:
    """As it must be where it was learnt beside weights of 4 bits."""
    from lm.adapters import merged_into, save_adapter

    def base() -> Loaded:
        torch.manual_seed(1)  # of a fresh head
        return load_causal(str(policy)) if kind == "policy" else load_reward_base(str(policy), heads=2)

    loaded = base()
    adapter = adapted(loaded)
    with torch.no_grad():
        if kind == "reward":
            loaded.model.score.modules_to_save["default"].weight.normal_()
    save_adapter(adapter, tmp_path / "adapter", "base")
    merged = merged_into(base().model, tmp_path / "adapter", rank=4, alpha=8)
    wanted = said(loaded.model)
    assert (said(merged) - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_what_was_trained_leaves_the_device_before_its_copy_is_loaded_and_merged(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As float32 beside it would not fit, where 4 or 16 bits did."""
    from peft import PeftModel

    loaded, fresh, seen = load_causal(str(policy)), load_causal(str(policy)), list[Any]()
    adapter = adapted(loaded)
    for kind in (type(loaded.model), PeftModel):
        monkeypatch.setattr(kind, "to", lambda model, *given: seen.append((type(model), *given)) or model)

    def again() -> Loaded:
        seen.append("again")
        return fresh

    config = DPOConfig(**(SMALL | {"frozen_weights": "nf4"}))
    made = finished(config, loaded, adapter, tmp_path, str(policy), again)
    assert seen == [(type(loaded.model), "cpu"), "again", (type(adapter), "cpu")]
    assert torch.allclose(said(made.model), said(loaded.model), atol=1e-5)


def test_a_step_with_an_adapter_of_full_rank_is_a_step_of_the_weights(policy: Path) -> None:
    """With B = 0 only B moves, by -eta s G A^T, so W moves by -eta s^2 G A^T A; A^T A = 1 where A is orthogonal."""
    whole, beside = load_causal(str(policy)), load_causal(str(policy))
    width = whole.model.config.hidden_size
    adapter = adapted(beside, rank=width, alpha=2 * width, moved=False)
    layers = {name: module for name, module in beside.model.named_modules() if hasattr(module, "lora_A")}
    with torch.no_grad():
        for layer in layers.values():
            torch.nn.init.orthogonal_(layer.double().lora_A["default"].weight)
    for model in (whole.model.double(), beside.model.double()):
        model(input_ids=IDS, labels=IDS).loss.backward()
    assert adapter.peft_config["default"].lora_alpha == 2 * width
    for name, layer in layers.items():
        if layer.in_features == width:
            moves = layer.scaling["default"] * layer.lora_B["default"].weight.grad @ layer.lora_A["default"].weight
            full = whole.model.get_submodule(name).weight.grad
            assert torch.allclose(moves, 4 * full, atol=1e-12)
    assert all(layer.get_base_layer().weight.grad is None for layer in layers.values())


def run(room: Path, policy: Path, pairs: Path, **given: Any) -> list[Any]:
    reports: list[Any] = []
    config = DPOConfig(**(SMALL | given.pop("config", {})))
    context = small.context(room, base=small.base(str(policy)), snapshot=pairs, reports=reports, **given)
    try:
        reports.append(("result", DPO.train(context, config)))
    except Cancelled:
        reports.append(("cancelled", None))
    return reports


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft asks by the older name
def test_dpo_learns_with_an_adapter_and_leaves_a_whole_model_and_the_adapter_beside_it(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    from peft import PeftModel

    reports = run(tmp_path, policy, pairs)
    steps = [value[1] for kind, value in reports if kind == "metrics"]
    assert steps[0]["loss"] == pytest.approx(0.693147, abs=1e-6), "the reference is the adapter switched off"
    assert steps[-1]["loss"] < 0.62 and steps[-1]["accuracy"] == 1.0
    folder = tmp_path / "model"
    check_model_folder(folder)
    assert {path.name for path in (folder / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == policy.name, "no path of this machine"
    merged, base = load_causal(str(folder)), load_causal(str(policy))
    assert not torch.allclose(said(merged.model), said(base.model), atol=1e-3)
    beside = PeftModel.from_pretrained(base.model, folder / "adapter")
    assert torch.allclose(said(beside), said(merged.model), atol=1e-5)


def test_a_run_with_an_adapter_goes_on_to_the_bit_from_the_adapters_weights_alone(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    whole, seen = run(tmp_path / "whole", policy, pairs), list[int]()
    halted = run(
        tmp_path / "halves",
        policy,
        pairs,
        metrics=lambda step, values: seen.append(step),
        stop_requested=lambda: 10 in seen,
    )
    checkpoint = [value for kind, value in halted if kind == "saved"][-1]
    kept = load_file(Path(checkpoint["path"]) / "model.safetensors")
    assert kept and all("lora_" in name for name in kept)
    rest = run(tmp_path / "halves", policy, pairs, checkpoint=checkpoint)
    assert small.losses(rest) == small.losses(whole)[checkpoint["step"] :]
    models = [(tmp_path / room / "model" / "model.safetensors").read_bytes() for room in ("whole", "halves")]
    assert models[0] == models[1]


def test_frozen_weights_of_16_bits_come_out_whole_with_what_was_learnt(
    policy: Path, pairs: Path, tmp_path: Path
) -> None:
    steps = [
        value[1]
        for kind, value in run(tmp_path, policy, pairs, config={"frozen_weights": "bfloat16"})
        if kind == "metrics"
    ]
    assert steps[0]["loss"] == pytest.approx(0.693147, abs=1e-3)
    assert steps[-1]["accuracy"] == 1.0
    found = load_causal(str(tmp_path / "model"))
    assert json.loads((tmp_path / "model" / "config.json").read_text())["dtype"] == "float32"
    weight = found.model.model.layers[0].self_attn.q_proj.weight
    assert not torch.equal(weight, weight.bfloat16().float()), "what was learnt is not rounded away"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU, where they may be had")
def test_4_bits_are_refused_where_they_cannot_be_had(policy: Path, pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsafeModel, match="need a CUDA GPU and the library bitsandbytes"):
        run(tmp_path, policy, pairs, config={"frozen_weights": "nf4"})


@pytest.mark.parametrize("backbone", ["causal", "encoder"])
def test_a_reward_model_learns_its_head_and_an_adapter(
    backbone: str, policy: Path, pairs: Path, tmp_path: Path
) -> None:
    base = policy if backbone == "causal" else small.encoder(tmp_path / "encoder")
    context = small.context(tmp_path / "out", base=small.base(str(base)), snapshot=pairs)
    result = REWARD_MODEL.train(context, RewardModelConfig(**(SMALL | {"max_length": 60})))
    assert result.values["reward_accuracy"] == 1.0
    kept = load_file(tmp_path / "out" / "model" / "adapter" / "adapter_model.safetensors")
    assert any("lora_B" in name for name in kept) and any("score" in name or "classifier" in name for name in kept)
    checkpoint = next((tmp_path / "out" / "checkpoints").glob("checkpoint-*"))
    assert not any("base_layer" in name for name in load_file(checkpoint / "model.safetensors"))


def test_kto_measures_its_baseline_against_the_adapter_switched_off(policy: Path, tmp_path: Path) -> None:
    reports: list[Any] = []
    context = small.context(
        tmp_path / "out", base=small.base(str(policy)), snapshot=lessons.snapshot(tmp_path / "judged"), reports=reports
    )
    KTO.train(context, KTOConfig(**(SMALL | {"max_length": 96, "epochs": 3})))
    losses = [loss for _, loss, _ in small.losses(reports)]
    assert losses[0] == pytest.approx(0.5, abs=1e-5) and losses[-1] < 0.45
