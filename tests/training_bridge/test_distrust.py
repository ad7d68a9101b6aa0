"""What lies on disk and what a trainer says are checked, not believed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from projects.models import Project
from tests.training_bridge.conftest import settle, state
from training_bridge.execution import execute_run
from training_bridge.models import Run, Snapshot
from training_bridge.reports import MOST_AT_ONCE, MOST_LOG_LINES, Reports
from training_bridge.services import start_run

Start = Callable[..., Run]


@pytest.mark.parametrize("name", ["preferences.parquet", "lessons.jsonl", "raters.jsonl", "manifest.json"])
def test_nothing_is_learnt_from_a_snapshot_that_was_changed(
    project: Project, start: Start, frozen: Callable[..., Snapshot], var: Path, name: str
) -> None:
    settle(project, "LLR")
    snapshot, run = frozen(), start()
    Run.objects.filter(pk=run.pk).update(snapshot=snapshot)
    file = var / snapshot.path / name
    os.chmod(file, 0o600)
    with file.open("ab") as handle:
        handle.write(b" ")
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert "has changed" in run.error and not run.metrics.exists()


def test_a_model_whose_weights_were_changed_is_not_started_from(start: Start, project: Project, var: Path) -> None:
    made = start(steps=1)
    assert execute_run(run_id=made.pk) == "succeeded" == state(made)
    assert made.produced is not None
    run = start_run(project=project, method="scripted", base=made.produced)
    weights = Path(made.produced.path) / "model.safetensors"
    weights.chmod(0o600)
    weights.write_bytes(weights.read_bytes() + b"!")
    assert execute_run(run_id=run.pk) == "failed" == state(run)
    assert "have changed" in run.error


def test_nothing_of_a_killed_attempt_gets_into_the_model(start: Start, var: Path) -> None:
    run = start(steps=1)
    left = var / f"runs/{run.pk}/output/model"
    left.mkdir(parents=True)
    (left / "optimizer.pt").write_bytes(b"half of it")
    (left / "config.json").write_text("{}")
    (left / "config.json").chmod(0o400)
    assert execute_run(run_id=run.pk) == "succeeded" == state(run), run.error
    assert run.produced and not (Path(run.produced.path) / "optimizer.pt").exists()


def test_a_flood_of_words_is_kept_short_and_the_run_goes_on(start: Start) -> None:
    run = start(steps=2, at=1, deed="flood")
    assert execute_run(run_id=run.pk) == "succeeded" == state(run)
    said = list(run.log_lines.values_list("text", flat=True))
    assert len(said) == MOST_LOG_LINES + 1 and said[-1].endswith("the rest is left out.")
    assert "nul � and half a character ?" in said
    assert set(run.metrics.values_list("step", flat=True)) == {1, 2, 2**31 - 1}
    assert run.metrics.get(step=2**31 - 1).values == {"odd ?": 1.0}


def test_whatever_is_said_at_once_little_is_in_memory() -> None:
    reports = Reports(Path("/run"))
    line = b'{"type": "metrics", "step": %d, "values": {"loss": 1.0}}\n'
    for step in range(3 * MOST_AT_ONCE):
        if not reports.full:
            reports.feed(line % step)
    assert len(reports.metrics) == MOST_AT_ONCE
    reports.forget()
    many = b", ".join(b'"%d": 1' % name for name in range(10_000))
    reports.feed(b'{"type": "metrics", "step": 1, "values": {%s}}\n' % many)
    assert len(reports.metrics[1]) == 100
