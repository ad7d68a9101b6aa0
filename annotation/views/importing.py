"""An import that waits to be confirmed, as raters would see its items; everything as a file that an import reads."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation import display, selectors
from common.http import json_lines
from corpus.selectors import one_import
from projects.access import RESEARCH, ProjectRequest, project_view


@require_safe
@project_view(RESEARCH)
def preview(request: ProjectRequest, import_id: int) -> HttpResponse:
    run = one_import(request.project, import_id)
    found = selectors.preview(run)
    items = [{"row": row, "shown": display.Content.of(row.sample)} for row in found.rows]
    context = {"project": request.project, "membership": request.membership, "run": run}
    return render(request, "annotation/import_preview.html", context | {"found": found, "items": items})


@require_safe
@project_view(RESEARCH)  # type: ignore[arg-type]  # a streamed response is no HttpResponse by its class
def export(request: ProjectRequest) -> HttpResponseBase:
    """Every item with its responses and judgments, as native JSON lines."""
    return json_lines(selectors.native_lines(project=request.project), f"{request.project.slug}.jsonl")
