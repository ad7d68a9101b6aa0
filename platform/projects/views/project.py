"""Making a project, its settings and its log. Overview and home stand in `config/overview.py`."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from common.errors import DomainError, NotFound
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, ProjectRequest, project_view
from projects.forms import ProjectForm, SettingsForm
from projects.models import Project
from projects.services import projects


@login_required
@show_or_send
def create(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.may_create_projects:
        raise NotFound
    form = ProjectForm(sent(request))
    if form.is_valid():
        project = projects.create_project(actor=user, **form.cleaned_data)
        messages.success(request, _("The project is made. Next: invite people, write the guideline, import items."))
        return redirect("projects:overview", project.slug)
    return render(request, "projects/create.html", {"form": form}, status=status_of(form))


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
