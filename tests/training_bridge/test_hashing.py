"""Registered models are hashed by one worker, whole, or the page says why not; what was hashed before still holds."""

import hashlib
import subprocess
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from common.errors import Conflict, DomainError, Invalid
from corpus.models import ModelVersion
from projects.models import Project
from tests import factories
from tests.training_bridge.methods import SAFETENSORS
from training_bridge import tasks, workspace
from training_bridge.model_folders import is_unchanged, model_sha256
from training_bridge.models import Hashing
from training_bridge.services import hashing, register_model, retry_hashing

OF_NOTHING = hashlib.sha256().hexdigest()


@pytest.fixture
def folder(var: Path) -> Path:
    made = var / "models" / "given"
    made.mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "tokenizer.json").write_text('{"words": 1}')
    (made / "model.safetensors").write_bytes(SAFETENSORS)
    return made


@pytest.fixture
def version(project: Project, folder: Path) -> ModelVersion:
    return register_model(project=project, name="given", kind="policy", source="given")


def test_a_model_is_hashed_by_one_worker(version: ModelVersion, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rings: list[Any] = []

    def rung_meanwhile(path: Path, alive: Callable[[], None]) -> str:
        rings.append(hashing.hash_model(version_id=version.pk))
        monkeypatch.setattr(tasks.hash_model, "apply_async", lambda *args, **_: rings.append(args))
        tasks.sweep()
        return model_sha256(path, alive)

    monkeypatch.setattr(hashing, "model_sha256", rung_meanwhile)
    assert hashing.hash_model(version_id=version.pk) is True and rings == [False]
    version.refresh_from_db()
    names = ["config.json", "model.safetensors", "tokenizer.json"]
    listed = subprocess.run(["sha256sum", *names], cwd=folder, capture_output=True).stdout
    assert version.sha256 == hashlib.sha256(listed).hexdigest() and version.hashing.state == "done"
    assert hashing.hash_model(version_id=version.pk) is False


def test_a_worker_that_dies_is_replaced_and_writes_nothing_more(version: ModelVersion) -> None:
    hold = hashing.WORK.claim(version.pk)
    assert hold is not None
    Hashing.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=91))
    assert hashing.requeue_silent_hashings() == 1
    assert hashing.hash_model(version_id=version.pk) is True
    with hashing.WORK.carried_out(hold):
        hold.end(state="failed", error="too late")
    assert Hashing.objects.get().state == "done"


@pytest.mark.parametrize("fault", ["gone", "empty", "unreadable"])
def test_what_cannot_be_hashed_says_why_and_can_be_tried_again(
    project: Project, noor: User, browse: Callable[..., Client], api: Callable[..., APIClient], version: ModelVersion,
    folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    weights, aside = folder / "model.safetensors", folder.with_name("aside")
    if fault == "unreadable":
        monkeypatch.setattr(hashing, "model_sha256", lambda *_, **__: weights.with_name("x").read_bytes())
    else:
        (folder if fault == "gone" else weights).rename(aside)
    hashing.hash_model(version_id=version.pk)
    version.refresh_from_db()
    assert version.sha256 == "" and version.hashing.state == "failed" and version.hashing.attempt == 1
    client, path = browse(noor), reverse("training_bridge:model", args=[project.slug, version.pk])
    text = client.get(path).text
    assert "could not be hashed" in text and ("No such file" if fault == "unreadable" else "folder is gone") in text
    kept = api(noor).get(reverse("training_bridge-api:model", args=[project.slug, version.pk])).json()
    assert kept["hashing"]["state"] == "failed" and kept["sha256"] == ""
    monkeypatch.undo()
    if fault != "unreadable":
        aside.rename(folder if fault == "gone" else weights)
    again = reverse("training_bridge:model_hash_retry", args=[project.slug, version.pk])
    assert "Waiting to be hashed" in client.post(again, follow=True).text
    hashing.hash_model(version_id=version.pk)
    version.refresh_from_db()
    assert version.sha256 == model_sha256(folder) and "could not be hashed" not in client.get(path).text
    with pytest.raises(Conflict):
        retry_hashing(version=version)
    over_api = reverse("training_bridge-api:model_hash_retry", args=[project.slug, version.pk])
    assert api(noor).post(over_api).status_code == 409


def test_the_hash_covers_what_loading_reads_and_the_hashes_of_before_hold(version: ModelVersion, folder: Path) -> None:
    now, before = model_sha256(folder), hashlib.sha256(SAFETENSORS).hexdigest()
    (folder / "training.json").write_text("{}")
    (folder / "README.md").write_text("words")
    assert is_unchanged(folder, now) and is_unchanged(folder, before)
    version.sha256 = now
    run = factories.RunFactory(project=version.project, base=version)
    workspace.prepare(run)
    (folder / "tokenizer.json").write_text('{"words": 2}')
    assert not is_unchanged(folder, now) and is_unchanged(folder, before)
    with pytest.raises(DomainError, match="have changed since"):
        workspace.prepare(run)
    (folder / "more.safetensors").write_bytes(SAFETENSORS + b"x")
    listed = subprocess.run(["sha256sum", "model.safetensors", "more.safetensors"], cwd=folder, capture_output=True)
    assert is_unchanged(folder, hashlib.sha256(listed.stdout).hexdigest()) and not is_unchanged(folder, before)
    with pytest.raises(Invalid, match="no weights"):
        is_unchanged(folder.with_name("nowhere"), OF_NOTHING)


def test_what_waited_for_its_hash_or_has_that_of_nothing_is_queued_once_more(project: Project) -> None:
    made = [
        factories.ModelVersionFactory(project=project, path=path, sha256=sha256)
        for path, sha256 in (("a", ""), ("b", OF_NOTHING), ("c", "c" * 64), ("", ""))
    ]
    import_module("training_bridge.migrations.0006_hash_anew").queue(apps, None)
    assert set(Hashing.objects.values_list("version", flat=True)) == {made[0].pk, made[1].pk}
    assert not ModelVersion.objects.filter(sha256=OF_NOTHING).exists()
