"""The two phases of an import: check every line, then write what was good (docs/adr/0004).

Killed anywhere, it can be begun again: the first phase starts over, the second goes on after its last batch.
"""

import logging
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from common import claims
from common.claims import Fenced
from common.text import check_tree
from common.words import gettext_noop
from corpus import uploads
from corpus.importers import Tabular, importer
from corpus.importers.archives import Unreadable
from corpus.importers.documents import Document
from corpus.importers.rows import Fault, Options, Row, compiled
from corpus.models import Candidate, Import
from corpus.recognised import Recognised
from corpus.staging import Report, Staged, Staging
from corpus.storing import compared, write_rows
from projects.models import Project

logger = logging.getLogger(__name__)

STALE = timedelta(seconds=90)
MAX_ATTEMPTS = 5
# A file with more bad lines than this is not what it was said to be.
MAX_FAULTS = 100_000
# Short batches: on SQLite nobody else can write meanwhile.
BATCH_ROWS, BATCH_CHARACTERS = 200, 4_000_000


Told = Callable[[dict[str, Any]], None]


class Hold(claims.Hold[Import]):
    """One worker's hold on one import."""

    def __init__(self, run: Import, token: uuid.UUID, told: Told | None) -> None:
        super().__init__(Import, run.pk, token, written_at=monotonic())
        self.run, self.told = run, told

    def write(self, **columns: Any) -> None:
        super().write(**columns)
        if self.told:
            self.told(columns)

    def leave(self, state: Import.State, *, error: str = "") -> None:
        """Ends what a worker does for it, in a named state."""
        finished = None if state in (Import.State.STORED, Import.State.CHECKED) else timezone.now()
        self.end(state=state, heartbeat_at=None, error=error, finished_at=finished)


def due() -> Q:
    """Imports that want a worker: waiting, or left behind by one that died."""
    stale = Q(state=Import.State.RUNNING, heartbeat_at__lt=timezone.now() - STALE)
    return Q(state=Import.State.QUEUED) | stale


def claim(import_id: int, told: Told | None = None) -> Hold | None:
    taken = claims.take(Import.objects.filter(due()), import_id, state=Import.State.RUNNING, error="")
    return Hold(Import.objects.select_related("project").get(pk=import_id), taken.token, told) if taken else None


def run_import(*, import_id: int, told: Told | None = None) -> None:
    """Carries an import through to stored, succeeded, rejected or failed. Harmless where it is done or another's.

    `told` is given the columns of the import as they are written (counts may be expressions of the database).
    """
    hold = claim(import_id, told)
    if hold is None:
        return
    try:
        if hold.run.attempt > MAX_ATTEMPTS:
            hold.leave(
                Import.State.FAILED,
                error=gettext_noop("It was begun %(max_attempts)s times and never came to its end.")
                % {"max_attempts": MAX_ATTEMPTS},
            )
        else:
            _carry_through(hold)
    except Fenced:
        logger.warning("import %s was taken over by another worker", import_id)
    except Exception as fault:
        logger.exception("import %s failed", import_id)
        with suppress(Fenced):
            hold.leave(Import.State.FAILED, error=_reason(fault))


def _reason(fault: Exception) -> str:
    """What a person may read of an unforeseen error: no paths, no SQL. The log has it all."""
    what = fault.strerror if isinstance(fault, OSError) and fault.strerror else type(fault).__name__
    return gettext_noop("The import stopped with an error of the machine (%(what)s). It can be tried again.") % {
        "what": what
    }


def staging_path(run: Import) -> Path:
    return uploads.folder(run) / "staging.sqlite3"


def _carry_through(hold: Hold) -> None:
    run = hold.run
    if not staging_path(run).is_file():
        fatal = Check(hold).read()
        if fatal is not None:
            hold.leave(Import.State.REJECTED, error=fatal.reason)
            return
    if run.preview:
        hold.leave(Import.State.CHECKED)
        return
    hold.write()  # a staging file may have come from whoever took over
    run.refresh_from_db()
    if run.bad_lines and not run.skip_bad_lines and not run.rows_stored:
        hold.leave(Import.State.REJECTED)
        return
    _store(hold)
    waiting = Candidate.objects.filter(source=run, taken_at=None).exists()
    hold.leave(Import.State.STORED if waiting else Import.State.SUCCEEDED)
    uploads.discard(run)


class Check:
    """The first phase: every line becomes a staged row or a line of the report. The database hears of progress only."""

    def __init__(self, hold: Hold) -> None:
        self.hold, self.run = hold, hold.run
        self.importer = importer(self.run.format)
        self.options = Options(**self.run.options)
        self.lines = self.bad = self.known = 0
        self.pending: list[Staged] = []
        self.found = Recognised()

    def read(self) -> Fault | None:
        """The fault that stopped the reading, or None: then the staging file is in its place."""
        # A worker that was only slow may still write its own files: each attempt has names of its own.
        part = uploads.folder(self.run) / f"part-{self.hold.token.hex}"
        report = uploads.folder(self.run) / f"report-{self.hold.token.hex}.jsonl"
        with Report(report) as self.report, Staging.create(part) as self.staging:
            fatal = self._all()
            if fatal is None:
                self._compare()
            self.hold.write(
                report_path=f"{self.run.path}/{report.name}",
                rows_total=self.staging.last,
                rows_stored=0,
                new_items=0,
                known_items=self.known,
                bytes_read=self.run.bytes_total,
                found=self.found.told(),
                **self._counts(),
            )
            if fatal is None:
                self.staging.finished(staging_path(self.run))
        part.unlink(missing_ok=True)
        return fatal

    def _counts(self) -> dict[str, int]:
        return {"lines": self.lines, "bad_lines": self.bad}

    def _all(self) -> Fault | None:
        try:
            documents = uploads.opened(self.run)
        except Unreadable as fault:
            return self._stop(Fault("", 0, str(fault), fatal=True))
        if isinstance(self.importer, Tabular):
            self.found.columns = self._columns(documents)
        for found in self.importer.rows(documents, self.options):
            if isinstance(found, Row):
                self._row(found)
            elif self._fault(found).fatal:
                return found
            if self.bad > MAX_FAULTS:
                return self._stop(
                    Fault(
                        "",
                        0,
                        gettext_noop("more than %(max_faults)s bad lines: is this the right format?")
                        % {"max_faults": f"{MAX_FAULTS:,}"},
                        fatal=True,
                    )
                )
            self._progress(documents)
        return None

    def _columns(self, documents: Sequence[Document]) -> dict[str, Any]:
        try:
            return cast(Tabular, self.importer).recognised(documents, self.options)
        except (Unreadable, UnicodeDecodeError):
            return {}  # reading the rows says why

    def _progress(self, documents: Sequence[Document]) -> None:
        self.hold.beat(bytes_read=sum(document.read for document in documents), **self._counts())

    def _stop(self, fault: Fault) -> Fault:
        self.report.fault(fault)
        return fault

    def _fault(self, fault: Fault) -> Fault:
        self.lines += fault.line > 0 and not fault.fatal
        self.bad += 1
        self.report.fault(fault)
        return fault

    def _row(self, row: Row) -> None:
        self.lines += 1
        body, warnings = compiled(
            row, format=self.run.format, use_recorded=self.importer.use_recorded, options=self.options
        )
        try:
            check_tree(body)
        except ValueError as fault:
            self._bad_row(row.file, row.line, "", str(fault))
            return
        for warning in warnings:
            self.report.warning(row.file, row.line, warning)
        earlier = self.staging.add(body)
        if earlier is None:
            self.found.add(body)
            self.pending.append(Staged(0, body["sha256"], row.file, row.line, body))
            if len(self.pending) >= BATCH_ROWS:
                self._compare()
        elif earlier.sha256 == body["sha256"]:
            self.known += 1
            self.report.warning(
                row.file, row.line, gettext_noop("the same as line %(line)s (taken once)") % {"line": earlier.line}
            )
        else:
            self._bad_row(
                row.file,
                row.line,
                "/external_id",
                gettext_noop("the id of line %(line)s, but other content") % {"line": earlier.line},
            )

    def _bad_row(self, file: str, line: int, pointer: str, reason: str) -> None:
        self.bad += 1
        self.report.fault(Fault(file, line, reason, pointer))

    def _compare(self) -> None:
        """Finds rows whose external id the project already has with other content."""
        _, conflicting = compared(self.run.project_id, self.pending)
        for row in self.pending:
            if row.external_id in conflicting:
                self.staging.drop(row.external_id)
                self._bad_row(row.file, row.line, "/external_id", gettext_noop("already imported with other content"))
        self.pending = []


def _store(hold: Hold) -> None:
    """The second phase: batches, each one transaction that also moves the mark from which a new attempt goes on."""
    run = hold.run
    with Staging(staging_path(run)) as staging, Report(settings.VAR_DIR / run.report_path, more=True) as report:
        while batch := staging.after(run.rows_stored, rows=BATCH_ROWS, characters=BATCH_CHARACTERS):
            with transaction.atomic():
                # One import of a project writes at a time; KEY SHARE locks of others' foreign keys do not wait for it.
                Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
                written = write_rows(run, batch)
                hold.write(
                    rows_stored=batch[-1].number,
                    new_items=F("new_items") + written.new,
                    known_items=F("known_items") + written.known,
                    bad_lines=F("bad_lines") + len(written.conflicting),
                )
            for row in written.conflicting:
                report.fault(
                    Fault(row.file, row.line, gettext_noop("imported meanwhile with other content"), "/external_id")
                )
            run.rows_stored = batch[-1].number
