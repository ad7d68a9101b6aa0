"""Work that waits as a row until one worker takes it (docs/architecture.md, law 2).

The row has `state`, `owner`, `heartbeat_at`, `attempt`, `error`. Whoever takes it by compare-and-set holds it as long
as the row carries its token. Every write is an UPDATE … WHERE owner = token: a worker that was replaced writes nothing.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import F, Model, QuerySet
from django.utils import timezone

from common.errors import DomainError

BEAT_SECONDS = 1.0
LONGEST = 4000
"""Characters of what an error says."""
QUEUED, FAILED = "queued", "failed"
Row = TypeVar("Row", bound=Model)


class Fenced(Exception):
    """The work belongs to somebody else now: stop and write nothing."""


@dataclass
class Hold(Generic[Row]):
    """One worker's right to one row, until the row carries another token or none."""

    model: type[Row]
    pk: int
    token: uuid.UUID
    written_at: float = 0.0

    def rows(self) -> "QuerySet[Row]":
        return self.model._default_manager.filter(pk=self.pk, owner=self.token)

    def write(self, **columns: Any) -> None:
        """One fenced write, which is a sign of life as well."""
        if not self.rows().update(**({"heartbeat_at": timezone.now()} | columns)):
            raise Fenced
        self.written_at = time.monotonic()

    def beat(self, **columns: Any) -> None:
        """The same, but at most once a second: for what is said often."""
        if time.monotonic() - self.written_at >= BEAT_SECONDS:
            self.write(**columns)

    def end(self, **columns: Any) -> None:
        """The last write: the row is nobody's."""
        self.write(owner=None, **columns)

    def locked(self) -> Row:
        """The row, which nobody else writes before the transaction ends."""
        row = self.rows().select_for_update().first()
        if row is None:
            raise Fenced
        return row


def take(rows: "QuerySet[Row]", pk: int, **columns: Any) -> Hold[Row] | None:
    """Claims the row with this key where it is one of `rows`, for one more attempt; `columns`: its new state.

    Of all who try at once one gets it. None where there is nothing to take (a second ring).
    """
    hold = Hold(rows.model, pk, uuid.uuid4())
    taken = rows.filter(pk=pk).update(
        owner=hold.token, heartbeat_at=timezone.now(), attempt=F("attempt") + 1, **columns
    )
    return hold if taken else None


@dataclass(frozen=True)
class Work(Generic[Row]):
    """A kind of work: queued → `working` → an end of its own, or failed with why, which a person may have tried again.

    Where a worker is silent for `silence`, another takes its place; after `attempts` of them it has failed, and `lost`
    says so. `foreseen`: faults whose words are meant for people. `idle`: further columns of a row that nobody holds.
    """

    model: type[Row]
    working: str
    silence: timedelta
    lost: str
    attempts: int = 3
    foreseen: tuple[type[Exception], ...] = (DomainError,)
    idle: Mapping[str, Any] = field(default_factory=dict)

    def claim(self, pk: int) -> Hold[Row] | None:
        return take(self._in(QUEUED).filter(attempt__lt=self.attempts), pk, state=self.working, error="")

    @contextmanager
    def carried_out(self, hold: Hold[Row]) -> Iterator[None]:
        """What goes wrong inside ends the work as failed; what nobody foresaw is raised as well, for the log.

        Whoever was replaced meanwhile only stops.
        """
        try:
            yield
        except Fenced:
            pass
        except self.foreseen as fault:
            self._fail(hold, str(fault))
        except Exception as fault:
            self._fail(hold, f"{type(fault).__name__}: {fault}")
            raise

    def retry(self, pk: int) -> bool:
        """Queues a failed row again, with fresh attempts. False for any other."""
        return bool(self._in(FAILED).filter(pk=pk).update(state=QUEUED, attempt=0, error=""))

    @transaction.atomic
    def requeue_silent(self) -> int:
        """Returns how many are queued again."""
        silent = self._in(self.working).filter(heartbeat_at__lt=timezone.now() - self.silence)
        silent.filter(attempt__gte=self.attempts).update(state=FAILED, owner=None, error=self.lost, **self.idle)
        return silent.update(state=QUEUED, owner=None, **self.idle)

    def _in(self, state: str) -> "QuerySet[Row]":
        return self.model._default_manager.filter(state=state)

    def _fail(self, hold: Hold[Row], why: str) -> None:
        with suppress(Fenced):
            hold.end(state=FAILED, error=why[:LONGEST], **self.idle)
