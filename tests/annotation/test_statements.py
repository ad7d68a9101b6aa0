"""Every compiled statement of a rater's day says and does what its queryset does, on either database."""

import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model, QuerySet

from annotation.models import Draft, Item, Slot
from annotation.services import lanes
from common import compiled
from projects.models import Membership
from tests.annotation.conftest import TIE

pytestmark = pytest.mark.django_db
OURS = {"accounts", "annotation", "corpus", "projects", "routing", "training_bridge", "config"}


def found() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """(module, name there, function) of every compiled statement, wherever it was imported to."""
    for module in list(sys.modules.values()):
        if module.__name__.partition(".")[0] in OURS:
            for name, one in list(vars(module).items()):
                code = getattr(one, "__code__", None)
                if code is not None and code.co_filename == compiled.__file__ and hasattr(one, "__wrapped__"):
                    yield module, name, one


def kind(one: Callable[..., Any]) -> str:
    """ "_Query", "compiled_update" or "compiled_delete"."""
    return str(inspect.getclosurevars(one).nonlocals["make"].__qualname__).partition(".")[0]


def told(one: Any) -> Any:
    """A row as it was read: its columns, its annotations and all that came along with it."""
    if not isinstance(one, Model):
        return one
    along = {name: told(related) for name, related in one._state.fields_cache.items()}
    return type(one), {name: value for name, value in vars(one).items() if name != "_state"}, along


def left(rows: QuerySet[Any]) -> Any:
    return [told(one) for one in rows.model._default_manager.order_by("pk")]


def changes(rows: QuerySet[Any], change: Callable[[], int]) -> Any:
    """How many rows `change` has changed and what the table is like then; undone."""
    with transaction.atomic():
        done = change(), left(rows)
        transaction.set_rollback(True)
    return done


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Holds each run of a statement against its queryset; gives the names of those that ran."""
    ran: set[str] = set()

    def beside(one: Any) -> Callable[..., Any]:
        def run(**given: Any) -> Any:
            ran.add(one.__name__)
            plain = one.__wrapped__(**given)
            if kind(one) == "compiled_update":
                rows, values = plain
                assert changes(rows, lambda: one(**given)) == changes(rows, lambda: rows.update(**values))
                return one(**given)
            if kind(one) == "compiled_delete":
                assert changes(plain, lambda: one(**given)) == changes(plain, lambda: plain.delete()[0])
                return one(**given)
            expected = [told(row) for row in plain]
            rows = one(**given)
            assert [told(row) for row in rows] == expected, one.__name__
            return rows

        return run

    for module, name, one in FOUND:
        monkeypatch.setattr(module, name, beside(one))
    return ran


import_module("config.urls")  # and with it all that holds one, whatever other tests have loaded
FOUND = list(found())


def test_compiled_statements_are_held_against_their_querysets(project, rosa, api, open_item, gold, watch, held):
    client, root = api(rosa), f"/api/v1/projects/{project.slug}"

    def ask(path: str, body: Any = None, method: str = "post") -> Any:
        answer = getattr(client, method)(root + path, body, format="json")
        assert answer.status_code < 300, answer.content
        return answer.json() if answer.content else None

    gold(), open_item(humans=2), open_item(humans=2)
    lease = ask("/next/")
    assert ask("/next/")["token"] == lease["token"]
    ask(f"/leases/{lease['token']}/draft/", {"values": TIE, "version": 0}, "put")
    ahead = ask(f"/leases/{lease['token']}/ahead/")
    done = {"token": lease["token"], "values": TIE}
    assert [ask("/annotations/", done)["replayed"] for _ in range(2)] == [False, True]
    assert not Draft.objects.exists() and Item.objects.filter(answered=1).count() == 1
    assert ask("/next/")["token"] == ahead["token"]
    ask(f"/leases/{ahead['token']}/skip/", {"reason": "other"})
    open_item(), watch(gold_rate=0.5, cap_total=99)
    ask(f"/leases/{ask('/next/')['token']}/skip/", {"reason": "other"})
    assert Slot.objects.filter(purpose="gold").exists()
    Slot.objects.filter(purpose="label").update(
        lane=lanes.number_of(project=project, wanted=lanes.Wanted(language="de"))
    )
    Membership.objects.filter(user=rosa).update(languages=["en"])
    assert ask("/next/") is None
    assert held == {one.__name__ for _module, _name, one in FOUND}, "Each one has to run in this test."
