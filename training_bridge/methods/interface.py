"""What every method offers, what it is given, what it gives back."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A method's settings. Frozen and closed: a misspelt name is an error, not a default. Descriptions are reasons."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Lesson = Literal["pairs", "thumbs", "scores", "marked", "texts", "rationales"]
"""What a snapshot can teach: pairs of responses; thumbs; scores by aspect; responses read for faults; texts that people
wrote or mended; reasons for a preference."""

Unit = Literal["pairs", "lists", "thumbs", "texts", "marked"]
"""What a method's prompt groups bring it, and people count: pairs or lists of responses, responses with thumbs, texts,
responses read for faults."""


@dataclass(frozen=True)
class Needs:
    """What a run must be given before it starts.

    `base`, `reference`, `reward`: "required" or "optional" model versions, None where they make no sense. `base_kind`:
    "policy" for causal models only, "any" for causal ones and encoders. `one_of`: optional roles of which one at least
    must be given. `input`: keys of the specification's `input` that must name files: "prompts" (JSON lines {"id",
    "messages"}) or "text" (JSON lines {"messages"} or {"text"}).
    `any_of`: kinds of lessons of which the snapshot's training split must hold `at_least` so many together.
    """

    snapshot: Literal["required", "optional"] | None = None
    base: Literal["required", "optional"] | None = None
    base_kind: Literal["policy", "any"] = "policy"
    reference: Literal["required", "optional"] | None = None
    reward: Literal["required", "optional"] | None = None
    one_of: tuple[Literal["base", "reference", "reward"], ...] = ()
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
    """`values`: figures, JSON-able. `model`: the version made. `responses`: a JSON-lines file of sampled responses.
    `report`: report.json, where the run measured what something is worth (training_bridge.report_cards)."""

    values: dict[str, Any]
    model: ModelFolder | None = None
    responses: Path | None = None
    report: Path | None = None


class Cancelled(BaseException):
    """The run was asked to stop and stopped cleanly, a checkpoint behind it.

    Like KeyboardInterrupt it may come at any moment (`Context.unbroken`); no library takes it for a fault of its own.
    """


class Refused(Exception):
    """The run cannot go on with what it was given; the message tells a person what to change."""


@dataclass(frozen=True)
class Context:
    """One run, as its method sees it. The report functions may be called from the main thread only.

    `output` is a folder of this run's own and exists. `checkpoint` is {"path", "step", "sha256"} to resume from.
    `reading` is told tokens and items before each forward pass that the token budget cut, so that a run whose memory
    ran out can be cut smaller. A run that is to stop is broken off where it stands, by Cancelled; what must come to its
    own end stands in `with context.unbroken()` and asks `stop_requested`.
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
    reading: Callable[[int, int], None] = lambda tokens, items: None
    unbroken: Callable[[], AbstractContextManager[None]] = nullcontext


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


@runtime_checkable
class CountsBy(Protocol):
    """A method whose curves run over something else than steps: `counted_by` is what the axis is called."""

    counted_by: str


@runtime_checkable
class NamesRewards(Protocol):
    """A method whose settings name reward models of the project, beside those that a run is given by role.

    They are pinned when it starts; the run finds their folders by name in `Context.input["rewards"]`.
    """

    def rewards_named(self, config: Mapping[str, Any]) -> Sequence[str]:
        """The names in a resolved configuration."""
        ...
