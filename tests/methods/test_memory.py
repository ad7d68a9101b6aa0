"""What makes a run smaller changes its result not at all, or by what 16 bits can say."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.methods import small
from tests.methods.test_training import DPO_CONFIG, run_dpo
from training_bridge.trainer.forward import FORMS
from training_bridge.trainer.groups import PromptGroup

LONG = [PromptGroup(list(range(9, 209)), [[7, 8, 9] * 10, [30, 31] * 12], 1.0)]


@contextmanager
def kept_bytes() -> Iterator[list[int]]:
    """How much is kept of the forward pass for the backward pass, each storage once."""
    seen: dict[int, int] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return value

    total: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        yield total
    total.append(sum(seen.values()))


@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_the_same_with_activations_computed_again_and_less_is_kept(form: Any, policy: Path) -> None:
    from lm.loading import load_causal
    from training_bridge.trainer.tuning import network_of

    found = {}
    for again in (False, True):
        loaded = load_causal(str(policy))
        network = network_of(loaded, LONG)
        assert network.form == "shared"
        network.form = form
        if again:
            loaded.model.activation_checkpointing_enable({"use_reentrant": False})
        network.train()
        parameters = sum(value.nbytes for value in network.parameters())
        with kept_bytes() as kept:
            logps = network(LONG)
        logps.sum().backward()
        found[again] = (logps.detach(), [value.grad for value in network.parameters()], kept[0] - parameters)
    assert torch.equal(found[False][0], found[True][0])
    assert all(torch.equal(one, other) for one, other in zip(found[False][1], found[True][1], strict=True))
    assert found[True][2] < 0.5 * found[False][2]


@pytest.mark.parametrize("update", [{}, {"trains": "adapter", "adapter_rank": 4}])
def test_a_run_with_activations_computed_again_is_the_same_run(
    update: dict[str, Any], policy: Path, pairs: Path, tmp_path: Path
) -> None:
    curves = [
        small.losses(
            run_dpo(
                tmp_path / str(again),
                policy,
                pairs,
                DPO_CONFIG.model_copy(update={"epochs": 1, "gradient_checkpointing": again, **update}),
            )
        )
        for again in (False, True)
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("update", [{}, {"trains": "adapter", "frozen_weights": "bfloat16", "learning_rate": 5e-3}])
def test_bfloat16_goes_where_float32_goes(update: dict[str, Any], policy: Path, pairs: Path, tmp_path: Path) -> None:
    curves = [
        small.losses(
            run_dpo(
                tmp_path / precision,
                policy,
                pairs,
                DPO_CONFIG.model_copy(update={**update, "precision": precision}),
            )
        )
        for precision in ("float32", "bfloat16")
    ]
    for (_, exact, _), (_, rough, _) in zip(*curves, strict=True):
        assert rough == pytest.approx(exact, abs=0.02)
    assert curves[1][0][1] == pytest.approx(0.693147, abs=1e-3), "policy and reference are rounded alike"


def test_a_run_tells_how_much_memory_it_held(policy: Path, pairs: Path, tmp_path: Path) -> None:
    reports = run_dpo(tmp_path, policy, pairs, DPO_CONFIG.model_copy(update={"epochs": 0.5}))
    held = [said[1]["memory"] for kind, said in reports if kind == "metrics"]
    assert held == sorted(held) and 0.1 < held[0] < 64
