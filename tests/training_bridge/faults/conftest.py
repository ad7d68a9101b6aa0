"""Real runs of real methods on a small labelled project, by workers and trainers that can be killed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from corpus.models import Response
from projects.models import Project
from tests import factories
from tests.methods.conftest import policy
from tests.training_bridge.conftest import settle
from tests.training_bridge.faults.nursing import Nursery, nursery
from training_bridge.models import Run, Snapshot
from training_bridge.services import start_run

__all__ = ["policy"]


@pytest.fixture(scope="session")
def workers(django_db_setup: None) -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.fixture
def learning(project: Project, frozen: Callable[..., Snapshot], policy: Path) -> Callable[..., Run]:
    """`learning("dpo", epochs=2)`: a queued run on so many `labels`. `words` more in each response."""
    base = factories.ModelVersionFactory(project=project, kind="policy", path=str(policy))
    labelled: list[Snapshot] = []

    def make(method: str, words: int = 0, labels: int = 20, held_out: float = 0.2, **config: Any) -> Run:
        if not labelled:
            for _ in range(labels):
                settle(project, "LLR")
            for response in Response.objects.filter(prompt__project=project):
                response.messages[0]["content"] += f" it opens at {response.pk % 9}" * words
                response.save()
            labelled.append(frozen(test_fraction=held_out))
        return start_run(project=project, method=method, snapshot=labelled[0], base=base, config=config)

    return make
