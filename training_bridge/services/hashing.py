"""The hashes of models that were registered: one worker at a time reads a folder, however many are rung for."""

from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.claims import Work
from common.errors import Conflict, DomainError
from common.words import gettext_noop
from corpus.models import ModelVersion
from training_bridge.model_folders import model_sha256
from training_bridge.models import MAX_ATTEMPTS, Hashing

WORK = Work(
    Hashing,
    working=Hashing.State.HASHING,
    silence=timedelta(seconds=90),
    attempts=MAX_ATTEMPTS,
    lost=gettext_noop("Its worker died three times while hashing it."),
    foreseen=(DomainError, OSError),
)


def hash_model(*, version_id: int) -> bool:
    """Hashes one model to its end, done or failed. False where there was nothing to claim."""
    hold = WORK.claim(version_id)
    if hold is None:
        return False
    version = ModelVersion.objects.get(pk=version_id)
    with WORK.carried_out(hold):
        digest = model_sha256(Path(version.path), alive=hold.beat)
        with transaction.atomic():
            hold.end(state=Hashing.State.DONE)
            ModelVersion.objects.filter(pk=version_id).update(sha256=digest)
    return True


def retry_hashing(*, version: ModelVersion, user: User | None = None) -> None:
    """Queues a failed hashing again, with fresh attempts. Raises Conflict for any other."""
    with transaction.atomic():
        if not WORK.retry(version.pk):
            raise Conflict(_("Only a model whose hashing failed can be hashed again."))
        audit(actor=user, kind="model.hash_retried", subject=f"project:{version.project.slug}", model=version.pk)


def requeue_silent_hashings() -> int:
    """Hashings whose worker fell silent are queued again; after three attempts they fail with that reason."""
    return WORK.requeue_silent()
