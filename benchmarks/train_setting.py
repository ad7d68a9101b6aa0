"""What the training benchmarks train: models of a stated shape with random weights, and pairs of a stated length."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast, Qwen2Config
from transformers.configuration_utils import PretrainedConfig

from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.judged import Relation

SPECIAL = ("<|pad|>", "<|end|>")
LEAN = 0.6
"""Share of a chosen response's tokens that are even: without anything to learn two losses would agree for no reason."""


@dataclass(frozen=True)
class Lengths:
    """Log-normal lengths in tokens: mean, sigma of the logarithm, least and most."""

    mean: float
    sigma: float
    least: int
    most: int

    def draw(self, count: int, generator: torch.Generator) -> list[int]:
        at = math.log(self.mean) - self.sigma**2 / 2
        drawn = (at + self.sigma * torch.randn(count, generator=generator)).exp().round().long()
        return [int(one) for one in drawn.clamp(self.least, self.most)]


SIGMA = 0.8
"""Published pairs spread wider: hh-rlhf's prompts and responses 1.1 and 1.0 (words), PandaLM's prompts 0.9."""


def lengths(sigma: float = SIGMA) -> dict[str, Lengths]:
    """Of prompts and of responses, for `make_pairs`."""
    return {"prompts": Lengths(200, sigma, 16, 1000), "responses": Lengths(150, sigma, 8, 800)}


SHAPES: dict[str, PretrainedConfig] = {
    "small": Qwen2Config(  # a vocabulary by which the head takes 58 % of a step of TRL's DPO
        vocab_size=9728, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=704, max_position_embeddings=2048, tie_word_embeddings=False,
    ),
    "tiny": Qwen2Config(
        vocab_size=512, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=128, max_position_embeddings=1024, tie_word_embeddings=False,
    ),
    "qwen2-0.5b": Qwen2Config(
        vocab_size=151_936, hidden_size=896, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
        intermediate_size=4864, max_position_embeddings=32_768, tie_word_embeddings=True,
    ),
    "qwen2-1.5b": Qwen2Config(
        vocab_size=151_936, hidden_size=1536, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2,
        intermediate_size=8960, max_position_embeddings=32_768, tie_word_embeddings=True,
    ),
    "llama-8b": LlamaConfig(
        vocab_size=128_256, hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
        intermediate_size=14_336, max_position_embeddings=8192, tie_word_embeddings=False,
    ),
}  # fmt: skip


def make_model(folder: Path, shape: str, *, seed: int = 0, dtype: str = "float32", device: str = "cpu") -> None:
    """Writes a policy of that shape with random weights, and a tokenizer with a word for each of its tokens."""
    config = SHAPES[shape]
    config.pad_token_id, config.eos_token_id, config.bos_token_id = 0, 1, None
    torch.manual_seed(seed)
    with torch.device(device):  # a GPU draws a large model in seconds
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
    model.save_pretrained(folder, safe_serialization=True)
    words = {word: index for index, word in enumerate(SPECIAL)}
    words |= {f"w{index}": index for index in range(len(SPECIAL), config.vocab_size)}
    plain = Tokenizer(models.WordLevel(words, unk_token=SPECIAL[0]))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token=SPECIAL[0], eos_token=SPECIAL[1])
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)


def make_pairs(
    count: int, vocabulary: int, *, prompts: Lengths, responses: Lengths, seed: int = 0
) -> list[PromptGroup]:
    """Pairs of random tokens, hard labels, weight one. Tokens of the chosen response are more often even."""
    generator = torch.Generator().manual_seed(seed)
    drawn = (one.draw(count, generator) for one in (prompts, responses, responses))

    def tokens(length: int, lean: float) -> list[int]:
        half = torch.randint(1, vocabulary // 2, (length,), generator=generator)
        odd = torch.rand(length, generator=generator) >= lean
        return [int(one) for one in 2 * half + odd]

    won = [Relation(0, 1, 1.0, 1.0, 1.0)]
    return [
        PromptGroup(tokens(prompt, 0.5), [tokens(chosen, LEAN), tokens(rejected, 1 - LEAN)], 1.0, won)
        for prompt, chosen, rejected in zip(*drawn, strict=True)
    ]


def write_pairs(path: Path, groups: list[PromptGroup]) -> None:
    """JSON lines {"prompt", "chosen", "rejected"} of token ids, from which both sides read the very same pairs."""
    rows = ({"prompt": one.prompt, "chosen": one.responses[0], "rejected": one.responses[1]} for one in groups)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_pairs(path: Path) -> list[PromptGroup]:
    """The counterpart of `write_pairs`."""
    rows: list[Mapping[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    won = [Relation(0, 1, 1.0, 1.0, 1.0)]
    return [PromptGroup(row["prompt"], [row["chosen"], row["rejected"]], 1.0, won) for row in rows]
