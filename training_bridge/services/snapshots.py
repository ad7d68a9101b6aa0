"""A snapshot's life: asked for, built by one worker at a time, put in place whole, then never changed."""

import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, DomainError
from common.words import gettext_noop
from projects.models import Project
from training_bridge.derivations.settings import SINCE_SOFT_LABELS, Derivation, parse
from training_bridge.files import make_read_only, put_in_place, sha256_of, var_path
from training_bridge.models import MAX_ATTEMPTS, Snapshot
from training_bridge.snapshots import MANIFEST, build

SILENCE = timedelta(seconds=90)
TELL_SECONDS = 1.0


class SnapshotTaken(Exception):
    """Another worker builds this snapshot now: stop and write nothing."""


@dataclass
class Hold:
    """The right to build one snapshot, as long as its row carries `token`."""

    snapshot_id: int
    token: uuid.UUID
    told_at: float = 0.0

    def rows(self) -> Any:
        return Snapshot.objects.filter(pk=self.snapshot_id, owner=self.token)

    def tell(self, phase: str) -> None:
        """That it is alive and what it is doing, at most once a second. Raises SnapshotTaken where it lost its hold."""
        if time.monotonic() - self.told_at < TELL_SECONDS:
            return
        self.told_at = time.monotonic()
        if not self.rows().update(heartbeat_at=timezone.now(), phase=phase[:120]):
            raise SnapshotTaken


def request_snapshot(
    *, project: Project, derivation: Derivation | Mapping[str, Any], name: str = "", user: User | None = None
) -> Snapshot:
    """A new snapshot, queued. Raises Invalid for a wrong derivation or an unknown consensus rule."""
    pinned = parse(derivation)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)  # numbers are given one after the other
        last = project.snapshots.aggregate(last=Max("number"))["last"] or 0
        snapshot = Snapshot.objects.create(
            project=project,
            number=last + 1,
            name=name[:120],
            derivation=pinned.model_dump(mode="json"),
            created_by=user,
        )
        audit(actor=user, kind="snapshot.requested", subject=f"project:{project.slug}", number=snapshot.number)
    return snapshot


def retry_snapshot(*, snapshot: Snapshot, user: User | None = None) -> Snapshot:
    """Queues a failed snapshot again, with fresh attempts. Raises Conflict for any other."""
    with transaction.atomic():
        moved = Snapshot.objects.filter(pk=snapshot.pk, state=Snapshot.State.FAILED).update(
            state=Snapshot.State.QUEUED, attempt=0, error=""
        )
        if not moved:
            raise Conflict(_("Only a failed snapshot can be tried again."))
        audit(actor=user, kind="snapshot.retried", subject=f"project:{snapshot.project.slug}", number=snapshot.number)
    snapshot.refresh_from_db()
    return snapshot


def build_snapshot(*, snapshot_id: int) -> bool:
    """Builds one queued snapshot to its end, ready or failed. False where there was nothing to claim."""
    hold = _claim(snapshot_id)
    if hold is None:
        return False
    snapshot = Snapshot.objects.get(pk=snapshot_id)
    final = var_path("snapshots", snapshot.project_id, snapshot.number)
    draft = final.with_name(f".{snapshot.number}-{hold.token}")
    try:
        _clear_drafts(final)
        draft.mkdir(parents=True, mode=0o700)
        manifest = build(
            project_id=snapshot.project_id,
            derivation=parse(SINCE_SOFT_LABELS | snapshot.derivation),
            folder=draft,
            tell=hold.tell,
        )
        make_read_only(draft)
        _finish(hold, draft, final, manifest["counts"])
    except SnapshotTaken:
        pass
    except (DomainError, OSError) as fault:
        _fail(hold, str(fault))
    except Exception as fault:
        _fail(hold, f"{type(fault).__name__}: {fault}")
        raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def requeue_silent_snapshots() -> int:
    """Snapshots whose builder fell silent are queued again; after three attempts they fail with that reason."""
    silent = Snapshot.objects.filter(state=Snapshot.State.BUILDING, heartbeat_at__lt=timezone.now() - SILENCE)
    with transaction.atomic():
        silent.filter(attempt__gte=MAX_ATTEMPTS).update(
            state=Snapshot.State.FAILED,
            owner=None,
            phase="",
            error=gettext_noop("Its worker died three times while building it."),
        )
        return silent.update(state=Snapshot.State.QUEUED, owner=None, phase="")


def _claim(snapshot_id: int) -> Hold | None:
    hold = Hold(snapshot_id, uuid.uuid4())
    claimed = Snapshot.objects.filter(pk=snapshot_id, state=Snapshot.State.QUEUED, attempt__lt=MAX_ATTEMPTS).update(
        state=Snapshot.State.BUILDING, owner=hold.token, heartbeat_at=timezone.now(), attempt=F("attempt") + 1, error=""
    )
    return hold if claimed else None


def _clear_drafts(final: Path) -> None:
    """Removes what earlier builders left; one still alive has lost its hold and would only fail."""
    for left in final.parent.glob(f".{final.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _finish(hold: Hold, draft: Path, final: Path, counts: dict[str, Any]) -> None:
    manifest_sha256 = sha256_of(draft / MANIFEST)
    with transaction.atomic():
        # The row is locked while the folder is renamed, so a builder that lost its hold cannot replace the files.
        if hold.rows().select_for_update().first() is None:
            raise SnapshotTaken
        put_in_place(draft, final)
        hold.rows().update(
            state=Snapshot.State.READY, owner=None, heartbeat_at=timezone.now(), phase="", counts=counts,
            manifest_sha256=manifest_sha256, path=str(final.relative_to(var_path())),
        )  # fmt: skip


def _fail(hold: Hold, reason: str) -> None:
    hold.rows().update(state=Snapshot.State.FAILED, owner=None, phase="", error=reason[:4000])
