"""An import that waits to be confirmed, as raters would see its items."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation import display, selectors
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
