"""Reads of the corpus."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from common.errors import NotFound
from corpus import uploads
from corpus.importing import due, staging_path
from corpus.models import Candidate, Import, Prompt, Response
from corpus.staging import Staging, entries
from projects.models import Project

KEPT = timedelta(days=7)


def imports(project: Project) -> QuerySet[Import]:
    return Import.objects.filter(project=project).select_related("created_by")


def one_import(project: Project, import_id: int) -> Import:
    """Raises NotFound for an import of another project, or of none."""
    found = imports(project).filter(pk=import_id).first()
    if found is None:
        raise NotFound
    return found


def due_imports() -> list[int]:
    return list(Import.objects.filter(due()).values_list("pk", flat=True))


def report_file(run: Import) -> Path:
    """Where the report of an import is, or will be; without one, nothing was found to be wrong (yet)."""
    return Path(settings.VAR_DIR) / (run.report_path or f"{run.path}/report.jsonl")


def report_lines(run: Import) -> Iterator[bytes]:
    """The report as it is: JSON lines."""
    path = report_file(run)
    if path.is_file():
        with path.open("rb") as handle:
            yield from handle


def report_entries(run: Import) -> Iterator[dict[str, Any]]:
    return entries(report_file(run))


def first_entries(run: Import, limit: int = 100) -> list[dict[str, Any]]:
    """The first bad lines of an import; then, if there is room, the first warnings."""
    bad = list(islice((entry for entry in report_entries(run) if entry["level"] == "error"), limit))
    warned = (entry for entry in report_entries(run) if entry["level"] == "warning")
    return bad + list(islice(warned, limit - len(bad)))


@dataclass(frozen=True)
class Shown:
    """A row as a person looks at it: chat messages of the prompt, and of each response."""

    prompt: list[dict[str, Any]]
    responses: list[list[dict[str, Any]]]


def first_rows(run: Import, limit: int = 3) -> list[Shown]:
    """The first rows of an import, from the database or, before they are there, from the staging file."""
    if staging_path(run).is_file():
        with Staging(staging_path(run)) as staging:
            bodies = [row.body for row in staging.after(0, rows=limit, characters=200_000)]
        return [Shown(body["prompt"]["messages"], [one["messages"] for one in body["responses"]]) for body in bodies]
    found = list(Candidate.objects.filter(source=run).select_related("prompt").order_by("pk")[:limit])
    if not found:
        return [Shown(prompt.messages, []) for prompt in Prompt.objects.filter(source=run).order_by("pk")[:limit]]
    named = {pk for candidate in found for pk in candidate.response_ids}
    messages = dict(Response.objects.filter(pk__in=named).values_list("pk", "messages"))
    return [Shown(one.prompt.messages, [messages[pk] for pk in one.response_ids]) for one in found]


def retryable(run: Import) -> str:
    """How an import can be tried again: "again", "good lines", or "" where it cannot."""
    if not uploads.names(run):
        return ""
    if run.state == Import.State.FAILED:
        return "again"
    staged = run.state == Import.State.REJECTED and run.rows_total and staging_path(run).is_file()
    return "good lines" if staged else ""


def prompts(project: Project, *, open: bool | None = None, text: str = "") -> QuerySet[Prompt]:
    """Prompts of a project, newest first. `text`: in its id or, as written, in its messages."""
    found = Prompt.objects.filter(project=project).order_by("-pk")
    if open is not None:
        found = found.filter(open=open)
    if text:
        # The messages are stored as JSON: what is not ASCII stands there escaped, on SQLite.
        escaped = json.dumps(text)[1:-1]
        match = Q(external_id__icontains=text) | Q(messages__icontains=text) | Q(messages__icontains=escaped)
        found = found.filter(match)
    return found


def old_enough() -> Any:
    """Imports that ended badly before this time lose their files."""
    return timezone.now() - KEPT
