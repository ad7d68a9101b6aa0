"""Out of memory, for real: a trainer that may not have more goes on cut smaller, and learns the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training_bridge.faults.nursing import Nursery, curve
from training_bridge.models import Run

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

CONFIG = {
    "words": 300,
    "batch_size": 16,
    "epochs": 2,
    "checkpoint_every": 1,
    "max_length": 2048,
    "token_budget": 200_000,
}


def test_a_run_that_has_too_little_memory_goes_on_cut_smaller_and_learns_the_same(
    workers: Nursery, learning: Callable[..., Run], var: Path
) -> None:
    whole = learning("reward_model", **CONFIG)
    workers.finish(whole)
    enough = int((var / f"runs/{whole.pk}/megabytes").read_text())
    limit = enough * 17 // 20  # half of the pass wants 14 of 20 parts: the model and torch have their share
    cramped = learning("reward_model", **CONFIG)
    workers.begin(cramped, megabytes=limit)
    assert workers.ended(cramped) == "queued", cramped.error
    assert 64 < (cramped.token_budget or 0) < CONFIG["token_budget"] / 4, (
        "it is half of what was read, not of the limit"
    )
    said = " ".join(cramped.log_lines.values_list("text", flat=True))
    assert f"takes {cramped.token_budget} and learns the same" in said
    workers.begin(cramped, megabytes=limit)
    assert workers.ended(cramped) == "succeeded", cramped.error
    for step, values in curve(whole).items():
        assert curve(cramped)[step] == pytest.approx(values, rel=1e-4, abs=1e-6)
