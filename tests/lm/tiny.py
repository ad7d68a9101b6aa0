"""Making those models."""

from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from lm.loading import Loaded, load_reward_base, save
from training_bridge.trainer.pretraining import learn_tokenizer

TEXTS = ["When does the train leave?", "Thank you for asking! The train leaves at nine.", "What now?"]


def make_causal(folder: Path) -> Path:
    tokenizer = learn_tokenizer(TEXTS, 320)
    torch.manual_seed(0)
    shape = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    save(Loaded(Qwen2ForCausalLM(shape).eval(), tokenizer), folder)
    return folder


def make_reward(folder: Path, causal: Path) -> Path:
    torch.manual_seed(1)
    save(load_reward_base(str(causal)), folder)
    return folder


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def assistant(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
