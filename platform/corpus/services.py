"""Writes of the corpus: imports begun and tried again, prompts opened and closed. importing.py does the work itself."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Invalid
from common.words import gettext_noop
from corpus import uploads
from corpus.importers import importer
from corpus.importers.rows import Options
from corpus.importing import run_import, staging_path
from corpus.models import Import, Prompt
from projects.models import Project

__all__ = ["checked_options", "import_lines", "retry_import", "run_import", "set_open", "start_import"]


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
    return found


def start_import(
    *,
    project: Project,
    format: str,
    files: Sequence[uploads.Upload],
    options: Mapping[str, Any] | None = None,
    skip_bad_lines: bool = False,
    user: User | None = None,
) -> Import:
    """Stores the files and leaves an import in state `queued`; the caller rings `tasks.run_import`.

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


def discard_old(*, before: datetime) -> int:
    """Removes the files of imports that came to a bad end before that time; their rows and reports stay."""
    ended = [Import.State.REJECTED, Import.State.FAILED]
    return sum(uploads.discard(run) for run in Import.objects.filter(state__in=ended, finished_at__lt=before))


def set_open(*, project: Project, prompt_ids: Sequence[int], open: bool) -> int:
    """Opens or closes prompts of the project for the next policy version; how many changed."""
    return Prompt.objects.filter(project=project, pk__in=prompt_ids).exclude(open=open).update(open=open)
