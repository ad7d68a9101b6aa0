"""A method for tests only, so small that its run is all protocol: what it does is written in its configuration."""

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import Field

from training_bridge.methods.interface import Cancelled, Config, Context, ModelFolder, Needs, Refused, Result

FLOOD = (
    b"a library talks and talks and talks\n",
    b'{"type": "log", "text": "nul \\u0000 and half a character \\ud800"}\n',
    b'{"type": "metrics", "step": 1e400, "values": {}}\n',
    b'{"type": "metrics", "step": 99999999999999, "values": {"huge": 1' + b"0" * 400 + b', "odd \\ud800": 1.0}}\n',
)
SAFETENSORS = b"\x02\x00\x00\x00\x00\x00\x00\x00{}"


class ScriptedConfig(Config):
    """What happens in the run."""

    steps: int = Field(3, description="How many steps.")
    seconds: float = Field(0.0, description="How long a step takes.")
    at: int = Field(0, description="The step at which `deed` is done; 0 is never.")
    deed: str = Field("", description="refuse, crash, die, memory, chatter, flood, silence, or rest.")
    once: bool = Field(False, description="The deed is done in the first attempt only.")
    token_budget: int = Field(0, description="As of real methods; 0 is none.")
    tokens: int = Field(0, description="Of a forward pass that it tells of.")
    items: int = Field(2, description="Items of that pass.")
    deaf: bool = Field(False, description="SIGTERM is not heard.")
    model: str = Field("", description="Extra file name to put into the model folder; 'none' makes no model.")


class Scripted:
    key = "scripted"
    title = "Scripted"
    description = "Does what it is told."
    Config = ScriptedConfig
    needs = Needs(base="optional")
    makes = "policy"

    def train(self, context: Context, config: ScriptedConfig) -> Result:
        if config.deaf:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        context.phase("Working")
        context.total(config.steps)
        context.reading(config.tokens, config.items)
        first = context.checkpoint["step"] + 1 if context.checkpoint else 1
        attempts = context.output.parent / "attempts"
        attempts.write_text(f"{attempts.read_text() if attempts.exists() else ''}{first} ")
        for step in range(first, config.steps + 1):
            if step == config.at and not (config.once and len(attempts.read_text().split()) > 1):
                deed(config.deed)
            time.sleep(config.seconds)
            context.metrics(step, {"loss": 1 / step})
            checkpoint(context, step)
            if context.stop_requested():
                raise Cancelled
        return Result({"steps": config.steps}, model=model(context, config.model))


def deed(name: str) -> None:
    if name == "refuse":
        raise Refused("Nothing to learn from.")
    if name == "crash":
        raise RuntimeError("the wheels came off")
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "memory":
        sys.stderr.write("no memory is left\n")
        os._exit(77)
    if name == "rest":
        time.sleep(60)
    if name == "silence":
        os._exit(0)
    if name == "chatter":
        # Past the method's own reporter, as a misbehaving library would.
        os.write(1, b"\xff\xfe not json \x00\n")
        os.write(2, b"warning: something\n")
    if name == "flood":
        for line in FLOOD:
            for _ in range(4000):
                os.write(the_pipe(), line)


def the_pipe() -> int:
    """Where the reporter writes: a fault in it could write anything there."""
    with os.scandir("/proc/self/fd") as found:
        return next(int(one.name) for one in found if int(one.name) > 2 and os.readlink(one.path).startswith("pipe:"))


def checkpoint(context: Context, step: int) -> None:
    folder = context.output / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "state.json").write_text(json.dumps({"step": step}))
    context.saved(folder, step, hashlib.sha256(str(step).encode()).hexdigest())


def model(context: Context, extra: str) -> ModelFolder | None:
    if extra == "none":
        return None
    folder = Path(context.output / "model")
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(SAFETENSORS + str(context.seed).encode())
    if extra:
        (folder / extra).write_text("x")
    return ModelFolder(str(folder), "policy", {"steps": 1})


METHOD: Any = Scripted()
