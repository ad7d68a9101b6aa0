"""The survey's answers as a file, for an admin who asks for them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.services import audit
from annotation.selectors.survey import as_csv, survey_table
from common.errors import Conflict
from projects.access import ADMIN, ProjectRequest, project_view
from projects.services.projects import subject


@require_safe
@project_view(ADMIN)
def survey_export(request: ProjectRequest) -> HttpResponse:
    texts = request.GET.get("texts") == "1"
    try:
        table = survey_table(request.project, texts=texts)
    except Conflict as fault:
        messages.error(request, fault.detail)
        return redirect("projects:ask", request.project.slug)
    audit(actor=request.user, kind="survey-exported", subject=subject(request.project), texts=texts)
    response = HttpResponse(as_csv(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="survey-{request.project.slug}.csv"'
    return response
