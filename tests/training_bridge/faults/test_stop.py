"""Cancel answers at once, whatever the trainer is at; the steps that came to their end are kept."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import factories
from tests.training_bridge.conftest import state
from tests.training_bridge.faults.nursing import SECONDS, Nursery, curve, take_up
from training_bridge.models import Run
from training_bridge.services import cancel_run, start_run

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

# Many short passes over long texts: what is broken off would have gone on for a while.
LONG = {"words": 300, "max_length": 2048, "token_budget": 64, "learning_rate": 1e-3}
ANSWER_SECONDS = 10  # on a machine where others work; a second on a quiet one


def eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("it never came")


def stopped(workers: Nursery, run: Run, seconds: float = ANSWER_SECONDS) -> None:
    cancel_run(run=run)
    assert workers.ended(run, seconds) == "cancelled"
    assert run.owner is None and not run.cancel_requested


@pytest.mark.parametrize(
    ("phase", "method", "config"),
    [
        ("Log-probabilities of", "dpo", LONG),
        ("Reading", "reward_model", LONG | {"trains": "head"}),
        ("Measuring accuracy", "reward_model", LONG | {"trains": "head", "labels": 80, "held_out": 0.9}),
    ],
)
def test_whatever_it_reads_is_broken_off(
    workers: Nursery, learning: Callable[..., Run], phase: str, method: str, config: dict[str, Any]
) -> None:
    run = learning(method, **config)
    workers.begin(run)
    eventually(lambda: state(run) == "running" and run.phase.startswith(phase))
    stopped(workers, run)
    assert run.log_lines.last().text.startswith(phase), "it went on to something else"  # type: ignore[union-attr]


def test_an_answer_that_is_being_sampled_is_broken_off(workers: Nursery, learning: Callable[..., Run]) -> None:
    base = learning("dpo").base
    assert base is not None
    factories.PromptFactory.create_batch(40, project=base.project, open=True)
    run = start_run(project=base.project, method="respond", base=base, config={"max_new_tokens": 1024, "batch_size": 1})
    workers.begin(run)
    eventually(lambda: state(run) == "running" and run.phase.startswith("Answering"))
    stopped(workers, run)


def test_a_long_step_is_broken_off_and_the_run_goes_on_from_the_one_before(
    workers: Nursery, learning: Callable[..., Run]
) -> None:
    config = LONG | {"words": 100, "epochs": 3, "batch_size": 16, "checkpoint_every": 100}
    whole = learning("reward_model", **config)
    workers.finish(whole)
    run = learning("reward_model", **config)
    workers.begin(run)
    eventually(lambda: state(run) == "running" and run.step >= 1)
    stopped(workers, run)
    done = max(curve(run))
    assert done < whole.total_steps and run.checkpoint is not None and run.checkpoint["step"] == done
    take_up(run)
    workers.finish(run)
    assert curve(run) == curve(whole)
    assert run.produced and whole.produced and run.produced.sha256 == whole.produced.sha256
