"""Checkpoints that survive a crash at any moment and run nobody's code: safetensors and JSON, put there whole."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from training_bridge.trainer import ranks

WEIGHTS = "model.safetensors"
KEEP = 2  # the newest may not have been recorded yet when a crash comes
RECORDED_SECONDS = 20  # by then a checkpoint is on record, also where they are quicker than whoever records them


def write(folder: Path, fill: Callable[[Path], None]) -> str:
    """Fills `folder` by way of a temporary one: complete and on disk, or not there. Returns its sha256.

    Of what cannot be filled nothing is left: a full disk would stay full of it.
    """
    aside = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        fill(aside)
        for path in aside.iterdir():
            _sync(path)
        _sync(aside)
    except Exception:
        shutil.rmtree(aside, ignore_errors=True)
        raise
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


def forget_others(newest: Path) -> None:
    """Removes all checkpoints but `newest`, the one before it and those of the last seconds.

    Later steps are of an attempt that was killed before it could tell of them: counted among the newest they would
    push out the one that was just written.
    """
    number, recent = _number(newest), time.time() - RECORDED_SECONDS
    found = sorted(newest.parent.glob("checkpoint-*"), key=_number)
    before = [path for path in found if _number(path) <= number]
    kept = {*before[-KEEP:], *(path for path in before if path.stat().st_mtime > recent)}
    for path in found:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _number(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


@dataclass(frozen=True)
class Collected:
    """All that a run goes on from: what is trained, the optimiser's tensors and, as JSON, every number beside them."""

    weights: dict[str, Tensor]
    moments: dict[str, Tensor]
    rest: dict[str, Any]

    def save(self, folder: Path) -> None:
        save_file(self.weights, folder / WEIGHTS)
        save_file(self.moments, folder / "optimizer.safetensors")
        (folder / "optimizer.json").write_text(json.dumps(self.rest), encoding="utf-8")


def collect(network: nn.Module, optimizer: Optimizer, scheduler: Any, measured: Mapping[str, float]) -> Collected:
    """What is to be saved, whole and on the CPU. All processes take part; all but the first get it without tensors.

    Weights that stay as they are are left out: whoever resumes has loaded them. `measured`: the last step's figures.
    """
    weights = {name: _kept(value) for name, value in trained(network).items()}
    state = optimizer.state_dict()
    moments = {"rng.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        moments["rng.cuda"] = torch.cuda.get_rng_state()
    numbers: dict[str, Any] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                moments[f"state.{index}.{name}"] = _kept(value)
            else:
                numbers[f"{index}.{name}"] = value
    rest = {
        "groups": state["param_groups"],
        "numbers": numbers,
        "scheduler": scheduler.state_dict(),
        "measured": dict(measured),
    }
    return Collected(weights, moments, rest) if ranks.is_first() else Collected({}, {}, rest)


def _kept(value: Tensor) -> Tensor:
    whole = ranks.whole(value)
    return whole.cpu().contiguous() if ranks.is_first() else whole[:0] if whole.ndim else whole


def trained(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of `network` that training changes, each once, however many names it has."""
    kept = network.state_dict().keys()
    found = {name: value for name, value in network.named_parameters() if value.requires_grad}
    return found | {name: value for name, value in network.named_buffers() if name in kept}


@torch.no_grad()
def load_weights(network: nn.Module, folder: Path) -> None:
    """The counterpart of `collect` for what is trained."""
    tensors = load_file(folder / WEIGHTS)
    for name, target in trained(network).items():
        ranks.fill(target, tensors[name])


def load_optimizer(optimizer: Optimizer, scheduler: Any, folder: Path) -> None:
    """The counterpart of `collect` for the optimiser, the random state apart (`load_random`)."""
    tensors = load_file(folder / "optimizer.safetensors")
    rest = json.loads((folder / "optimizer.json").read_text(encoding="utf-8"))
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in [*tensors.items(), *((f"state.{key}", number) for key, number in rest["numbers"].items())]:
        kind, _, where = key.partition(".")
        if kind == "state":
            index, _, name = where.partition(".")
            state.setdefault(int(index), {})[name] = ranks.spread(value, like=parameters[int(index)])
    optimizer.load_state_dict({"state": state, "param_groups": rest["groups"]})
    scheduler.load_state_dict(rest["scheduler"])


def measured(folder: Path) -> dict[str, float]:
    """The figures of the last step; none where an earlier version wrote the checkpoint."""
    rest = json.loads((folder / "optimizer.json").read_text(encoding="utf-8"))
    return dict(rest.get("measured", {}))


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
