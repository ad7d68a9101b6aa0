"""Writes of the corpus: imports begun and tried again, prompts opened and closed. importing.py does the work itself."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Invalid
from common.words import gettext_noop
from corpus import uploads
from corpus.importers import importer
from corpus.importers.csv_table import ROLES
from corpus.importers.rows import Options
from corpus.importing import run_import, staging_path
from corpus.models import Import, Prompt
from projects.models import Project

__all__ = [
    "check_again",
    "checked_options",
    "confirm_import",
    "discard_import",
    "import_lines",
    "retry_import",
    "run_import",
    "set_open",
    "start_import",
]


def checked_options(options: Mapping[str, Any]) -> Options:
    """Raises Invalid for an option that there is not, or a value of the wrong kind."""
    known = asdict(Options())
    if unknown := sorted(set(options) - set(known)):
        raise Invalid(
            _("There is no option called “%(name)s”; there are: %(names)s.")
            % {"name": unknown[0][:60], "names": ", ".join(known)}
        )
    for key, value in options.items():
        allowed: tuple[type, ...] = (bool, type(None)) if key == "use_recorded" else (type(known[key]),)
        if type(value) not in allowed:
            raise Invalid(
                _("The option %(name)s cannot be %(value)s.") % {"name": key, "value": repr(value)},
                fields={key: [_("A value of the wrong kind.")]},
            )
    found = Options(**options)
    if len(found.licence) > 200 or len(found.language) > 35:
        raise Invalid(_("A licence has at most 200 characters, a language 35."))
    for role, names in found.columns.items():
        if role not in ROLES or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            said = _("Columns are lists of names, each for one of %(names)s.") % {"names": ", ".join(ROLES)}
            raise Invalid(said, fields={"columns": [said]})
    return found


def start_import(
    *,
    project: Project,
    format: str,
    files: Sequence[uploads.Upload],
    options: Mapping[str, Any] | None = None,
    skip_bad_lines: bool = False,
    preview: bool = False,
    user: User | None = None,
) -> Import:
    """Stores the files and leaves an import in state `queued`; the caller rings `tasks.run_import`.

    `preview`: every line is checked, and nothing is made until `confirm_import`.

    Raises Invalid (unknown format or option, no files), TooLarge, Conflict (the project is archived).
    """
    importer(format)
    chosen = checked_options(options or {})
    if project.state == Project.State.ARCHIVED:
        raise Conflict(_("The project is archived: nothing can be brought in."))
    path, stored = uploads.store(files)
    try:
        with transaction.atomic():
            run = Import.objects.create(
                project=project,
                format=format,
                filename=", ".join(one.name for one in stored)[:200],
                path=path,
                options=asdict(chosen),
                skip_bad_lines=skip_bad_lines,
                preview=preview,
                bytes_total=sum(one.size for one in stored),
                created_by=user,
            )
            audit(actor=user, kind="import.started", subject=f"project:{project.slug}", import_id=run.pk, format=format)
    except BaseException:
        shutil.rmtree(settings.VAR_DIR / path, ignore_errors=True)
        raise
    return run


def import_lines(*, text: str, **rest: Any) -> Import:
    """`start_import` of lines typed or pasted."""
    if not text.strip():
        raise Invalid(_("There are no lines."), fields={"text": [_("Paste at least one line.")]})
    return start_import(
        files=[ContentFile(text.encode("utf-8", "surrogatepass"), name=gettext_noop("pasted lines"))], **rest
    )


def retry_import(*, run: Import, skip_bad_lines: bool = False) -> None:
    """Queues an import again: a failed one as it was, a rejected one only to take its good lines.

    Raises Conflict where there is nothing to try again: it is not over, it succeeded, or its file cannot be read.
    """
    state = Import.State
    again = Import.objects.filter(pk=run.pk, state=state.FAILED)
    if skip_bad_lines and staging_path(run).is_file():
        again = Import.objects.filter(pk=run.pk, state__in=[state.FAILED, state.REJECTED])
    if not uploads.names(run):
        raise Conflict(_("The files of this import are no longer kept; import them again."))
    skip = {"skip_bad_lines": True} if skip_bad_lines else {}
    if not again.update(state=state.QUEUED, attempt=0, error="", finished_at=None, **skip):
        raise Conflict(_("This import cannot be tried again."))


def _checked(run: Import) -> Any:
    return Import.objects.filter(pk=run.pk, state=Import.State.CHECKED)


def confirm_import(*, run: Import, skip_bad_lines: bool = False) -> None:
    """Queues an import that a person has looked at. Raises Conflict where it does not wait for that, or where lines
    are bad and are not to be skipped."""
    if run.bad_lines and not (skip_bad_lines or run.skip_bad_lines):
        raise Conflict(_("Some lines are bad: repair the file, or say that they are to be skipped."), code="bad-lines")
    skip = {"skip_bad_lines": True} if skip_bad_lines else {}
    if not run.rows_total or not _checked(run).update(state=Import.State.QUEUED, preview=False, attempt=0, **skip):
        raise Conflict(_("There is nothing to confirm."))


def discard_import(*, run: Import) -> None:
    """Ends an import that was only looked at: its files are removed, nothing is made. Raises Conflict."""
    error = gettext_noop("It was looked at and given up")
    if not _checked(run).update(state=Import.State.REJECTED, error=error, finished_at=timezone.now()):
        raise Conflict(_("There is nothing to give up."))
    uploads.discard(run)


def check_again(*, run: Import, options: Mapping[str, Any]) -> None:
    """Queues the check of an import once more, with other options. Raises Invalid, Conflict."""
    chosen = asdict(checked_options(run.options | dict(options)))
    with transaction.atomic():
        if not _checked(run).update(state=Import.State.QUEUED, options=chosen, attempt=0):
            raise Conflict(_("Only an import that waits to be confirmed can be checked again."))
        staging_path(run).unlink(missing_ok=True)


def discard_old(*, before: datetime) -> int:
    """Removes the files of imports that came to a bad end before that time; their rows and reports stay."""
    for forgotten in Import.objects.filter(state=Import.State.CHECKED, created_at__lt=before):
        discard_import(run=forgotten)
    ended = [Import.State.REJECTED, Import.State.FAILED]
    return sum(uploads.discard(run) for run in Import.objects.filter(state__in=ended, finished_at__lt=before))


def set_open(*, project: Project, prompt_ids: Sequence[int], open: bool) -> int:
    """Opens or closes prompts of the project for the next policy version; how many changed."""
    return Prompt.objects.filter(project=project, pk__in=prompt_ids).exclude(open=open).update(open=open)
