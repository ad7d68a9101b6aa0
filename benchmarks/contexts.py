"""A run without a parent, for what trains outside of the product: what it reports is nobody's."""

from pathlib import Path
from typing import Any

from training_bridge.methods.interface import Context


def alone(output: Path, seed: int, **given: Any) -> Context:
    """`given`: whatever of the context is not empty, or is to be heard."""
    output.mkdir(parents=True, exist_ok=True)
    empty: dict[str, Any] = dict.fromkeys(("snapshot", "base", "reference", "reward", "checkpoint")) | {"input": {}}
    silent = dict.fromkeys(("phase", "total", "metrics", "saved", "log"), lambda *_: None)
    return Context(seed=seed, output=output, stop_requested=lambda: False, **(empty | silent | given))
