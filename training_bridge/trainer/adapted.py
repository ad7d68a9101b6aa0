"""Training an adapter beside frozen weights: put there before, merged and kept by itself afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lm.loading import NF4, Loaded

if TYPE_CHECKING:
    from peft import PeftModel

FOLDER = "adapter"


def weights_of(config: Any) -> str:
    """What a run's model is loaded in: weights that are trained are float32, as small steps would be rounded away."""
    return str(config.frozen_weights) if config.trains == "adapter" else "float32"


def put_beside(config: Any, loaded: Loaded, seed: int) -> PeftModel | None:
    """The adapter, in place, where one is to be trained: what is trained of `loaded.model` is then the adapter."""
    if config.trains != "adapter":
        return None
    from lm.adapters import adapt

    torch.manual_seed(seed)
    return adapt(loaded.model, rank=config.adapter_rank, alpha=config.adapter_alpha)


def finished(
    config: Any, loaded: Loaded, adapter: PeftModel | None, folder: Path, base: str, again: Callable[[], Loaded]
) -> Loaded:
    """What is to be saved in `folder`: a whole model in float32, the adapter merged into it on the CPU.

    The adapter by itself goes into a folder of its own there, for whoever has the `base`. Weights in 4 bits are no
    weights to add to: there the adapter is merged into what `again` loads, once the GPU is free of what was trained.
    """
    if adapter is None:
        return loaded
    from lm.adapters import merge, merged_into, save_adapter

    name = Path(base).name if Path(base).is_dir() else base
    save_adapter(adapter, folder / FOLDER, name)
    if config.frozen_weights != NF4:
        return replace(loaded, model=merge(adapter))
    loaded.model.to("cpu")  # type: ignore[arg-type]  # mypy takes the decorated method for a function
    fresh = again()
    model = merged_into(fresh.model, folder / FOLDER, rank=config.adapter_rank, alpha=config.adapter_alpha)
    return replace(fresh, model=model)
