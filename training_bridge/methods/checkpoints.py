"""Checkpoints that survive a crash at any moment and run nobody's code: safetensors and JSON, put there whole."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

KEEP = 2  # the newest may not have been recorded yet when a crash comes


def write(folder: Path, fill: Callable[[Path], None]) -> str:
    """Fills `folder` by way of a temporary one: complete and on disk, or not there. Returns its sha256."""
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    fill(aside)
    for path in aside.iterdir():
        _sync(path)
    _sync(aside)
    digest = digest_of(aside)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    _sync(folder.parent)
    return digest


def digest_of(folder: Path) -> str:
    """sha256 over the names and contents of the files of `folder`, hexadecimal."""
    whole = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            whole.update(f"{path.name}\n{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def forget_older(parent: Path) -> None:
    """Removes all checkpoints but the newest ones."""
    found = sorted(parent.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    for path in found[:-KEEP]:
        shutil.rmtree(path, ignore_errors=True)


def save_optimizer(optimizer: Optimizer, scheduler: Any, folder: Path) -> None:
    """The optimiser's tensors, the random state and, as JSON, every number beside them."""
    state = optimizer.state_dict()
    tensors = {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    numbers: dict[str, Any] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"state.{index}.{name}"] = value.contiguous()
            else:
                numbers[f"{index}.{name}"] = value
    save_file(tensors, folder / "optimizer.safetensors")
    rest = {"groups": state["param_groups"], "numbers": numbers, "scheduler": scheduler.state_dict()}
    (folder / "optimizer.json").write_text(json.dumps(rest), encoding="utf-8")


def load_optimizer(optimizer: Optimizer, scheduler: Any, folder: Path) -> None:
    """The counterpart of `save_optimizer`, the random state apart (`load_random`)."""
    tensors = load_file(folder / "optimizer.safetensors")
    rest = json.loads((folder / "optimizer.json").read_text(encoding="utf-8"))
    state: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *((f"state.{key}", number) for key, number in rest["numbers"].items())]:
        kind, _, where = key.partition(".")
        if kind == "state":
            index, _, name = where.partition(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    scheduler.load_state_dict(rest["scheduler"])


def load_random(folder: Path) -> None:
    """Puts torch's random numbers where they were."""
    tensors = load_file(folder / "optimizer.safetensors")
    torch.set_rng_state(tensors["rng.cpu"])
    if "rng.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng.cuda"])


def without_dropout(model: nn.Module) -> None:
    """Switches dropout off in place: a policy and its reference must agree to the bit before the first step."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name, value in vars(module).items():
            if "dropout" in name and isinstance(value, float):
                setattr(module, name, 0.0)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
