"""Models by hub id or local folder: safetensors only, never code from the model's maker."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from common.words import gettext_noop as _
from lm.heads import Gate
from lm.safety import UnsafeModel, check_model_folder

GATE = "gate.safetensors"
PAD_TOKEN = "<|pad|>"  # noqa: S105 - a token of text


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode and its tokenizer, whose padding token is never its end token.

    `gate`: of a reward model of several aspects, where it has one.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    gate: Gate | None = None

    @property
    def device(self) -> torch.device:
        return self.model.device


def best_device() -> torch.device:
    """The first GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_causal(source: str, *, dtype: str = "float32") -> Loaded:
    """A causal language model. Raises UnsafeModel for a folder that is not plain weights, OSError for none."""
    return load(source, AutoModelForCausalLM, dtype=dtype)


def load_reward(source: str, *, dtype: str = "float32") -> Loaded:
    """A trained reward model, which gives one number for a conversation (lm/scoring.py).

    Raises UnsafeModel for a model without such a head.
    """
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


def load_reward_base(source: str, *, heads: int = 1, by_token: bool = False, dtype: str = "float32") -> Loaded:
    """Any causal or encoder backbone with `heads` outputs for a conversation or, `by_token`, for each of its tokens.

    Its own head if it has one of that shape, else a fresh one from torch's seed.
    """
    classifier = AutoModelForTokenClassification if by_token else AutoModelForSequenceClassification
    loaded = load(source, classifier, dtype=dtype, num_labels=heads, ignore_mismatched_sizes=True)
    loaded.model.config.reward = None  # how another model was read says nothing of this one
    give_padding(loaded)
    return loaded


def _gate(folder: Path, model: PreTrainedModel) -> Gate | None:
    shape = model.config.reward.get("gate")
    if shape is None:
        return None
    gate = Gate(**shape)
    gate.load_state_dict(load_file(folder / GATE))
    return gate.to(model.device).eval()


def give_padding(loaded: Loaded) -> None:
    """Sees to a padding token that is no other token.

    Reward heads in Hugging Face form read the last token that is not padding; were padding the end token itself, they
    would skip the end of every response.
    """
    tokenizer, model = loaded.tokenizer, loaded.model
    taken = {tokenizer.eos_token_id, tokenizer.bos_token_id}
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id in taken:
        tokenizer.add_special_tokens({"pad_token": PAD_TOKEN})
        embedding = model.get_input_embeddings()
        if isinstance(embedding, nn.Embedding) and len(tokenizer) > embedding.num_embeddings:
            model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id


def save(loaded: Loaded, folder: Path) -> None:
    """Writes weights (safetensors), configuration and tokenizer in Hugging Face form."""
    loaded.model.save_pretrained(folder, safe_serialization=True)
    loaded.tokenizer.save_pretrained(folder)
    if loaded.gate is not None:
        save_file(loaded.gate.state_dict(), folder / GATE)


def _config(source: str) -> Any:
    if Path(source).is_dir():
        check_model_folder(Path(source))
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if getattr(config, "auto_map", None):
        raise UnsafeModel(_("%(source)s asks for code of its own (auto_map), which is never run.") % {"source": source})
    return config


def load(source: str, kind: Any, *, dtype: str = "float32", **extra: Any) -> Loaded:
    """A model of the Auto class `kind`. Raises UnsafeModel, OSError."""
    _config(source)
    model = kind.from_pretrained(
        source, use_safetensors=True, trust_remote_code=False, dtype=getattr(torch, dtype), **extra
    )
    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    return Loaded(model.to(best_device()).eval(), tokenizer)
