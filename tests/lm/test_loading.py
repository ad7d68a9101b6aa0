"""Only plain weights are opened: nothing that could run its maker's code."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lm.loading import load_causal, load_reward, load_reward_base, save
from lm.safety import UnsafeModel, check_model_folder

CANARY = Path("/tmp/prefloop-canary")


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (CANARY,))  # type: ignore[return-value]


def with_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb()))


def with_extra_pickle(folder: Path) -> None:
    (folder / "training_args.PT").write_bytes(pickle.dumps(Bomb()))


def with_auto_map(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))


def with_code(folder: Path) -> None:
    (folder / "modeling_evil.py").write_text("raise SystemExit")


def with_link_out(folder: Path) -> None:
    (folder / "extra.json").symlink_to("/etc/passwd")


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    "spoil", [with_pickle, with_extra_pickle, with_auto_map, with_code, with_link_out, without_weights, without_config]
)
def test_unsafe_folders_are_refused_and_never_opened(
    causal: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    CANARY.unlink(missing_ok=True)
    folder = tmp_path / "model"
    shutil.copytree(causal, folder)
    check_model_folder(folder)
    spoil(folder)
    for load in (load_causal, load_reward, load_reward_base):
        with pytest.raises(UnsafeModel):
            load(str(folder))
    assert not CANARY.exists()


def test_a_policy_is_no_reward_model_but_can_become_one(causal: Path, reward: Path) -> None:
    with pytest.raises(UnsafeModel, match="not a reward model"):
        load_reward(str(causal))
    assert load_reward(str(reward)).model.config.num_labels == 1


def test_padding_is_never_the_end_token(causal: Path, tmp_path: Path) -> None:
    loaded = load_causal(str(causal))
    loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    save(loaded, tmp_path)
    base = load_reward_base(str(tmp_path))
    assert base.tokenizer.pad_token_id != base.tokenizer.eos_token_id
    assert base.model.config.pad_token_id == base.tokenizer.pad_token_id
    assert base.model.get_input_embeddings().num_embeddings >= len(base.tokenizer)


def test_weights_come_in_the_precision_asked_for(causal: Path) -> None:
    assert load_causal(str(causal), dtype="bfloat16").model.dtype == torch.bfloat16
