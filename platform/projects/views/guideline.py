"""What raters are told: the guideline, its versions, and what changed between two of them."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.errors import DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectRequest, project_view
from projects.forms import GuidelineForm
from projects.models import Guideline
from projects.services import guidelines


@require_safe
@project_view(EVERYONE)
def guideline(request: ProjectRequest) -> HttpResponse:
    return _show_guideline(request, selectors.newest_guideline(request.project))


@require_safe
@project_view(EVERYONE)
def guideline_version(request: ProjectRequest, guideline_number: int) -> HttpResponse:
    return _show_guideline(request, get_object_or_404(request.project.guidelines, number=guideline_number))


def _show_guideline(request: ProjectRequest, shown: Guideline | None) -> HttpResponse:
    since = request.GET.get("since", "")
    asked = int(since) if since.isascii() and since.isdigit() and len(since) < 10 else None
    before = selectors.guideline_before(shown, asked) if shown else None
    context = {
        "before": before,
        "compared": bool(asked),
        "changes": selectors.guideline_changes(before, shown),
        "others": request.project.guidelines.exclude(pk=shown.pk).values_list("number", flat=True) if shown else [],
        "shown": shown,
        "newest": selectors.newest_guideline(request.project),
        "page": page_of(request, request.project.guidelines.select_related("created_by")),
    }
    return render(request, "projects/guideline.html", context)


@show_or_send
@project_view(ADMIN)
def guideline_new(request: ProjectRequest) -> HttpResponse:
    newest = selectors.newest_guideline(request.project)
    form = GuidelineForm(sent(request), initial={"text": newest.text if newest else ""})
    if form.is_valid():
        try:
            # Browsers send CRLF whatever was typed; an unchanged text must stay the same version.
            text = form.cleaned_data["text"].replace("\r\n", "\n")
            made = guidelines.add_guideline(project=request.project, text=text, actor=request.user)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            said = _("Version %(number)s is what raters see from now on.")
            messages.success(request, said % {"number": made.number})
            return redirect("projects:guideline", request.project.slug)
    return render(request, "projects/guideline_new.html", {"form": form}, status=status_of(form))
