"""What a trainer says: JSON lines on its standard output, gathered until they are written down.

A trainer is trusted to be ours, not to be well: a line that is no report becomes a line of the log, a number that is
no number is left out, and however much it says, little of it is in memory and no more of it is kept than people read.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.text import check_tree
from common.words import gettext_noop as _

LONGEST_LINE = 1 << 20
LONGEST_LOG_LINE = 2000
MOST_LOG_LINES = 10_000  # of one attempt
MOST_AT_ONCE = 1000  # reports between two writes; a trainer that says more waits until they are written
MOST_MEASURES = 100  # of one step
LAST_STEP = 2**31 - 1
LARGEST = sys.float_info.max


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) <= LARGEST


def _step(value: Any) -> int:
    return min(max(0, int(value)), LAST_STEP)


def _storable(text: Any) -> str:
    """Text that any database can hold."""
    return str(text).encode("utf-8", "replace").decode().replace("\x00", "�")


@dataclass
class Reports:
    """Reports since the last `forget`, and those that end a run. `folder` is the run's own; paths must lie in it."""

    folder: Path
    columns: dict[str, Any] = field(default_factory=dict)
    metrics: dict[int, dict[str, float]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    result: dict[str, Any] | None = None
    cancelled: bool = False
    largest: tuple[int, int] | None = None  # tokens and items of the largest forward pass that was begun
    _rest: bytes = b""
    _lines: int = 0

    @property
    def full(self) -> bool:
        """Whether it is time to write them down before more is read."""
        return len(self.metrics) + len(self.log) >= MOST_AT_ONCE

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], b""
        for line in lines:
            if line.strip():
                self._line(line)

    def take(self) -> dict[str, Any]:
        """The arguments of ownership.record_progress."""
        return {"columns": dict(self.columns), "metrics": dict(self.metrics), "log": list(self.log)}

    def forget(self) -> None:
        """Called once they are written down."""
        self.columns, self.metrics, self.log = {}, {}, []

    def _line(self, line: bytes) -> None:
        try:
            report = json.loads(line)
            handler = getattr(self, f"_on_{report['type']}")
            handler(report)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
            self._say(line.decode("utf-8", "replace"))

    def _say(self, text: str) -> None:
        self._lines += 1
        if self._lines <= MOST_LOG_LINES:
            self.log.append(_storable(text).rstrip()[:LONGEST_LOG_LINE])
        elif self._lines == MOST_LOG_LINES + 1:
            self.log.append(_("It says more than %(lines)s lines: the rest is left out.") % {"lines": MOST_LOG_LINES})

    def _on_phase(self, report: dict[str, Any]) -> None:
        self.columns["phase"] = _storable(report["text"])[:120]
        self._say(str(report["text"]))

    def _on_total(self, report: dict[str, Any]) -> None:
        self.columns["total_steps"] = _step(report["steps"])

    def _on_metrics(self, report: dict[str, Any]) -> None:
        step = _step(report["step"])
        values = {_storable(name)[:60]: value for name, value in list(report["values"].items())[:MOST_MEASURES]}
        finite = {name: float(value) for name, value in values.items() if _is_number(value)}
        if len(finite) < len(values):
            self._say(f"Step {step}: not a finite number: {', '.join(sorted(set(values) - set(finite)))}.")
        self.metrics[step] = self.metrics.get(step, {}) | finite
        self.columns["step"] = step

    def _on_checkpoint(self, report: dict[str, Any]) -> None:
        path = self._inside(report["path"])
        self.columns["checkpoint"] = {
            "path": str(path.relative_to(self.folder.resolve())), "step": _step(report["step"]),
            "sha256": _storable(report["sha256"])[:64],
        }  # fmt: skip

    def _on_log(self, report: dict[str, Any]) -> None:
        self._say(str(report["text"]))

    def _on_reading(self, report: dict[str, Any]) -> None:
        self.largest = int(report["tokens"]), int(report["items"])

    def _on_cancelled(self, report: dict[str, Any]) -> None:
        self.cancelled = True

    def _on_result(self, report: dict[str, Any]) -> None:
        model, responses, card = (report.get(name) for name in ("model", "responses", "report"))
        if model is not None:
            model = model | {"path": str(self._inside(model["path"]))}
        values = dict(report.get("values") or {})
        check_tree([values, model])
        self.result = {
            "values": values, "model": model,
            "responses": self._inside(responses) if responses else None,
            "report": self._inside(card) if card else None,
        }  # fmt: skip

    def _inside(self, path: str) -> Path:
        """Raises ValueError for a path that leads out of the run's folder."""
        found = (self.folder / path).resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise ValueError("a path outside the run's folder")
        return found
