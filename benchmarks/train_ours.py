"""Our side of the training benchmarks: `fit`, FeedbackTrainer and a method, as a run uses them.

The token budget is each benchmark's own; a run's default may be another.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.contexts import alone
from benchmarks.train_setting import read_pairs
from benchmarks.train_turns import Turns
from common.plugs import load
from lm.loading import load_causal, load_reward_base
from training_bridge.methods import METHODS
from training_bridge.methods.interface import Context
from training_bridge.trainer import rewarding, tuning
from training_bridge.trainer.adapted import put_beside, weights_of
from training_bridge.trainer.checkpoints import without_dropout
from training_bridge.trainer.forward import Network
from training_bridge.trainer.groups import PromptGroup
from training_bridge.trainer.trainer import fit

SETTINGS = ("token_budget", "precision", "gradient_checkpointing", "trains", "frozen_weights")


def context_of(spec: Mapping[str, Any], turns: Turns) -> Context:
    """A run whose report of each step lets the others have their turn."""
    return alone(
        Path(spec["output"]), spec["seed"], total=lambda _steps: turns.ready(),
        metrics=lambda _step, values: turns.stepped(values["loss"]),
    )  # fmt: skip


def config_of(spec: Mapping[str, Any], method: Any) -> Any:
    """The method's settings: as those of TRL's side, whose names and defaults are transformers'."""
    given = {"learning_rate": spec["learning_rate"], "batch_size": spec["pairs_each"], "schedule": "constant"}
    more = {name: spec[name] for name in SETTINGS if name in spec}
    return method.Config(**given, **more, warmup=0.0, max_length=4096, checkpoint_every=100_000)


def prepared(
    spec: Mapping[str, Any], context: Context, *, dtype: str | None = None
) -> tuple[Any, Network, Any, list[PromptGroup]]:
    """(settings, network, objective, the pairs with whatever of the reference the method reads).

    The model reads its groups in the form that it chose itself, unless the specification names one ("form").
    """
    groups = read_pairs(Path(spec["pairs"]))
    reward = spec["task"] == "reward"
    method = load(METHODS, "reward_model" if reward else "dpo", "method")
    config = config_of(spec, method)
    dtype = dtype or weights_of(config)
    torch.manual_seed(spec["seed"])
    if reward:
        loaded = load_reward_base(spec["model"], dtype=dtype)
        without_dropout(loaded.model)
        put_beside(config, loaded, spec["seed"])
        network = rewarding.network_of(loaded, groups, by_token=False)
        network.form = spec.get("form", network.form)
        return config, network, rewarding.Rewarding(method, config, network), groups
    loaded = load_causal(spec["model"], dtype=dtype)
    reference = tuning.network_of(loaded, groups)
    groups = tuning.with_reference(context, config, method, reference, groups, spec["model"])
    put_beside(config, loaded, spec["seed"])
    policy = tuning.network_of(loaded, groups)
    policy.form = spec.get("form", policy.form)
    return config, policy, tuning.Tuning(method, config, policy), groups


def work(spec: Mapping[str, Any]) -> None:
    """Trains until told to stop."""
    turns = Turns(spec["device"])
    context = context_of(spec, turns)
    config, network, objective, groups = prepared(spec, context)
    turns.facts = {"form": network.form}
    fit(context, config, network, groups, objective)
