"""A project with items to route; judges and plans to route them by."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from annotation.models import Item
from projects.models import Project
from routing.models import Judge, RoutingPlan
from routing.sampling import NOTHING
from routing.services.calls import run_batch
from routing.services.follow_up import follow_up
from routing.services.judges import create_judge
from routing.services.plans import set_plan
from routing.services.route_new import route_new
from tests import factories


@pytest.fixture
def items(project: Project) -> Callable[[int], list[Item]]:
    """`items(7)`: so many new items of `project`."""
    return lambda number: factories.ItemFactory.create_batch(number, project=project)


@pytest.fixture
def simulated(project: Project) -> Judge:
    """A simulated judge that never flips, so that it always answers."""
    return create_judge(project=project, name="Simulated", kind="simulated", config={"flip": 0, "tie_margin": 0})


@pytest.fixture
def plan(project: Project, simulated: Judge) -> Callable[..., RoutingPlan]:
    """`plan("random", share=0.25)`: puts a plan with the simulated judge in force; `sampling`: nothing is drawn beside
    the policy unless it says so."""

    def make(
        policy: str, judge: Judge | None = simulated, sampling: Mapping[str, Any] | None = None, **config: Any
    ) -> RoutingPlan:
        drawn = NOTHING.model_dump() | dict(sampling or {})
        return set_plan(project=project, policy=policy, config=config, judge=judge, sampling=drawn)

    return make


@pytest.fixture
def settle(project: Project) -> Callable[[], None]:
    """Routes, asks every judge, and reads what they said, until nothing moves."""

    def run() -> None:
        moved = True
        while moved:
            moved = bool(route_new(project=project))
            for judge in Judge.objects.filter(project=project).select_related("project", "rater"):
                moved = bool(run_batch(judge=judge)) or moved
            moved = bool(follow_up(project=project)) or moved

    return run
