"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685): a frozen weight W and what is learnt beside it.

An adapted layer computes x (W + s B A)^T with A [rank, in], B [out, rank] and s = alpha / rank; B starts at nought, so
an adapted model starts as its base, and switched off it is the base to the bit. peft does the work. A module of its
own, as loading peft takes seconds that other runs need not wait.
"""

import json
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from common.words import gettext_noop as _
from lm.safety import ADAPTER_CONFIG, UnsafeModel

WEIGHTS = "adapter_model.safetensors"
TASKS = {"ForCausalLM": "CAUSAL_LM", "ForSequenceClassification": "SEQ_CLS", "ForTokenClassification": "TOKEN_CLS"}
HEADS = ("score", "classifier")
"""Heads of reward models, which start from nothing: they are learnt whole, and saved with the adapter."""


def adapt(model: PreTrainedModel, *, rank: int, alpha: int) -> PeftModel:
    """Puts an adapter beside every linear layer of `model`, in place; its own weights are frozen, its reward head not.

    The adapter is drawn from torch's seed. Raises UnsafeModel for a model without linear layers that peft knows.
    """
    task = next((task for ending, task in TASKS.items() if type(model).__name__.endswith(ending)), None)
    heads = [name for name in HEADS if hasattr(model, name)]
    names = _linear_layers(model, heads)
    if not names:
        raise UnsafeModel(_("This model has no layer that an adapter could be put beside."))
    config = LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=names, modules_to_save=heads or None, task_type=task
    )
    with warnings.catch_warnings():
        # peft asks transformers for a property by its older name, and looks for a base's output layer by its name.
        warnings.simplefilter("ignore")
        return get_peft_model(model, config)


def _linear_layers(model: PreTrainedModel, heads: list[str]) -> list[str]:
    """The full names of all linear layers but the heads and the language-model head."""
    output = model.get_output_embeddings()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    apart = {module for name in heads for module in getattr(model, name).modules()} | {output}
    return [
        name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D) and module not in apart
    ]


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """The adapter alone, as peft's own `from_pretrained` reads it: safetensors and JSON. `base`: what it belongs to."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in get_peft_model_state_dict(model).items()}
    save_file(tensors, folder / WEIGHTS)
    said = model.peft_config["default"].to_dict() | {"base_model_name_or_path": base, "inference_mode": True}
    plain = {key: sorted(value) if isinstance(value, set) else value for key, value in said.items()}
    (folder / ADAPTER_CONFIG).write_text(json.dumps(plain, indent=2, default=str), encoding="utf-8")


def merge(model: PeftModel) -> PreTrainedModel:
    """The base with the adapter's part added to its weights, in float32 and in place; nothing else of it is left.

    It ends on the CPU: a GPU that trained it in 16 bits may have no room for twice as much.
    """
    model.to("cpu").float()  # what was learnt is small beside the weights: in 16 bits it would be rounded away
    merged: PreTrainedModel = model.merge_and_unload(progressbar=False)
    merged.config.dtype = torch.float32
    for parameter in merged.parameters():
        parameter.requires_grad_(True)
    return merged


def merged_into(base: PreTrainedModel, folder: Path, *, rank: int, alpha: int) -> PreTrainedModel:
    """`base` with the adapter of `folder` merged into it: for one that was trained beside quantised weights."""
    adapted = adapt(base, rank=rank, alpha=alpha)
    set_peft_model_state_dict(adapted, load_file(folder / WEIGHTS))
    return merge(adapted)
