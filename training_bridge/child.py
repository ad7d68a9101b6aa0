"""`python -m training_bridge.child <run folder>`: one run of a method in a process of its own. No Django here.

Reads spec.json in the folder; writes events as JSON lines to standard output (docs/how-to/add-a-method.md) and
everything a library prints to standard error. Exit codes: 0 done or cancelled, 1 failed (the last lines of standard
error say why), 77 out of memory. SIGTERM: break off what is being done, with a checkpoint of the steps that came to
their end; say "cancelled", end.
"""

import errno
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from common.errors import DomainError
from common.machine import die_with_parent, give_way
from common.plugs import load
from common.words import gettext_noop as _
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Cancelled, Context, ModelFolder, Refused, Result
from training_bridge.methods.settings import as_stored
from training_bridge.model_cards import leave_card

OUT_OF_MEMORY = 77
# Of torch's allocator for the processor, of CUDA and its libraries, and of C++, which raise plain RuntimeError.
NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Cannot allocate memory",
    "std::bad_alloc",
)
NO_ROOM = "No space left on device"


class Reporter:
    """Events as lines of JSON, each flushed: the parent shows them as they happen."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.stopping = False
        self._unbroken = False
        self._largest = 0

    def send(self, kind: str, **fields: Any) -> None:
        """One event. Numbers that are not finite have no JSON and become null."""
        line = json.dumps(_finite({"type": kind, **fields}), allow_nan=False)
        self.stream.write(line + "\n")
        self.stream.flush()

    def reading(self, tokens: int, items: int) -> None:
        """Tells of a forward pass that is larger than all before."""
        if tokens > self._largest:
            self._largest = tokens
            self.send("reading", tokens=tokens, items=items)

    def stop(self, *_: Any) -> None:
        """SIGTERM's handler. Raises Cancelled, except within `unbroken`: there the method looks after each step."""
        was_stopping, self.stopping = self.stopping, True
        if not self._unbroken and not was_stopping:
            raise Cancelled

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """What stands inside is not broken off."""
        self._unbroken = True
        try:
            yield
        finally:
            self._unbroken = False


def main(arguments: list[str]) -> int:
    """Runs the method that the folder's spec.json names. Returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m training_bridge.child <run folder>", file=sys.stderr)
        return 2
    # A trainer was seen to outlive its killed worker, holding the GPU.
    die_with_parent()
    give_way()
    reporter = Reporter(_own_stdout())
    try:
        signal.signal(signal.SIGTERM, reporter.stop)
        spec = json.loads((Path(arguments[0]) / "spec.json").read_text(encoding="utf-8"))
        _set_threads(spec)
        result = _run(spec, reporter)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
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
        reading=reporter.reading,
        unbroken=reporter.unbroken,
    )
    config = as_stored(method.Config, spec["config"])
    result: Result = method.train(context, config)
    leave_card(spec, method, config, result)
    return result


def _model(given: Mapping[str, Any] | None) -> ModelFolder | None:
    return ModelFolder(given["path"], given.get("kind", "policy")) if given else None


def _as_event(result: Result) -> dict[str, Any]:
    model = result.model and {"path": result.model.path, "kind": result.model.kind, "config": result.model.config}
    return {
        "values": result.values,
        "model": model,
        "responses": str(result.responses) if result.responses else None,
        "report": str(result.report) if result.report else None,
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
    if _is_out_of_room(fault):
        print(_("The disk is full. Make room, then try again: it goes on from its last checkpoint."), file=sys.stderr)
        return 1
    traceback.print_exception(fault)
    return OUT_OF_MEMORY if _is_out_of_memory(fault) else 1


def _is_out_of_memory(fault: BaseException) -> bool:
    """Whether memory of the machine or of its GPU ran out, here or beneath a fault that hides it."""
    import torch

    return any(
        isinstance(one, MemoryError | torch.OutOfMemoryError)
        or getattr(one, "errno", None) == errno.ENOMEM
        or any(words in str(one) for words in NO_MEMORY)
        for one in _beneath(fault)
    )


def _is_out_of_room(fault: BaseException) -> bool:
    """Whether the disk, or this account's share of it, is full; safetensors says so in words alone."""
    return any(
        getattr(one, "errno", None) in {errno.ENOSPC, errno.EDQUOT} or NO_ROOM in str(one) for one in _beneath(fault)
    )


def _beneath(fault: BaseException | None) -> Iterator[BaseException]:
    """The fault, and those that it hides."""
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
