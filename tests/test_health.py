"""/healthz: alive says little, ready names what is not up, and neither tells a stranger more."""

from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from common import health


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    cache.delete_many([f"alive:{part}" for part in health.PARTS])


def ready() -> tuple[int, Any]:
    answer = Client().get("/healthz/ready")
    return answer.status_code, answer.json()


def test_live_asks_nothing_of_the_database() -> None:
    assert Client().get("/healthz/live").json() == {"status": "alive"}


@pytest.mark.django_db
def test_ready_names_every_part_that_left_no_sign_of_life() -> None:
    assert ready() == (503, {"status": "not ready", "missing": list(health.PARTS)})
    health.sign_of_life("queue:default", "queue:judge", "beat")
    assert ready() == (503, {"status": "not ready", "missing": ["queue:train"]})
    health.sign_of_life("queue:train")
    assert ready() == (200, {"status": "ready"})
    health.farewell("beat")
    assert ready()[1]["missing"] == ["beat"]


@pytest.mark.django_db
def test_an_old_sign_of_life_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    health.sign_of_life(*health.PARTS)
    now = health.time.time()
    monkeypatch.setattr(health.time, "time", lambda: now + health.LIFETIME + 1)
    assert health.silent(*health.PARTS) == list(health.PARTS)


@pytest.mark.django_db
def test_a_migration_not_applied_is_named() -> None:
    health.sign_of_life(*health.PARTS)
    MigrationRecorder.Migration.objects.filter(app="projects").delete()
    assert ready() == (503, {"status": "not ready", "missing": ["migrations"]})


@pytest.mark.django_db
def test_a_broker_out_of_reach_is_named_and_nothing_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = current_app.connection_for_write("redis://:hunter2@127.0.0.1:1/0")
    monkeypatch.setattr(current_app, "connection_for_write", lambda: nowhere)
    status, body = ready()
    assert (status, body) == (503, {"status": "not ready", "missing": ["broker"]})


def test_a_database_out_of_reach_is_named() -> None:
    """pytest-django forbids this test the database: as good as a server that is down."""
    assert ready() == (503, {"status": "not ready", "missing": ["database", *health.PARTS]})


def test_only_reads_are_answered() -> None:
    assert Client().post("/healthz/ready").status_code == 405


def test_alive_fails_for_whom_nobody_serves() -> None:
    health.sign_of_life("queue:default")
    call_command("alive", "queue:default")
    with pytest.raises(CommandError, match="queue:train"):
        call_command("alive", "queue:default", "queue:train")


@pytest.mark.django_db
def test_a_start_does_not_count_signs_of_life_that_the_dead_have_left() -> None:
    health.sign_of_life(*health.PARTS)
    call_command("prepare")
    assert health.silent(*health.PARTS) == list(health.PARTS)
