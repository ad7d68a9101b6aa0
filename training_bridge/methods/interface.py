"""What every method offers, what it is given, what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A method's settings. Frozen and closed: a misspelt name is an error, not a default. Descriptions are reasons."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Lesson = Literal["pairs", "thumbs", "scores", "marked", "texts", "rationales"]
"""What a snapshot can teach: pairs of responses; thumbs; scores by aspect; responses read for faults; texts that people
wrote or mended; reasons for a preference."""


@dataclass(frozen=True)
class Needs:
    """What a run must be given before it starts.

    `base`, `reference`, `reward`: "required" or "optional" model versions, None where they make no sense. `base_kind`:
    "policy" for causal models only, "any" for causal ones and encoders. `input`: keys of the specification's `input`
    that must name files: "prompts" (JSON lines {"id", "messages"}) or "text" (JSON lines {"messages"} or {"text"}).
    `any_of`: kinds of lessons of which the snapshot's training split must hold `at_least` so many together.
    """

    snapshot: Literal["required", "optional"] | None = None
    base: Literal["required", "optional"] | None = None
    base_kind: Literal["policy", "any"] = "policy"
    reference: Literal["required", "optional"] | None = None
    reward: Literal["required", "optional"] | None = None
    input: tuple[str, ...] = ()
    any_of: tuple[Lesson, ...] = ()
    at_least: int = 0


@dataclass(frozen=True)
class ModelFolder:
    """Weights made or given: a folder in Hugging Face form (or, as a base, a hub id) and the kind of model version."""

    path: str
    kind: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """`values`: figures, JSON-able. `model`: the version made. `responses`: a JSON-lines file of sampled responses."""

    values: dict[str, Any]
    model: ModelFolder | None = None
    responses: Path | None = None


class Cancelled(Exception):
    """The run was asked to stop and stopped cleanly, a checkpoint behind it."""


class Refused(Exception):
    """The run cannot go on with what it was given; the message tells a person what to change."""


@dataclass(frozen=True)
class Context:
    """One run, as its method sees it. The report functions may be called from the main thread only.

    `output` is a folder of this run's own and exists. `checkpoint` is {"path", "step", "sha256"} to resume from.
    """

    seed: int
    output: Path
    snapshot: Path | None
    base: ModelFolder | None
    reference: ModelFolder | None
    reward: ModelFolder | None
    input: Mapping[str, Any]
    checkpoint: Mapping[str, Any] | None
    phase: Callable[[str], None]
    total: Callable[[int], None]
    metrics: Callable[[int, Mapping[str, float]], None]
    saved: Callable[[Path, int, str], None]
    log: Callable[[str], None]
    stop_requested: Callable[[], bool]


class Method(Protocol):
    """One training method. `makes`: the kind of model version a run gives, None for runs that only measure."""

    key: str
    title: str
    description: str
    Config: type[Config]
    needs: Needs
    makes: Literal["policy", "reward"] | None

    def train(self, context: Context, config: Any) -> Result:
        """Runs to the end. Raises Cancelled when asked to stop, Refused for what it cannot work with."""
        ...
