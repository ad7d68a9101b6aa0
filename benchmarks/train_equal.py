"""Is it the same training? One step's pairs: gradients beside TRL's, gradients and loss beside their definition.

`python -m benchmarks.train_equal '<specification>'`, one JSON line. Gradients are those of the first step. The loss is
of weights that have moved away from the reference, where it is no longer log 2 whatever the pairs say.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from benchmarks.train_ours import context_of, prepared
from benchmarks.train_trl import trainer_of
from benchmarks.train_turns import Turns
from training_bridge.trainer.groups import PromptGroup

MOVED = 0.05
"""Standard deviation, as a share of each weight matrix's own, of what is added to the weights."""


def moved(model: nn.Module) -> None:
    """Moves the weights in place, the same way for every model of one shape."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for one in model.parameters():
            drawn = torch.randn(one.shape, generator=generator, dtype=torch.float64).to(one.dtype)
            spread = one.std() if one.numel() > 1 else one.abs().sum()
            one.add_(drawn * spread * MOVED)


def flat(model: nn.Module) -> Tensor:
    return torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None])


def of_ours(network: nn.Module, objective: Any, groups: Any) -> float:
    """The step's loss; its gradient is left in the weights."""
    network.zero_grad()
    objective.begin(network, groups, 0)
    total, weight = 0.0, objective.weight(groups)
    for piece in objective.pieces(groups):
        loss = objective.loss(network, piece)[0] / weight
        loss.backward()
        total += loss.item()
    return total


def of_theirs(trainer: Any, rows: list[Any], batch: int) -> float:
    """Likewise of TRL's trainer, batch by batch."""
    trainer.model.zero_grad()
    trainer.model.train()
    batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    total = 0.0
    for one in batches:
        loss = trainer.compute_loss(trainer.model, trainer.data_collator(one)) / len(batches)
        loss.backward()
        total += loss.item()
    return total


def written_out(model: Any, group: PromptGroup, beta: float) -> Tensor:
    """DPO's loss of one pair by its definition, each response in a row of its own, in the model's precision."""
    ratios = []
    for response, reference in zip(group.responses, group.reference or (), strict=True):
        row = torch.tensor([[*group.prompt, *response]])
        logps = model(input_ids=row, use_cache=False).logits[0, :-1].log_softmax(-1)
        said = logps.gather(-1, row[0, 1:, None])[len(group.prompt) - 1 :, 0]
        ratios.append(said.sum() - reference)
    return -logsigmoid(beta * (ratios[0] - ratios[1]))


def of_definition(model: Any, groups: Sequence[PromptGroup], beta: float) -> float:
    """The step's loss by its definition; its gradient is left in the weights."""
    model.zero_grad()
    total = 0.0
    for group in groups:
        loss: Any = written_out(model, group, beta) / len(groups)
        loss.backward()
        total += loss.item()
    return total


def apart(one: Tensor, other: Tensor) -> float:
    """The relative difference of two gradients."""
    return float((one.double() - other).norm() / other.double().norm())


def in_float32(spec: Mapping[str, Any], turns: Turns) -> tuple[Tensor, Tensor]:
    """The first step's gradients, ours and TRL's."""
    _, network, objective, groups = prepared(spec, context_of(spec, turns))
    trainer = trainer_of(spec)
    rows = [trainer.train_dataset[place] for place in range(len(groups))]
    ours: Any = network.core
    trainer.model.load_state_dict(ours.state_dict())
    of_ours(network, objective, groups)
    of_theirs(trainer, rows, spec["batch"])
    return flat(ours), flat(trainer.model)


def compared(spec: Mapping[str, Any], turns: Turns) -> dict[str, float]:
    """Relative differences of the first step's gradients: ours to TRL's and each to the definition's in float64, all in
    float32, then ours in float64 to that; and of the loss of weights that were moved, ours to the definition's, in
    float64 (TRL's head adds up in float32)."""
    ours, theirs = in_float32(spec, turns)
    config, network, objective, groups = prepared(spec, context_of(spec, turns), dtype="float64")
    core: Any = network.core
    attention = core.config._attn_implementation
    of_ours(network, objective, groups)
    exactly = flat(core)
    core.set_attn_implementation("sdpa")
    of_definition(core, groups, config.beta)
    defined = flat(core)
    moved(core)
    wanted = of_definition(core, groups, config.beta)
    core.set_attn_implementation(attention)
    found = of_ours(network, objective, groups)
    return {
        "grad_rel_diff": apart(ours, theirs),
        "grad_error": apart(ours, defined),
        "grad_error_trl": apart(theirs, defined),
        "grad64_rel_diff": apart(exactly, defined),
        "loss64_rel_diff": abs(found - wanted) / wanted,
    }


def main() -> None:
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(spec["threads"])
    turns = Turns("cpu")
    turns.say(compared(spec, turns))


if __name__ == "__main__":
    main()
