"""A project's settings and its log. Making one, overview and home stand on the roof."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.errors import DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, ProjectRequest, project_view
from projects.forms import SettingsForm
from projects.models import Project
from projects.services import projects


@show_or_send
@project_view(ADMIN)
def settings(request: ProjectRequest) -> HttpResponse:
    # A copy: validating a model form writes to its instance, and the page's head must not show what was refused.
    form = SettingsForm(sent(request), instance=Project.objects.get(pk=request.project.pk))
    if form.is_valid():
        try:
            projects.change_settings(project=request.project, actor=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Saved."))
            return redirect("projects:settings", request.project.slug)
    return render(request, "projects/settings.html", {"form": form}, status=status_of(form))


@require_safe
@project_view(ADMIN)
def events(request: ProjectRequest) -> HttpResponse:
    return render(request, "projects/events.html", {"page": page_of(request, selectors.events(request.project))})
