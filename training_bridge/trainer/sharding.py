"""A model spread over the processes that train it (FSDP, Zhao et al. 2023, arXiv 2304.11277), by accelerate."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch import nn
from transformers import TrainingArguments
from transformers.modeling_utils import PreTrainedModel

from common.words import gettext_noop as _
from lm.loading import NF4
from training_bridge.methods.interface import Refused
from training_bridge.methods.settings import Optimisation, Scaled
from training_bridge.trainer import ranks


def is_asked_for(config: Optimisation) -> bool:
    """Whether the model is to be spread. Raises Refused for weights in 4 bits, which stay in one piece."""
    if not isinstance(config, Scaled) or config.sharding == "none" or ranks.count() == 1:
        return False
    if config.frozen_weights == NF4:
        raise Refused(_("Weights in 4 bits cannot be spread over processes: choose that each process holds all."))
    return True


def layers_of(model: nn.Module) -> list[str]:
    """The classes of the layers that `model` is gathered by. Raises Refused where it is none that can be spread."""
    core: Any = getattr(model, "core", model)
    if not isinstance(core, PreTrainedModel):
        raise Refused(_("A head alone cannot be spread over processes: choose that each process holds all."))
    if any(one.ndim == 0 for one in model.parameters()):
        raise Refused(_("What is learnt of ties cannot be spread over processes: choose that each process holds all."))
    present = {type(one).__name__ for one in core.modules()}
    return sorted(set(core._no_split_modules or ()) & present)


def arguments(layers: Sequence[str] | None) -> dict[str, Any]:
    """What TrainingArguments needs to know."""
    if layers is None:
        return {}
    return {"fsdp": True, "fsdp_config": {"version": 2, "transformer_layer_cls_to_wrap": list(layers)}}


def switch_on(accelerator: Accelerator, args: TrainingArguments) -> None:
    """Sees to what accelerate does for GPUs only, though torch spreads a model on any device."""
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(**args.fsdp_plugin_args)
    accelerator.state.distributed_type = DistributedType.FSDP


def aside(model: nn.Module, config: Optimisation) -> nn.Module:
    """What is spread and trained: in the first process a copy, so that `model` stays whole, outside the GPU.

    Weights are gathered in the precision that they are kept in and rounded where they are used, as without sharding:
    FSDP's own rounding goes further, and policy and reference would differ before the first step.
    """
    device = next(model.parameters()).device.type
    spread = copy.deepcopy(model.cpu()) if ranks.is_first() else model
    if config.precision == "bfloat16":
        spread.forward = torch.autocast(device, dtype=torch.bfloat16)(spread.forward)
    return spread


def bring_back(trained: nn.Module, model: nn.Module, device: torch.device) -> None:
    """Writes what was trained into the first process's `model`."""
    ranks.gather(trained, model if ranks.is_first() else None)
    model.to(device)
