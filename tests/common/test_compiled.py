"""Compiled querysets say what the same queryset says uncompiled, run after run, on either database."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from annotation.models import Annotation, Draft, Item, Rater, Slot
from common.compiled import compiled, compiled_delete, compiled_update, first, inserted, saved
from tests.factories import ItemFactory, RaterFactory, SlotFactory, pairwise_value

pytestmark = pytest.mark.django_db
built: list[dict[str, Any]] = []


@compiled
def _slots(*, item: int, states: tuple[str, ...], before: datetime, token: uuid.UUID) -> QuerySet[Slot]:
    built.append({"states": states})
    waiting = Slot.objects.filter(item=OuterRef("item"), state="open")
    kept = Q(token=token) | Q(leased_until__lt=before) | Exists(waiting)
    slots = Slot.objects.filter(kept, item=item, state__in=states, audience="human").select_related("item__prompt")
    return slots.annotate(name=F("rater__pseudonym")).order_by("pk")


def test_what_is_compiled_says_the_same_for_any_values() -> None:
    items = [ItemFactory() for _ in range(3)]
    now = timezone.now()
    for item in items[:2]:
        SlotFactory.leased(item=item, rater=RaterFactory(project=item.project), leased_until=now - timedelta(hours=1))
        SlotFactory(item=item)
    built.clear()
    seen = set()
    for states in (("open",), ("open", "leased")):
        for item in items:
            for before in (now, now - timedelta(days=1)):
                for token in (Slot.objects.filter(state="leased")[0].token, uuid.uuid4()):
                    values: dict[str, Any] = {"item": item.pk, "states": states, "before": before, "token": token}
                    plain = list(_slots.__wrapped__(**values))  # type: ignore[attr-defined]
                    built.pop()
                    with CaptureQueriesContext(connection) as sent:
                        found = _slots(**values)
                    assert len(sent) == 1 and sent[0]["sql"].startswith("SELECT"), "Django counts it like its own"
                    assert [vars_of(one) for one in found] == [vars_of(one) for one in plain]
                    seen.add(len(found))
    assert seen == {0, 1, 2}, "the values made a difference"
    assert built == [{"states": ("open",)}, {"states": ("open", "leased")}], "once for each kind"


def vars_of(slot: Any) -> Any:
    with CaptureQueriesContext(connection) as asked:
        texts = slot.item.prompt.messages
    assert not asked, "what is related came along"
    return {field.attname: getattr(slot, field.attname) for field in Slot._meta.concrete_fields}, slot.name, texts


@compiled
def _named(*, name: str) -> QuerySet[Any]:
    return User.objects.filter(username=name).values_list("pk", "username")


@pytest.mark.parametrize("name", ["rosa", "o'hara", '"; --', "100%", "%s", "ä\\"])
def test_texts_are_bound_never_pasted(name: str) -> None:
    user = User.objects.create(username=name)
    assert _named(name=name) == [(user.pk, name)]
    assert first(_named(name=name + "x")) is None


@compiled_update
def _moved(*, slot: int, order: list[int], at: datetime) -> tuple[QuerySet[Slot], dict[str, Any]]:
    return Slot.objects.filter(pk=slot), {"display_order": order, "leased_until": at, "priority": F("priority") + 2}


@compiled_delete
def _dropped(*, rater: int) -> QuerySet[Draft]:
    return Draft.objects.filter(rater=rater)


def test_updates_and_deletes() -> None:
    item = ItemFactory()
    slot = SlotFactory.leased(item=item, rater=RaterFactory(project=item.project), priority=3)
    later = timezone.now() + timedelta(days=2)
    for order in ([2, 1], [1, 2]):
        assert _moved(slot=slot.pk, order=order, at=later) == 1
        slot.refresh_from_db()
        assert (slot.display_order, slot.leased_until) == (order, later)
    assert slot.priority == 7 and _moved(slot=0, order=[], at=later) == 0
    mine, other = (Draft.objects.create(item=item, rater=RaterFactory(project=item.project)) for _ in range(2))
    assert (_dropped(rater=mine.rater_id), _dropped(rater=mine.rater_id)) == (1, 0)
    assert list(Draft.objects.all()) == [other]


def test_inserted_is_what_save_would_have_stored() -> None:
    item = ItemFactory()
    made = []
    for store in (inserted, lambda row: row.save() or row):
        rater: Rater = RaterFactory(project=item.project)
        said = {"values": {"ä": pairwise_value(item)}, "display_order": [2, 1], "active_ms": 7}
        row = Annotation(item=item, rater=rater, standing="extra", **said)
        store(row)
        assert row.pk and not row._state.adding
        fresh = Annotation.objects.get(pk=row.pk)
        assert (fresh.rater, fresh.idempotency_key, fresh.meta, fresh.retracted_at) == (
            *(rater, row.idempotency_key),
            *({}, None),
        )
        made.append({name: getattr(fresh, name) for name in said})
    assert made[0] == made[1]
    assert Item.objects.get() == item


def test_saved_writes_the_named_columns_only() -> None:
    item = ItemFactory(priority=1)
    item.priority, item.meta, item.round = 9, {"a": [1]}, 5
    saved(item, ("priority", "meta"))
    fresh = Item.objects.get(pk=item.pk)
    assert (fresh.priority, fresh.meta, fresh.round) == (9, {"a": [1]}, 1)
    item.pk = 0
    with pytest.raises(DatabaseError):
        saved(item, ("priority", "meta"))


@pytest.mark.postgres
@pytest.mark.skipif(connection.vendor != "postgresql", reason="needs PostgreSQL (DATABASE_URL)")
def test_postgresql_plans_it_once() -> None:
    for name in ("a", "b", "c"):
        _named(name=name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(generic_plans + custom_plans) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['%"accounts_user"."username" = $1'],
        )
        assert cursor.fetchone() == (1, 3)
