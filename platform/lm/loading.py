"""Models by hub id or local folder: safetensors only, never code from the model's maker."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
)
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase
from transformers.utils.import_utils import is_bitsandbytes_available
from transformers.utils.peft_utils import find_adapter_config_file

from common.words import gettext_noop as _
from lm.expressions import Expression, parsed
from lm.heads import Gate
from lm.intact import UNLIMITED, check_vocabulary, check_weights, read_at_most, told_of
from lm.safety import UnsafeModel, an_adapter, check_config, check_model_folder

GATE, SCALE, PARTS = "gate.safetensors", "scale.safetensors", "parts"
NF4 = "nf4"
POSITIONS = ("position_embeddings", "embed_positions", "wpe")
"""What transformers calls a table of positions."""
PAD_TOKEN = "<|pad|>"  # noqa: S105 - a token of text


@dataclass(frozen=True)
class Combined:
    """Reward models put together by an expression. `scale`: mean and deviation of those that it puts on one."""

    expression: Expression
    parts: Mapping[str, "Loaded"]
    scale: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode and its tokenizer, whose padding token is never its end token.

    `gate`: of a reward model of several aspects, where it has one. `combined`: where it is an expression of several;
    model and tokenizer are then those of the first.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    gate: Gate | None = None
    combined: Combined | None = None

    @property
    def device(self) -> torch.device:
        return self.model.device


def best_device() -> torch.device:
    """The first GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_causal(source: str, *, dtype: str = "float32", device: str | None = None) -> Loaded:
    """A causal language model. Raises UnsafeModel for a folder that is not plain weights, OSError for none."""
    return load(source, AutoModelForCausalLM, dtype=dtype, device=device)


def load_reward(source: str, *, dtype: str = "float32") -> Loaded:
    """A trained reward model, which gives one number for a conversation (lm/scoring.py).

    Raises UnsafeModel for a model without such a head.
    """
    if _is_expression(source):
        return _load_combined(Path(source), dtype)
    config = _config(source)
    kind = (getattr(config, "reward", None) or {}).get("kind", "scalar")
    architecture = (getattr(config, "architectures", None) or [""])[0]
    form = "ForTokenClassification" if kind == "spans" else "ForSequenceClassification"
    if not architecture.endswith(form) or (kind == "scalar" and config.num_labels != 1):
        raise UnsafeModel(
            _("%(source)s is not a reward model: it has no head that gives one score.") % {"source": source}
        )
    classifier = AutoModelForTokenClassification if kind == "spans" else AutoModelForSequenceClassification
    loaded = load(source, classifier, dtype=dtype)
    return replace(loaded, gate=_gate(Path(source), loaded.model)) if kind == "aspects" else loaded


def load_reward_base(
    source: str, *, heads: int = 1, by_token: bool = False, dtype: str = "float32", device: str | None = None
) -> Loaded:
    """Any causal or encoder backbone with `heads` outputs for a conversation or, `by_token`, for each of its tokens.

    Its own head if it has one of that shape, else a fresh one from torch's seed. Raises UnsafeModel for a model of an
    encoder and a decoder.
    """
    classifier = AutoModelForTokenClassification if by_token else AutoModelForSequenceClassification
    loaded = load(source, classifier, dtype=dtype, device=device, fresh_head=True, num_labels=heads)
    if loaded.model.config.is_encoder_decoder:
        raise UnsafeModel(
            _("%(source)s has both an encoder and a decoder; what is wanted here has one of them.") % {"source": source}
        )
    loaded.model.config.reward = None  # how another model was read says nothing of this one
    tokenizer, embedding = loaded.tokenizer, loaded.model.get_input_embeddings()
    give_padding(tokenizer)
    if isinstance(embedding, nn.Embedding) and tokenizer.pad_token_id >= embedding.num_embeddings:
        loaded.model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    loaded.model.config.pad_token_id = tokenizer.pad_token_id
    return loaded


def load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    """The tokenizer as `load` gives it, with its model's weights left where they are. Raises what `load` does."""
    config = _config(source)
    with told_of(source), torch.device("meta"):  # tables of positions have their shape there and no numbers
        model = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return _tokenizer(source, model)


def _tokenizer(source: str, model: PreTrainedModel) -> PreTrainedTokenizerBase:
    """The tokenizer of `model`, which it belongs to, and how many tokens that reads at most."""
    with told_of(source):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    check_vocabulary(source, model, tokenizer)
    tokenizer.model_max_length = min(read_at_most(source, tokenizer), places_of(model))
    return tokenizer


def _gate(folder: Path, model: PreTrainedModel) -> Gate | None:
    shape = model.config.reward.get("gate")
    if shape is None:
        return None
    gate = Gate(**shape)
    gate.load_state_dict(load_file(folder / GATE))
    return gate.to(model.device).eval()


def give_padding(tokenizer: PreTrainedTokenizerBase) -> None:
    """Sees to a padding token that is no other token.

    Reward heads in Hugging Face form read the last token that is not padding; were padding the end token itself, they
    would skip the end of every response.
    """
    taken = {tokenizer.eos_token_id, tokenizer.bos_token_id}
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id in taken:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})


def places_of(model: nn.Module) -> int:
    """The most tokens of a row where positions are looked up in a table, as BERT and GPT-2 do; else UNLIMITED."""
    for name, table in model.named_modules():
        if isinstance(table, nn.Embedding) and name.rpartition(".")[2] in POSITIONS:
            begins = getattr(table, "offset", 0) if table.padding_idx is None else table.padding_idx + 1
            return int(table.num_embeddings - begins)
    return UNLIMITED


def save(loaded: Loaded, folder: Path) -> None:
    """Writes weights (safetensors), configuration and tokenizer in Hugging Face form."""
    loaded.model.save_pretrained(folder, safe_serialization=True)
    loaded.tokenizer.save_pretrained(folder)
    if loaded.gate is not None:
        save_file(loaded.gate.state_dict(), folder / GATE)


def _is_expression(source: str) -> bool:
    """Whether a folder, which is checked first, holds an expression of reward models and not one model."""
    if not Path(source).is_dir():
        return False
    check_model_folder(Path(source))
    reading = json.loads((Path(source) / "config.json").read_bytes()).get("reward")
    return isinstance(reading, dict) and reading.get("kind") == "expression"


def _load_combined(folder: Path, dtype: str) -> Loaded:
    reading = json.loads((folder / "config.json").read_bytes())["reward"]
    expression = parsed(str(reading.get("text")))
    parts = {name: load_reward(str(folder / PARTS / str(n)), dtype=dtype) for n, name in enumerate(expression.names)}
    held = load_file(folder / SCALE)
    scale = zip(held["mean"].tolist(), held["deviation"].tolist(), strict=True)
    first = parts[expression.names[0]]
    scaled = dict(zip(expression.scaled, scale, strict=True))
    return Loaded(first.model, first.tokenizer, combined=Combined(expression, parts, scaled))


def save_combined(
    folder: Path, expression: Expression, sources: Mapping[str, str], scale: Mapping[str, tuple[float, float]]
) -> None:
    """Writes a folder that stands by itself: the expression, the scale of what it scales, and a copy of each part.

    `sources`: folder or hub id of each named reward model.
    """
    folder.mkdir(parents=True)
    for number, name in enumerate(expression.names):
        part = folder / PARTS / str(number)
        if Path(sources[name]).is_dir():
            shutil.copytree(sources[name], part, copy_function=shutil.copyfile)
        else:
            save(load_reward(sources[name]), part)
    numbers = torch.tensor([scale[name] for name in expression.scaled], dtype=torch.float64).view(-1, 2)
    save_file({"mean": numbers[:, 0].clone(), "deviation": numbers[:, 1].clone()}, folder / SCALE)
    reading = {"kind": "expression", "text": expression.text, "parts": list(expression.names)}
    config = {"architectures": ["RewardExpression"], "reward": reading}
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _config(source: str) -> Any:
    if _is_expression(source):
        raise UnsafeModel(
            _("%(source)s is an expression of reward models: it can score, and nothing can be trained from it.")
            % {"source": source}
        )
    if not Path(source).is_dir() and find_adapter_config_file(source) is not None:
        raise an_adapter(source)
    with told_of(source):
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if not Path(source).is_dir():
        check_config(source, config.to_dict())
    return config


def load(
    source: str,
    kind: Any,
    *,
    dtype: str = "float32",
    device: str | None = None,
    fresh_head: bool = False,
    **extra: Any,
) -> Loaded:
    """A model of the Auto class `kind`, its weights as "float32", "bfloat16" or "nf4", on the best device or another.

    `fresh_head`: what stands above the body is drawn from torch's seed where the weights do not have it; else they must
    be whole. Raises UnsafeModel, OSError, and Invalid for a tokenizer that does not belong to the model.
    """
    _config(source)
    weights = _quantised() if dtype == NF4 else {"dtype": getattr(torch, dtype)}
    how = {"use_safetensors": True, "ignore_mismatched_sizes": True, "output_loading_info": True, **weights}
    with told_of(source):
        model, found = kind.from_pretrained(source, trust_remote_code=False, **how, **extra)
    check_weights(
        source, model, {*found["missing_keys"], *(one[0] for one in found["mismatched_keys"])}, fresh_head=fresh_head
    )
    tokenizer = _tokenizer(source, model)
    return Loaded((model if dtype == NF4 else model.to(device or best_device())).eval(), tokenizer)


def _quantised() -> dict[str, Any]:
    """Weights in 4 bits, their scales quantised once more, products in bfloat16 (QLoRA, arXiv 2305.14314)."""
    if not torch.cuda.is_available() or not is_bitsandbytes_available():
        raise UnsafeModel(_("Weights in 4 bits need a CUDA GPU and the library bitsandbytes; this machine lacks one."))
    how = BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        load_in_4bit=True,
        bnb_4bit_quant_type=NF4,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": how, "dtype": torch.bfloat16, "device_map": {"": torch.cuda.current_device()}}
