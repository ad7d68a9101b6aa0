"""A snapshot's life: asked for, built by one worker at a time, put in place whole, then never changed."""

import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.claims import Hold, Work
from common.errors import Conflict, DomainError
from common.words import gettext_noop
from projects.models import Project
from training_bridge.derivations.settings import SINCE_SOFT_LABELS, Derivation, parse
from training_bridge.files import make_read_only, put_in_place, sha256_of, var_path
from training_bridge.models import MAX_ATTEMPTS, Snapshot
from training_bridge.snapshots import MANIFEST, build

WORK = Work(
    Snapshot,
    working=Snapshot.State.BUILDING,
    silence=timedelta(seconds=90),
    attempts=MAX_ATTEMPTS,
    lost=gettext_noop("Its worker died three times while building it."),
    foreseen=(DomainError, OSError),
    idle={"phase": ""},
)


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
        if not WORK.retry(snapshot.pk):
            raise Conflict(_("Only a failed snapshot can be tried again."))
        audit(actor=user, kind="snapshot.retried", subject=f"project:{snapshot.project.slug}", number=snapshot.number)
    snapshot.refresh_from_db()
    return snapshot


def build_snapshot(*, snapshot_id: int) -> bool:
    """Builds one queued snapshot to its end, ready or failed. False where there was nothing to claim."""
    hold = WORK.claim(snapshot_id)
    if hold is None:
        return False
    snapshot = Snapshot.objects.get(pk=snapshot_id)
    final = var_path("snapshots", snapshot.project_id, snapshot.number)
    draft = final.with_name(f".{snapshot.number}-{hold.token}")
    try:
        with WORK.carried_out(hold):
            _clear_drafts(final)
            draft.mkdir(parents=True, mode=0o700)
            manifest = build(
                project_id=snapshot.project_id,
                derivation=parse(SINCE_SOFT_LABELS | snapshot.derivation),
                folder=draft,
                tell=lambda phase: hold.beat(phase=phase[:120]),
            )
            make_read_only(draft)
            _finish(hold, draft, final, manifest["counts"])
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def requeue_silent_snapshots() -> int:
    """Snapshots whose builder fell silent are queued again; after three attempts they fail with that reason."""
    return WORK.requeue_silent()


def _clear_drafts(final: Path) -> None:
    """Removes what earlier builders left; one still alive has lost its hold and would only fail."""
    for left in final.parent.glob(f".{final.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _finish(hold: Hold[Snapshot], draft: Path, final: Path, counts: dict[str, Any]) -> None:
    manifest_sha256 = sha256_of(draft / MANIFEST)
    with transaction.atomic():
        # The row is locked while the folder is renamed, so a builder that lost its hold cannot replace the files.
        hold.locked()
        put_in_place(draft, final)
        hold.end(
            state=Snapshot.State.READY, phase="", counts=counts,
            manifest_sha256=manifest_sha256, path=str(final.relative_to(var_path())),
        )  # fmt: skip
