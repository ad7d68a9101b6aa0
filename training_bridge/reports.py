"""What a trainer says: JSON lines on its standard output, gathered until they are written down.

A trainer is trusted to be ours, not to be well: a line that is no report becomes a line of the log, and a number that
is no number is left out.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_LINE = 1 << 20
LONGEST_LOG_LINE = 2000


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


@dataclass
class Reports:
    """Reports since the last `forget`, and those that end a run. `folder` is the run's own; paths must lie in it."""

    folder: Path
    columns: dict[str, Any] = field(default_factory=dict)
    metrics: dict[int, dict[str, float]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    result: dict[str, Any] | None = None
    cancelled: bool = False
    _rest: bytes = b""

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
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._say(line.decode("utf-8", "replace"))

    def _say(self, text: str) -> None:
        clean = text.encode("utf-8", "replace").decode().replace("\x00", "�").rstrip()
        self.log.append(clean[:LONGEST_LOG_LINE])

    def _on_phase(self, report: dict[str, Any]) -> None:
        self.columns["phase"] = str(report["text"])[:120]
        self._say(str(report["text"]))

    def _on_total(self, report: dict[str, Any]) -> None:
        self.columns["total_steps"] = max(0, int(report["steps"]))

    def _on_metrics(self, report: dict[str, Any]) -> None:
        step = max(0, int(report["step"]))
        values = {str(name): value for name, value in report["values"].items()}
        finite = {name: float(value) for name, value in values.items() if _is_number(value)}
        if len(finite) < len(values):
            self._say(f"Step {step}: not a finite number: {', '.join(sorted(set(values) - set(finite)))}.")
        self.metrics[step] = self.metrics.get(step, {}) | finite
        self.columns["step"] = step

    def _on_checkpoint(self, report: dict[str, Any]) -> None:
        path = self._inside(report["path"])
        step = int(report["step"])
        self.columns["checkpoint"] = {
            "path": str(path.relative_to(self.folder.resolve())), "step": step, "sha256": str(report["sha256"]),
        }  # fmt: skip

    def _on_log(self, report: dict[str, Any]) -> None:
        self._say(str(report["text"]))

    def _on_cancelled(self, report: dict[str, Any]) -> None:
        self.cancelled = True

    def _on_result(self, report: dict[str, Any]) -> None:
        model, responses = report.get("model"), report.get("responses")
        if model is not None:
            model = model | {"path": str(self._inside(model["path"]))}
        self.result = {
            "values": dict(report.get("values") or {}), "model": model,
            "responses": self._inside(responses) if responses else None,
        }  # fmt: skip

    def _inside(self, path: str) -> Path:
        """Raises ValueError for a path that leads out of the run's folder."""
        found = (self.folder / path).resolve()
        if not found.is_relative_to(self.folder.resolve()):
            raise ValueError("a path outside the run's folder")
        return found
