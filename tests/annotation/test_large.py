"""Ten thousand items: what raters and those who run the project look at costs what it costs at ten."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from annotation.models import Item, ItemResponse, Slot
from projects.models import Project
from tests.factories import PromptFactory, ResponseFactory

pytestmark = pytest.mark.django_db
MANY, FEW = 10_000, 10
PAGES = ("/", "/projects/bicycles/", "/projects/bicycles/items/", "/projects/bicycles/annotate/", "/answers/")


def make(project: Project, first: int, count: int) -> None:
    """Items of one pair, with a slot each, in bulk."""
    prompt = PromptFactory(project=project)
    pair = [ResponseFactory(prompt=prompt) for _ in range(2)]
    items = Item.objects.bulk_create(
        Item(project=project, prompt=prompt, external_id=f"large-{first + n}", state="open") for n in range(count)
    )
    Slot.objects.bulk_create(Slot(item=item, project=project, ordinal=0) for item in items)
    ItemResponse.objects.bulk_create(
        ItemResponse(item=item, response=one, ordinal=place) for item in items for place, one in enumerate(pair)
    )


def costs(client: Client, pages: list[str]) -> dict[str, tuple[int, int]]:
    """Of each page: statements, and its size in hundreds of kilobytes."""
    found = {}
    for address in pages:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address, follow=True)
        assert answer.status_code == 200, address
        found[address] = (len(asked), len(answer.content) // 100_000)
    return found


def test_lists_of_ten_thousand_items_cost_what_lists_of_ten_do(
    project: Project, form: object, rosa: User, ada: User, browse: Callable[[User], Client]
) -> None:
    make(project, 0, FEW)
    clients = {name: browse(user) for name, user in (("rosa", rosa), ("ada", ada))}
    seen = {"rosa": [one for one in PAGES if "items" not in one], "ada": list(PAGES)}
    few = {name: costs(clients[name], seen[name]) for name in clients}
    make(project, FEW, MANY)
    for name, client in clients.items():
        for address, (statements, size) in costs(client, seen[name]).items():
            assert statements <= few[name][address][0] + 3, f"{name} at {address}"
            assert size == few[name][address][1], f"{name} at {address}: a list that grows"
