"""`make bench-train-gpu`: pairs a second on a GPU beside TRL tuned, and how much of the GPU's arithmetic is of use.

Shapes of known models with random weights, bf16 autocast over float32 weights for both (bf16 weights with an adapter
where the whole does not fit), the same checkpointing, TRL with FlashAttention 2 where it is installed, else SDPA, at
the fastest of its batches that fits. One side at a time has the GPU. Utilisation counts useful arithmetic alone
(train_flops.py), against the GPU's data sheet and against what its matrix products reach in the same run.

Where there is no GPU it says so and ends well. `--walk` takes the same way on the processor with a tiny shape.
"""

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.train_flops import work_of
from benchmarks.train_setting import SHAPES, Lengths, lengths, make_model, make_pairs, write_pairs
from benchmarks.train_turns import Worker
from training_bridge.trainer.trainer import Steps

DATA_SHEETS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12}
"""Dense bf16 products a second by name, as the maker states them."""


@dataclass(frozen=True)
class Plan:
    """How one shape is trained: by both sides, but for what is ours (`token_budget`) or TRL's (`batches`)."""

    pairs_each: int
    token_budget: int
    batches: tuple[int, ...]
    checkpointing: bool
    adapter: bool
    memory_gib: int
    """Less than that, and the shape is left out."""


PLANS = {
    "tiny": Plan(8, 1024, (4, 8), True, False, 0),
    "qwen2-0.5b": Plan(64, 32_768, (4, 8, 16, 32), False, False, 40),
    "qwen2-1.5b": Plan(64, 16_384, (2, 4, 8, 16), False, False, 70),
    "llama-8b": Plan(32, 16_384, (2, 4, 8), True, True, 70),
}


def matrix_rate(device: str) -> float:
    """FLOPs a second of large bf16 products, the median of several."""
    size = 8192 if device == "cuda" else 512
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    took = []
    for _ in range(12):
        began = _now(device)
        one @ other
        took.append(_now(device) - began)
    return 2 * size**3 / median(took[2:])


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


class Bench:
    """One shape's files, and its sides one after the other."""

    def __init__(self, shape: str, folder: Path, chosen: argparse.Namespace, device: str) -> None:
        self.shape, self.folder, self.device, self.steps = shape, folder, device, chosen.steps + 1
        self.plan = PLANS[shape]
        make_model(folder / "model", shape, dtype="bfloat16" if self.plan.adapter else "float32", device=device)
        short = {"prompts": Lengths(20, 0.6, 4, 60), "responses": Lengths(15, 0.6, 4, 42)} if chosen.walk else lengths()
        pairs = make_pairs(self.plan.pairs_each * self.steps, SHAPES[shape].vocab_size, **short)
        write_pairs(folder / "pairs.jsonl", pairs)
        self.order = Steps(pairs, batch_size=self.plan.pairs_each, epochs=1, seed=0)

    def seconds(self, **given: Any) -> dict[str, Any]:
        """{"seconds": of a step, the first one apart, "peak_mib", "values": losses} or {"failed": why}."""
        spec: dict[str, Any] = {
            "name": "{side} {task} {batch}".format(**({"batch": ""} | given)).strip(), "seed": 0, "learning_rate": 1e-6,
            "pairs_each": self.plan.pairs_each, "device": self.device, "threads": 2,
            "model": str(self.folder / "model"), "pairs": str(self.folder / "pairs.jsonl"),
            "output": str(self.folder / "out"), "precision": "bfloat16",
            "gradient_checkpointing": self.plan.checkpointing, "token_budget": self.plan.token_budget,
        }  # fmt: skip
        if self.plan.adapter:
            spec |= {"trains": "adapter", "frozen_weights": "bfloat16"}
        try:
            with Worker(sys.executable, spec | given, threads=2) as worker:
                said = [worker.run(1) for _ in range(self.steps)]
        except RuntimeError as error:
            return {"failed": str(error)}
        losses = [value for one in said for value in one["values"]]
        took = [one["seconds"] for one in said[1:]]
        found = {"seconds": took, "peak_mib": said[-1]["peak_mib"], "values": losses, "form": worker.facts.get("form")}
        print(f"{self.shape}, {spec['name']}: {found}", file=sys.stderr, flush=True)
        return found

    def theirs(self, task: str) -> tuple[int, dict[str, Any]]:
        """TRL's fastest batch and its figures."""
        attention = "flash_attention_2" if importlib.util.find_spec("flash_attn") else "sdpa"
        tried = {
            batch: self.seconds(side="trl", task=task, batch=batch, attention=attention) for batch in self.plan.batches
        }
        done = {batch: found for batch, found in tried.items() if "seconds" in found}
        if not done:
            return 0, tried[self.plan.batches[0]]
        best = min(done, key=lambda batch: median(done[batch]["seconds"]))
        return best, done[best]

    def figures(self, task: str, rate: float, sheet: float | None) -> dict[str, Any]:
        ours = self.seconds(side="ours", task=task)
        batch, theirs = self.theirs(task)
        again = self.seconds(side="ours", task=task)
        if "failed" in ours or "failed" in again:
            return {"failed": ours.get("failed") or again["failed"]}
        took = [(one + other) / 2 for one, other in zip(ours["seconds"], again["seconds"], strict=True)]
        needed = [
            work_of(self.shape, task, self.order[step], frozen=self.plan.adapter).flops for step in range(1, self.steps)
        ]
        done = median(one / seconds for one, seconds in zip(needed, took, strict=True))
        line: dict[str, Any] = {
            "pairs_per_s": round(self.plan.pairs_each / median(took), 2),
            "form": ours["form"],
            "tflops": round(done / 1e12, 2),
            "of_matrix_rate": round(done / rate, 3),
            "mfu": None if sheet is None else round(done / sheet, 3),
            "peak_mib": ours["peak_mib"],
        }
        if "failed" in theirs:
            return line | {"trl": theirs["failed"]}
        apart = [abs(one - other) / abs(other) for one, other in zip(ours["values"], theirs["values"], strict=True)]
        return line | {
            "trl_pairs_per_s": round(self.plan.pairs_each / median(theirs["seconds"]), 2),
            "ratio": round(median(other / one for one, other in zip(took, theirs["seconds"], strict=True)), 3),
            "trl_batch": batch,
            "trl_peak_mib": theirs["peak_mib"],
            "loss_rel_diff": max(apart),
        }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_gpu", description=__doc__)
    parser.add_argument("--shapes", nargs="+", choices=list(PLANS), default=["qwen2-0.5b", "qwen2-1.5b", "llama-8b"])
    parser.add_argument("--tasks", nargs="+", choices=["dpo", "reward"], default=["dpo", "reward"])
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each side")
    parser.add_argument("--walk", action="store_true", help="the same way on the processor, with a tiny shape")
    chosen = parser.parse_args()
    if not torch.cuda.is_available() and not chosen.walk:
        print(json.dumps({"skipped": "this machine has no CUDA GPU that torch can use"}), flush=True)
        return
    device = "cpu" if chosen.walk else "cuda"
    name = "cpu" if chosen.walk else torch.cuda.get_device_name()
    room = 0 if chosen.walk else torch.cuda.get_device_properties(0).total_memory >> 30
    sheet = next((value for key, value in DATA_SHEETS.items() if key in name), None)
    rate = matrix_rate(device)
    line: dict[str, Any] = {"device": name, "matrix_tflops": round(rate / 1e12, 2), "torch": torch.__version__}
    for shape in ["tiny"] if chosen.walk else chosen.shapes:
        line[shape] = _of(shape, chosen, device, room, rate, sheet)
    print(json.dumps(line), flush=True)


def _of(
    shape: str, chosen: argparse.Namespace, device: str, room: int, rate: float, sheet: float | None
) -> Mapping[str, Any]:
    if device == "cuda" and room < PLANS[shape].memory_gib:
        return {"skipped": f"{room} GiB of memory, {PLANS[shape].memory_gib} are needed"}
    with tempfile.TemporaryDirectory(prefix="prefloop-train-") as folder:
        bench = Bench(shape, Path(folder), chosen, device)
        if device == "cuda":
            torch.cuda.empty_cache()
        return {task: bench.figures(task, rate, sheet) for task in chosen.tasks}


if __name__ == "__main__":
    main()
