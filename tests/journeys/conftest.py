"""A rater at work in a real browser, on the data of the test."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from annotation.models import Item
from annotation.services import items
from projects.models import Project
from tests.factories import ItemFactory, PromptFactory, ResponseFactory


@pytest.fixture
def waiting(project: Project) -> Callable[..., list[Item]]:
    """`waiting(3)`: so many open items, each wanting one person's answer."""

    def make(count: int, first: str = "Clean the hole and patch it.", second: str = "Buy a new tyre.") -> list[Item]:
        made = []
        for _ in range(count):
            prompt = PromptFactory(project=project)
            texts = (first, second)
            pair = [ResponseFactory(prompt=prompt, messages=[{"role": "assistant", "content": t}]) for t in texts]
            item = ItemFactory(project=project, prompt=prompt, responses=pair)
            items.open_slots(item=item, humans=1, judges=0)
            made.append(item)
        return made

    return make


@pytest.fixture
def page_of(open_page: Callable[..., Any], live_server: Any) -> Callable[..., Any]:
    """`page_of(user, **options)`: a signed-in person's browser on this test's own data."""
    return lambda user, **options: open_page(live_server.url, user=user, **options)


@pytest.fixture
def desk(page_of: Callable[..., Any], project: Project, rosa: User) -> Callable[..., Any]:
    """`desk()`: rosa's page with an item on it."""

    def sit_down(**options: Any) -> Any:
        page = page_of(rosa, **options)
        page.goto(f"/projects/{project.slug}/annotate/")
        page.wait_for_selector("#judgement")
        return page

    return sit_down
