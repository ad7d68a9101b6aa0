"""Labelled projects, and runs of a method so small that only the protocol is left of it."""

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.utils import timezone

from annotation.models import Label
from projects.models import Project
from tests import factories
from training_bridge import execution
from training_bridge.methods import METHODS
from training_bridge.models import Run, Snapshot
from training_bridge.services import request_snapshot, start_run
from training_bridge.services.snapshots import build_snapshot

# The machine may be busy: how long an example takes says nothing.
hypothesis.settings.register_profile("calm", deadline=None)
hypothesis.settings.load_profile("calm")

OUTCOMES = ("left", "right", "tie", "both_bad")


@pytest.fixture(autouse=True)
def var(settings: Any, tmp_path: Path) -> Path:
    """A VAR_DIR of the test's own: ids repeat from test to test, folders must not."""
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real child process with the test's method in its registry."""
    monkeypatch.setitem(METHODS, "scripted", "tests.training_bridge.methods:METHOD")
    monkeypatch.setattr(execution, "COMMAND", [sys.executable, "-m", "tests.training_bridge.child"])
    monkeypatch.setattr(execution, "TICK_SECONDS", 0.1)
    yield


@pytest.fixture
def start(scripted: None, project: Project) -> Callable[..., Run]:
    """`start(steps=3, deed="crash", at=2)`: a queued run that does just that."""

    def make(seed: int = 0, **config: Any) -> Run:
        return start_run(project=project, method="scripted", config=config, seed=seed)

    return make


def silence(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=91))


def state(run: Run) -> str:
    run.refresh_from_db()
    return run.state


def attempts(var: Path, run: Run) -> list[int]:
    """The first step of each attempt."""
    return [int(step) for step in (var / f"runs/{run.pk}/attempts").read_text().split()]


def settle(project: Project, votes: str = "LL", *, confidence: float | None = None, **item: Any) -> Label:
    """A label by majority of people's votes, e.g. "LLR"; L left, R right, T tie, B both bad; lower case: a judge's."""
    names = dict(zip("LRTB", OUTCOMES, strict=True))
    made = factories.ItemFactory(project=project, **item)
    annotations = []
    for vote in votes:
        kind = {} if vote.isupper() else {"kind": "judge"}
        rater = factories.RaterFactory(project=project, **kind)
        annotations.append(factories.AnnotationFactory(item=made, rater=rater, choice=names[vote.upper()]))
    soft = {name: votes.upper().count(letter) / len(votes) for letter, name in names.items()}
    most = max(soft.values())
    winners = [name for name, share in soft.items() if share == most]
    choice = winners[0] if len(winners) == 1 else "split"
    return Label.objects.create(
        item=made,
        field="preference",
        rule="majority",
        value=factories.pairwise_value(made, choice, 1 if choice in ("left", "right") else 0),
        soft=soft,
        confidence=most if confidence is None else confidence,
        human_count=sum(vote.isupper() for vote in votes),
        judge_count=sum(vote.islower() for vote in votes),
        annotation_ids=[annotation.pk for annotation in annotations],
    )


@pytest.fixture
def frozen(project: Project) -> Callable[..., Snapshot]:
    """`frozen(sources="human")`: a snapshot of `project` by that derivation, built; unless it names other soft labels,
    by the share of the votes."""

    def make(**derivation: Any) -> Snapshot:
        derivation = {"soft_labels": "vote_share"} | derivation
        made = request_snapshot(project=project, derivation=derivation)
        build_snapshot(snapshot_id=made.pk)
        made.refresh_from_db()
        return made

    return make
