"""Taking turns: a worker trains as it always does and stands still between two steps until it is told to go on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch

READY = "ready"


class Turns:
    """The worker's end. Standard output belongs to it alone; whatever libraries print goes to standard error."""

    def __init__(self, device: str) -> None:
        self.cuda = device == "cuda"
        self.told = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self.facts: dict[str, Any] = {}
        self.values: list[float] = []
        self.left = 0
        self.began = 0.0

    def clock(self) -> float:
        """CPU seconds of this process, all its threads; on a GPU seconds on the wall once it is done."""
        if not self.cuda:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def ready(self) -> None:
        """Says that all is loaded, and the facts about it, and waits for the first order."""
        self.say({READY: self.facts})
        self.listen()

    def stepped(self, value: float) -> None:
        """Called after every step with its loss; returns when the next one may begin."""
        self.values.append(value)
        self.left -= 1
        if self.left > 0:
            return
        took = self.clock() - self.began
        most = torch.cuda.max_memory_allocated() if self.cuda else 0
        self.say({"seconds": took, "values": self.values, "peak_mib": most >> 20})
        self.listen()

    def listen(self) -> None:
        order = sys.stdin.readline().strip()
        if not order:
            raise SystemExit(0)
        self.left, self.values = int(order), []
        self.began = self.clock()

    def say(self, message: Mapping[str, Any]) -> None:
        self.told.write(json.dumps(message) + "\n")


class Worker:
    """The other end: a process of `benchmarks.train_worker`, on one core, that does steps when told."""

    def __init__(self, python: str, spec: Mapping[str, Any], *, threads: int, core: int | None = None) -> None:
        hidden = {} if spec["device"] == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}
        counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
        pinned = None if core is None else (lambda: os.sched_setaffinity(0, {core}))
        self.name = str(spec["name"])
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-m", "benchmarks.train_worker", json.dumps(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env=os.environ | hidden | counts | offline, preexec_fn=pinned,
        )  # fmt: skip
        self.facts: dict[str, Any] = self._answer()[READY]

    def run(self, steps: int) -> dict[str, Any]:
        """{"seconds", "values", "peak_mib"} of so many steps."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}: what it said stands above.")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
