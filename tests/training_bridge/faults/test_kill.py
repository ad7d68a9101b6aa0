"""kill -9 at ten random moments: the curve has no seam and the weights are the same to the bit."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.training_bridge.conftest import state
from tests.training_bridge.faults.nursing import SECONDS, Nursery, curve, take_up
from training_bridge.models import Run

# Asked of one database: what is killed are processes, and what they had written is the same on both.
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

KILLS = 10
CONFIG = {"learning_rate": 1e-3, "epochs": 11, "batch_size": 4, "checkpoint_every": 2, "max_length": 160}


def killed(workers: Nursery, run: Run, drawn: random.Random, after: int) -> bool:
    """One attempt, killed at a random moment after step `after`. False where it ended before that."""
    worker, trainer = workers.begin(run)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not run.metrics.filter(step__gt=after).exists():
        time.sleep(0.01)
    time.sleep(drawn.uniform(0, 0.1))
    victims = drawn.choice([(trainer,), (worker,), (worker, trainer)])
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    if worker not in victims:
        workers.ended(run)
    return state(run) != "succeeded"


@pytest.mark.parametrize("method", ["reward_model", "dpo"])
def test_kill_9_at_ten_random_moments_leaves_no_trace(
    workers: Nursery, learning: Callable[..., Run], method: str
) -> None:
    whole = learning(method, **CONFIG)
    workers.finish(whole)
    broken, drawn, resumed = learning(method, **CONFIG), random.Random(method), []
    for kill in range(KILLS):
        assert killed(workers, broken, drawn, after=kill * whole.total_steps // (KILLS + 2)), (
            "there was nothing to kill"
        )
        take_up(broken)
        resumed.append((broken.checkpoint or {}).get("step", 0))
    workers.finish(broken)
    assert max(resumed) > 0 and resumed == sorted(resumed)
    assert curve(broken) == curve(whole) and len(curve(whole)) == whole.total_steps
    assert whole.produced and broken.produced and broken.produced.sha256 == whole.produced.sha256
