"""`make bench-train`: a training step of ours beside TRL's: the same model, pairs, order and optimiser.

Each side is a process with one thread that trains as it always does and pauses between two steps (train_turns.py). The
sides take their steps in turn, forwards and backwards, so that what else the machine does hits all alike; counted are
CPU seconds, and ratios are medians over rounds. TRL runs at batches of 8 and 2, and at its fastest here.
Beside both stands the machine's own rate: the matrix products of the step and nothing else (train_flops.py).

It needs TRL, which the product never imports: `make bench-train` installs it into an environment of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.train_flops import Work, work_of
from benchmarks.train_setting import SHAPES, SIGMA, lengths, make_model, make_pairs, write_pairs
from benchmarks.train_turns import Worker
from training_bridge.trainer.trainer import Steps

BATCHES = (1, 2, 4, 8, 16)
PAIRS_EACH = 32
TOKENS = 2048
"""Of ours in one pass: a quarter of the product's default, with which it is about 5 % slower as the activations of more
do not stay in this processor's cache."""
Found = dict[str, list[float]]


class Bench:
    """One run: where its files are, and what all sides have in common."""

    def __init__(self, chosen: argparse.Namespace, folder: Path) -> None:
        self.chosen, self.folder = chosen, folder
        make_model(folder / "model", chosen.shape)
        self.order = self._pairs("timed", chosen.rounds + 1, seed=1)
        self._pairs("compared", chosen.equal, seed=2)
        write_pairs(folder / "first.jsonl", self.order[0])

    def _pairs(self, name: str, steps: int, *, seed: int) -> Steps:
        """Writes so many steps' pairs, and tells which pairs make a step."""
        spread = lengths(self.chosen.sigma)
        pairs = make_pairs(PAIRS_EACH * steps, SHAPES[self.chosen.shape].vocab_size, seed=seed, **spread)
        write_pairs(self.folder / f"{name}.jsonl", pairs)
        return Steps(pairs, batch_size=PAIRS_EACH, epochs=1, seed=0)

    def spec(self, name: str, *, pairs: str = "timed", **given: Any) -> dict[str, Any]:
        both = {"seed": 0, "pairs_each": PAIRS_EACH, "learning_rate": self.chosen.learning_rate, "device": "cpu"}
        here = {"model": str(self.folder / "model"), "pairs": str(self.folder / f"{pairs}.jsonl")}
        own = {"name": name, "output": str(self.folder / name), "threads": 1, "token_budget": TOKENS}
        return both | here | own | given

    def worker(self, name: str, **given: Any) -> Worker:
        return Worker(sys.executable, self.spec(name, **given), threads=1, core=self.chosen.core)

    def equal(self) -> dict[str, float]:
        """Gradients and losses of the first step's pairs, side by side."""
        spec = self.spec("equal", task="dpo", batch=8, pairs="first")
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.train_equal", json.dumps(spec)],
            stdout=subprocess.PIPE, text=True, check=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        )  # fmt: skip
        found: dict[str, float] = json.loads(done.stdout)
        return found

    def best_batch(self, task: str) -> int:
        """The batch of TRL that needs the least CPU for the first step, of those whose product is a step."""
        took = {}
        for batch in BATCHES:
            with self.worker(f"trl-{task}-{batch}", side="trl", task=task, batch=batch, pairs="first") as worker:
                took[batch] = worker.run(1)["seconds"]
            say(f"TRL, {task}, batch {batch} x {PAIRS_EACH // batch}: {took[batch]:.2f} s")
        return min(took, key=lambda batch: took[batch])

    def work(self, task: str) -> list[Work]:
        """What each timed step needs."""
        return [work_of(self.chosen.shape, task, self.order[step]) for step in range(1, self.chosen.rounds + 1)]

    def products(self, task: str, works: Sequence[Work]) -> Worker:
        shapes = [[one.rows, one.inputs, one.outputs, one.times] for one in works[0].products]
        return self.worker(f"products-{task}", side="products", products=shapes, rows=TOKENS)

    def compared(self, batch: int) -> tuple[list[float], list[float]]:
        """The losses of DPO's steps, ours and TRL's, each trained on by itself."""
        with self.worker("ours-compared", side="ours", task="dpo", pairs="compared") as worker:
            ours = worker.run(self.chosen.equal)["values"]
        with self.worker("trl-compared", side="trl", task="dpo", batch=batch, pairs="compared") as worker:
            return ours, worker.run(self.chosen.equal)["values"]

    def timed(self, task: str, best: int) -> tuple[Found, float, float]:
        """CPU seconds of each side's steps by name; our FLOPs a second, and their share of the products' own."""
        works = self.work(task)
        with ExitStack() as stack:
            start = stack.enter_context
            sides = {
                "ours": start(self.worker(f"ours-{task}", side="ours", task=task)),
                "unshared": start(self.worker(f"unshared-{task}", side="ours", task=task, form="packed")),
                "trl": start(self.worker(f"trl-{task}", side="trl", task=task, batch=8)),
                "products": start(self.products(task, works)),
            }
            batches = {8: sides["trl"]}
            for batch in {2, best} - {8}:
                batches[batch] = start(self.worker(f"trl-{task}-{batch}", side="trl", task=task, batch=batch))
            sides |= {"trl_best": batches[best], "trl_2x16": batches[2]}
            if task == "dpo" and not self.chosen.without_lora:
                lora = {"task": task, "trains": "adapter"}
                sides["lora"] = start(self.worker("ours-lora", side="ours", **lora))
                sides["trl_lora"] = start(self.worker("trl-lora", side="trl", batch=8, **lora))
            assert sides["ours"].facts["form"] == "shared", "figures of prompts that are not shared are others"
            found = self._rounds(task, sides)
        done = [one.flops / took for one, took in zip(works, found["ours"], strict=True)]
        could = [sum(one.flops for one in works[0].products) / took for took in found["products"]]
        return found, median(done), median(one / other for one, other in zip(done, could, strict=True))

    def _rounds(self, task: str, sides: Mapping[str, Worker]) -> Found:
        different = dict.fromkeys(sides.values())
        names = {worker: [name for name, one in sides.items() if one is worker] for worker in different}
        found: Found = {name: [] for name in sides}
        for turn in range(self.chosen.rounds + 1):
            for worker in list(different) if turn % 2 else list(different)[::-1]:
                said = worker.run(1)
                for name in names[worker] if turn else ():  # the first step makes the optimiser's state
                    found[name].append(said["values"][0] if name == "products" else said["seconds"])
            if turn:
                say(f"{task}, {turn}: " + ", ".join(f"{name} {values[-1]:.2f} s" for name, values in found.items()))
        return found


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def ratio(found: Found, slow: str, fast: str) -> float:
    """The median over rounds of how many times longer `slow` takes."""
    return round(median(one / other for one, other in zip(found[slow], found[fast], strict=True)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="timed steps of each side")
    parser.add_argument("--equal", type=int, default=50, help="steps over which losses are compared")
    parser.add_argument("--shape", choices=["small", "tiny"], default="small")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--sigma", type=float, default=SIGMA, help="spread of the lengths' logarithms")
    parser.add_argument("--core", type=int, help="the core on which all sides run (by default any)")
    parser.add_argument("--best", type=int, choices=BATCHES, help="TRL's best batch (by default it is looked for)")
    parser.add_argument("--without-lora", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prefloop-train-") as folder:
        bench = Bench(chosen, Path(folder))
        same = bench.equal()
        say(f"one step's pairs: {same}")
        best = {task: chosen.best or bench.best_batch(task) for task in ("dpo", "reward")}
        dpo, speed, share = bench.timed("dpo", best["dpo"])
        reward, _, reward_share = bench.timed("reward", best["reward"])
        ours, theirs = bench.compared(best["dpo"])
    line = {
        "dpo_ratio": ratio(dpo, "trl", "ours"),
        "dpo_ratio_trl_best": ratio(dpo, "trl_best", "ours"),
        "rm_ratio": ratio(reward, "trl", "ours"),
        "rm_ratio_trl_best": ratio(reward, "trl_best", "ours"),
        "share_ratio": ratio(dpo, "unshared", "ours"),
        "loss_rel_diff_50_steps": max(abs(one - other) / other for one, other in zip(ours, theirs, strict=True)),
        "grad_rel_diff": same["grad_rel_diff"],
        "gemm_fraction": round(share, 3),
        "dpo_ratio_trl_2x16": ratio(dpo, "trl_2x16", "ours"),
        "rm_ratio_trl_2x16": ratio(reward, "trl_2x16", "ours"),
        "rm_share_ratio": ratio(reward, "unshared", "ours"),
        "rm_gemm_fraction": round(reward_share, 3),
        **{name: value for name, value in same.items() if name != "grad_rel_diff"},
        "trl_best_batch": best,
        "steps_compared": len(ours),
        "losses": [round(ours[0], 4), round(ours[-1], 4)],
        "ours_dpo_s": round(median(dpo["ours"]), 3),
        "ours_rm_s": round(median(reward["ours"]), 3),
        "gflops": round(speed / 1e9, 1),
    }
    if "lora" in dpo:
        line["dpo_lora_ratio"] = ratio(dpo, "trl_lora", "lora")
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
