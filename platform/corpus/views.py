"""Pages of the corpus: imports and prompts."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from common.errors import DomainError
from common.http import NDJSON, add_errors, download, page_of, sent, show_or_send, status_of
from corpus import selectors, services, tasks
from corpus.forms import ColumnsForm, ImportForm
from corpus.importers import importers
from corpus.models import Import
from corpus.staging import as_csv
from projects.access import RESEARCH, ProjectRequest, project_view

# The page of an import in these states does not change by itself.
ENDED = {Import.State.CHECKED, Import.State.SUCCEEDED, Import.State.REJECTED, Import.State.FAILED}


@require_safe
@project_view(RESEARCH)
def import_list(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, selectors.imports(request.project))
    return render(request, "corpus/imports.html", {"page": page})


@show_or_send
@project_view(RESEARCH)
def import_new(request: ProjectRequest) -> HttpResponse:
    form = ImportForm(sent(request), request.FILES or None, initial={"format": "native", "preview": True})
    if form.is_valid():
        try:
            run = services.start_import(project=request.project, user=request.user, **form.given())
        except DomainError as fault:
            add_errors(form, fault)
        else:
            tasks.ring(run.pk)
            return redirect("corpus:import", request.project.slug, run.pk)
    context = {"form": form, "formats": importers()}
    return render(request, "corpus/import_new.html", context, status=status_of(form))


def _about(run: Import) -> dict[str, object]:
    return {"run": run, "ended": run.state in ENDED, "retryable": selectors.retryable(run)}


def _columns_form(run: Import, data: Any = None) -> ColumnsForm | None:
    """Of a table that waits to be confirmed: which column is what."""
    columns = run.found.get("columns") if run.state == Import.State.CHECKED else None
    return ColumnsForm(data, header=columns["header"], used=columns["used"]) if columns else None


@require_safe
@project_view(RESEARCH)
def import_detail(request: ProjectRequest, import_id: int) -> HttpResponse:
    run = selectors.one_import(request.project, import_id)
    return _detail(request, run, _columns_form(run))


def _detail(request: ProjectRequest, run: Import, columns: ColumnsForm | None) -> HttpResponse:
    waits = run.state == Import.State.CHECKED
    context = _about(run) | {
        "entries": selectors.first_entries(run),
        # One that waits to be confirmed is shown as raters will see it (annotation:import_preview).
        "rows": [] if waits else selectors.first_rows(run),
        "columns": columns,
    }
    return render(request, "corpus/import_detail.html", context, status=422 if columns and columns.errors else 200)


@require_safe
@project_view(RESEARCH)
def import_progress(request: ProjectRequest, import_id: int) -> HttpResponse:
    """The part of the page that changes while an import runs; once it is over, the page is asked for again, whole."""
    context = _about(selectors.one_import(request.project, import_id))
    response = render(request, "corpus/import_detail.html#progress", context)
    if context["ended"]:
        response["HX-Refresh"] = "true"
    return response


@require_safe
@project_view(RESEARCH)  # type: ignore[arg-type]  # a streamed response is no HttpResponse by its class
def import_report(request: ProjectRequest, import_id: int, form: str) -> HttpResponseBase:
    """The whole report as a download: JSON lines as it is, or CSV for a spreadsheet."""
    run = selectors.one_import(request.project, import_id)
    as_it_is = form == "jsonl"
    lines = selectors.report_lines(run) if as_it_is else as_csv(selectors.report_entries(run))
    kind = NDJSON if as_it_is else "text/csv; charset=utf-8"
    return download(lines, f"import-{run.pk}-report.{form}", kind)


@require_POST
@project_view(RESEARCH)
def import_retry(request: ProjectRequest, import_id: int) -> HttpResponse:
    run = selectors.one_import(request.project, import_id)
    services.retry_import(run=run, skip_bad_lines=request.POST.get("skip_bad_lines") == "1")
    tasks.ring(run.pk)
    return redirect("corpus:import", request.project.slug, run.pk)


@require_POST
@project_view(RESEARCH)
def import_confirm(request: ProjectRequest, import_id: int) -> HttpResponse:
    run = selectors.one_import(request.project, import_id)
    services.confirm_import(run=run, skip_bad_lines=request.POST.get("skip_bad_lines") == "1")
    tasks.ring(run.pk)
    return redirect("corpus:import", request.project.slug, run.pk)


@require_POST
@project_view(RESEARCH)
def import_discard(request: ProjectRequest, import_id: int) -> HttpResponse:
    services.discard_import(run=selectors.one_import(request.project, import_id))
    messages.success(request, gettext("Nothing was imported."))
    return redirect("corpus:imports", request.project.slug)


@require_POST
@project_view(RESEARCH)
def import_columns(request: ProjectRequest, import_id: int) -> HttpResponse:
    """Says which column of a table is what, and checks it again."""
    run = selectors.one_import(request.project, import_id)
    form = _columns_form(run, request.POST)
    if form is None or not form.is_valid():
        return _detail(request, run, form)
    services.check_again(run=run, options={"columns": form.columns})
    tasks.ring(run.pk)
    return redirect("corpus:import", request.project.slug, run.pk)


@show_or_send
@project_view(RESEARCH)
def prompt_list(request: ProjectRequest) -> HttpResponse:
    """Prompts, and which of them the next policy version answers."""
    if request.method == "POST":
        chosen = [int(one) for one in request.POST.getlist("prompt") if one.isdecimal() and len(one) < 19]
        opening = request.POST.get("open") == "1"
        count = services.set_open(project=request.project, prompt_ids=chosen, open=opening)
        if opening:
            done = ngettext("%(count)s prompt opened.", "%(count)s prompts opened.", count)
        else:
            done = ngettext("%(count)s prompt closed.", "%(count)s prompts closed.", count)
        messages.success(request, done % {"count": count})
        return redirect(request.get_full_path())
    shown = {"open": True, "closed": False}.get(request.GET.get("show", ""))
    text = request.GET.get("text", "").replace("\x00", "")[:200]
    found = selectors.prompts(request.project, open=shown, text=text)
    page = page_of(request, found)
    context = {"page": page, "show": request.GET.get("show", ""), "text": text}
    return render(request, "corpus/prompts.html", context)
