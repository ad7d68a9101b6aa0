"""`python -m training_bridge.child <run folder>`: one run of a method in a process of its own. No Django here.

Reads spec.json in the folder; writes events as JSON lines to standard output (docs/how-to/add-a-method.md) and
everything a library prints to standard error. Exit codes: 0 done or cancelled, 1 failed (the last lines of standard
error say why), 77 out of memory. SIGTERM: finish the step, write a checkpoint, say "cancelled", end.
"""

import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from common.errors import DomainError
from common.machine import die_with_parent
from common.plugs import load
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result

OUT_OF_MEMORY = 77


class Reporter:
    """Events as lines of JSON, each flushed: the parent shows them as they happen."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.stopping = False

    def send(self, kind: str, **fields: Any) -> None:
        """One event. Numbers that are not finite have no JSON and become null."""
        line = json.dumps(_finite({"type": kind, **fields}), allow_nan=False)
        self.stream.write(line + "\n")
        self.stream.flush()

    def stop(self, *_: Any) -> None:
        """SIGTERM's handler: the method looks at the end of each step."""
        self.stopping = True


def main(arguments: list[str]) -> int:
    """Runs the method that the folder's spec.json names. Returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m training_bridge.child <run folder>", file=sys.stderr)
        return 2
    # A trainer was seen to outlive its killed worker, holding the GPU.
    die_with_parent()
    reporter = Reporter(_own_stdout())
    signal.signal(signal.SIGTERM, reporter.stop)
    try:
        spec = json.loads((Path(arguments[0]) / "spec.json").read_text(encoding="utf-8"))
        _set_threads(spec)
        result = _run(spec, reporter)
    except Cancelled:
        reporter.send("cancelled")
        return 0
    except Exception as fault:
        return _failed(fault)
    reporter.send("result", **_as_event(result))
    return 0


def _run(spec: Mapping[str, Any], reporter: Reporter) -> Result:
    method = load(METHODS, spec["method"], "method")
    output = Path(spec["output"])
    output.mkdir(parents=True, exist_ok=True)
    context = Context(
        seed=spec["seed"],
        output=output,
        snapshot=Path(spec["snapshot"]["path"]) if spec.get("snapshot") else None,
        base=_model(spec.get("base")),
        reference=_model(spec.get("reference")),
        reward=_model(spec.get("reward")),
        input=spec.get("input") or {},
        checkpoint=spec.get("checkpoint"),
        phase=lambda text: reporter.send("phase", text=text),
        total=lambda steps: reporter.send("total", steps=steps),
        metrics=lambda step, values: reporter.send("metrics", step=step, values=dict(values)),
        saved=lambda path, step, sha256: reporter.send("checkpoint", path=str(path), step=step, sha256=sha256),
        log=lambda text: reporter.send("log", text=text),
        stop_requested=lambda: reporter.stopping,
    )
    result: Result = method.train(context, method.Config.model_validate(spec["config"]))
    return result


def _model(given: Mapping[str, Any] | None) -> ModelFolder | None:
    return ModelFolder(given["path"], given.get("kind", "policy")) if given else None


def _as_event(result: Result) -> dict[str, Any]:
    model = result.model and {"path": result.model.path, "kind": result.model.kind, "config": result.model.config}
    return {
        "values": result.values,
        "model": model,
        "responses": str(result.responses) if result.responses else None,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(child) for child in value]
    return value


def _own_stdout() -> TextIO:
    """The pipe for events; whatever libraries print, in Python or below it, goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _set_threads(spec: Mapping[str, Any]) -> None:
    """Threads by the specification, else OMP_NUM_THREADS, else the cores this process may use."""
    # Threads that wait must sleep, not spin: the machine's other work (raters' pages) shares these cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped
    wanted = spec.get("threads") or os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))
    torch.set_num_threads(int(wanted))


def _failed(fault: Exception) -> int:
    """Says why on standard error: for a person where the fault is known, with the trace where it is not."""
    if isinstance(fault, Refused | DomainError):
        print(fault, file=sys.stderr)
        return 1
    traceback.print_exception(fault)
    if _is_out_of_memory(fault):
        print(
            "Out of memory: lower the token budget or the longest length, or choose a smaller model.", file=sys.stderr
        )
        return OUT_OF_MEMORY
    return 1


def _is_out_of_memory(fault: Exception) -> bool:
    import torch

    text = str(fault)
    return isinstance(fault, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in text


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
