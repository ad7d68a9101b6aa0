"""Only plain weights are opened: nothing that could run its maker's code."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    BartConfig,
    BartForSequenceClassification,
    GPT2Config,
    LlamaConfig,
    OPTConfig,
    PreTrainedConfig,
    RobertaConfig,
    RobertaModel,
)

from common.errors import Invalid
from lm.chat import encode
from lm.generation import Sampling, Wanted, generate
from lm.intact import UNLIMITED
from lm.loading import Loaded, load_causal, load_reward, load_reward_base, places_of, save
from lm.safety import UnsafeModel, check_model_folder
from lm.scoring import score
from tests.lm.tiny import assistant, user

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


def with_kernel_from_elsewhere(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "attn_implementation": "somebody/kernels"}))


def with_code_for_a_part(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"] = {"auto_map": {"AutoModel": "evil.Model"}}
    (folder / "config.json").write_text(json.dumps(config))


def with_a_billion_layers(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 10**9}))


def with_a_billion_labels(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_labels": 10**9}))


def with_a_header_of_a_terabyte(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")


def with_a_header_of_garbage(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((4).to_bytes(8, "little") + b"\x80\x04." * 9)


def with_a_header_too_deep(folder: Path) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    (folder / "model.safetensors").write_bytes(len(deep).to_bytes(8, "little") + deep)


def with_a_tokenizer_too_large(folder: Path) -> None:
    with (folder / "tokenizer.json").open("r+b") as handle:
        handle.truncate(2**33)  # takes no room on the disk


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def as_adapter(folder: Path) -> None:
    named = {"peft_type": "LORA", "base_model_name_or_path": "/somebody/elses/model"}
    (folder / "adapter_config.json").write_text(json.dumps(named))


@pytest.mark.parametrize(
    "spoil",
    [
        with_pickle,
        with_extra_pickle,
        with_auto_map,
        with_code,
        with_link_out,
        without_weights,
        without_config,
        as_adapter,
        with_kernel_from_elsewhere,
        with_code_for_a_part,
        with_a_billion_layers,
        with_a_billion_labels,
        with_a_tokenizer_too_large,
        with_a_header_of_a_terabyte,
        with_a_header_of_garbage,
        with_a_header_too_deep,
    ],
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


def copied(folder: Path, to: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    """A copy of a model's folder with other tensors in it."""
    shutil.copytree(folder, to)
    tensors = change(load_file(to / "model.safetensors"))
    save_file(tensors, to / "model.safetensors", metadata={"format": "pt"})
    return to


def told(folder: Path, file: str, **settings: object) -> Path:
    said = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**said, **settings}))
    return folder


def test_weights_that_are_missing_are_not_made_up(causal: Path, reward: Path, tmp_path: Path) -> None:
    """transformers draws them at random and warns where nobody reads it: a run would train on noise."""
    half = copied(causal, tmp_path / "half", lambda all_: {k: v for k, v in all_.items() if "layers.1." not in k})
    foreign = copied(causal, tmp_path / "foreign", lambda all_: {f"other.{k}": v for k, v in all_.items()})
    wider = told(copied(causal, tmp_path / "wider", dict), "config.json", hidden_size=64)
    headless = copied(reward, tmp_path / "headless", lambda all_: {k: v for k, v in all_.items() if "score" not in k})
    for folder in (half, foreign, wider):
        for load in (load_causal, load_reward_base):
            with pytest.raises(UnsafeModel, match="tensors are missing or of another shape"):
                load(str(folder))
    with pytest.raises(UnsafeModel, match=r"score\.weight among them"):
        load_reward(str(headless))
    assert load_reward_base(str(headless)).model.config.num_labels == 1
    assert load_reward_base(str(reward), heads=3).model.config.num_labels == 3


def test_what_cannot_be_loaded_is_said_of_its_folder(causal: Path, tmp_path: Path) -> None:
    nonsense = {"hidden_size": 0, "num_attention_heads": 0, "model_type": "nobody's", "dtype": "float99"}
    for number, (key, value) in enumerate(nonsense.items()):
        folder = told(copied(causal, tmp_path / str(number), dict), "config.json", **{key: value})
        with pytest.raises(UnsafeModel, match="cannot be loaded"):
            load_causal(str(folder))
    for number, length in enumerate(("512", 1, -5, 0)):
        folder = told(copied(causal, tmp_path / f"m{number}", dict), "tokenizer_config.json", model_max_length=length)
        with pytest.raises(Invalid, match="tokens at most"):
            load_causal(str(folder))
    mute = copied(causal, tmp_path / "mute", dict)
    for path in mute.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(Invalid, match="has no tokenizer"):
        load_causal(str(mute))


def test_an_encoder_with_a_decoder_is_no_base_of_a_reward_model(causal: Path, tmp_path: Path) -> None:
    tokenizer = load_causal(str(causal)).tokenizer
    shape = BartConfig(vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1,
                       encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16,
                       max_position_embeddings=32)  # fmt: skip
    save(Loaded(BartForSequenceClassification(shape), tokenizer), tmp_path)
    with pytest.raises(UnsafeModel, match="both an encoder and a decoder"):
        load_reward_base(str(tmp_path))


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
    assert base.model.get_input_embeddings().num_embeddings > base.tokenizer.pad_token_id


def test_a_tokenizer_of_another_model_is_named_and_an_unused_token_is_not(causal: Path, tmp_path: Path) -> None:
    loaded = load_causal(str(causal))
    save(loaded, tmp_path / "own")
    words = loaded.tokenizer.vocab_size
    loaded.model.resize_token_embeddings(words - 1)
    save(loaded, tmp_path / "smaller")
    with pytest.raises(Invalid, match=f"knows {words} tokens and its model only {words - 1}"):
        load_causal(str(tmp_path / "smaller"))
    loaded.model.resize_token_embeddings(len(loaded.tokenizer))
    loaded.tokenizer.add_special_tokens({"pad_token": "<|beyond|>"})
    save(loaded, tmp_path / "beyond")
    policy = load_causal(str(tmp_path / "beyond"))
    asked = [Wanted("a", user("When?")), Wanted("b", user("When does the train leave?"))]
    assert len(list(generate(policy, asked, Sampling(max_new_tokens=4), seed=0))) == 2
    judge = load_reward_base(str(tmp_path / "beyond"))
    assert len(score(judge, [(one.messages, assistant("At nine.")) for one in asked])) == 2


def test_weights_come_in_the_precision_asked_for(causal: Path) -> None:
    assert load_causal(str(causal), dtype="bfloat16").model.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("shape", "places"),
    [
        (GPT2Config(n_embd=32, n_layer=1, n_head=2, n_positions=24), 24),
        (OPTConfig(hidden_size=32, ffn_dim=32, num_hidden_layers=1, num_attention_heads=2, word_embed_proj_dim=32,
                   max_position_embeddings=24), 24),
        (LlamaConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
                     max_position_embeddings=24), UNLIMITED),
    ],
)  # fmt: skip
def test_no_row_is_longer_than_a_table_of_positions(
    shape: PreTrainedConfig, places: int, causal: Path, tmp_path: Path
) -> None:
    tokenizer = load_causal(str(causal)).tokenizer
    shape.vocab_size, shape.pad_token_id, shape.eos_token_id = len(tokenizer), 0, tokenizer.eos_token_id
    model = AutoModelForCausalLM.from_config(shape)  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    save(Loaded(model, tokenizer), tmp_path)
    loaded = load_causal(str(tmp_path))
    assert places_of(loaded.model) == places
    prompt = user("When does the train leave? " * 20)
    rows = encode(loaded.tokenizer, prompt, [assistant("At nine. " * 20)], 1024)
    assert (len(rows.prompt) + len(rows.responses[0]) == 24) is (places == 24)
    if places == 24:
        with pytest.raises(Invalid, match="places for 24 tokens in all, so a response can have at most 23"):
            next(generate(loaded, [Wanted("a", prompt)], Sampling(max_new_tokens=24), seed=0))
    said = list(generate(loaded, [Wanted("a", prompt)], Sampling(max_new_tokens=6), seed=0))
    assert len(said) == 1 and len(encode(loaded.tokenizer, prompt, [], None).prompt) > 100


def test_an_encoder_counts_its_places_after_its_padding() -> None:
    shape = RobertaConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=26
    )
    assert places_of(RobertaModel(shape)) == 24
