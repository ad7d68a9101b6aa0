"""A project's own pages: its settings, guideline, people and log. Overview and home stand in `config/overview.py`."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from common.errors import Conflict, DomainError, NotFound
from common.http import add_errors, client_address, page_of, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, EVERYONE, ProjectRequest, project_view
from projects.forms import GuidelineForm, InvitationForm, NewcomerForm, ProjectForm, RoleForm, SettingsForm
from projects.models import Project
from projects.services import guidelines, invitations, projects
from projects.services import members as member_services

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_required
@show_or_send
def create(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.may_create_projects:
        raise NotFound
    form = ProjectForm(sent(request))
    if form.is_valid():
        project = projects.create_project(actor=user, **form.cleaned_data)
        messages.success(request, "The project is made. Next: invite people, write the guideline, import items.")
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
            messages.success(request, "Saved.")
            return redirect("projects:settings", request.project.slug)
    return render(request, "projects/settings.html", {"form": form}, status=status_of(form))


@require_safe
@project_view(EVERYONE)
def guideline(request: ProjectRequest) -> HttpResponse:
    return _show_guideline(request, selectors.newest_guideline(request.project))


@require_safe
@project_view(EVERYONE)
def guideline_version(request: ProjectRequest, guideline_number: int) -> HttpResponse:
    return _show_guideline(request, get_object_or_404(request.project.guidelines, number=guideline_number))


def _show_guideline(request: ProjectRequest, shown: Any) -> HttpResponse:
    context = {
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
            messages.success(request, f"Version {made.number} is what raters see from now on.")
            return redirect("projects:guideline", request.project.slug)
    return render(request, "projects/guideline_new.html", {"form": form}, status=status_of(form))


def _show_members(request: ProjectRequest, form: InvitationForm, link: str = "") -> HttpResponse:
    context = {
        "page": page_of(request, selectors.members(request.project)),
        "invitations": selectors.standing_invitations(request.project),
        "role_form": RoleForm(auto_id=False),
        "form": form,
        "link": link,
    }
    return render(request, "projects/members.html", context, status=status_of(form))


@require_safe
@project_view(ADMIN)
def members(request: ProjectRequest) -> HttpResponse:
    return _show_members(request, InvitationForm())


@require_POST
@project_view(ADMIN)
def invite(request: ProjectRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _show_members(request, form)
    _, path = invitations.make_invitation(project=request.project, actor=request.user, **form.cleaned_data)
    return _show_members(request, InvitationForm(), request.build_absolute_uri(path))


@require_POST
@project_view(ADMIN)
def revoke_invitation(request: ProjectRequest, invitation_id: int) -> HttpResponse:
    invitations.revoke_invitation(project=request.project, invitation_id=invitation_id, actor=request.user)
    messages.success(request, "The invitation is taken back.")
    return redirect("projects:members", request.project.slug)


@require_POST
@project_view(ADMIN)
def change_role(request: ProjectRequest, member_id: int) -> HttpResponse:
    try:
        member = member_services.change_role(
            project=request.project, member_id=member_id, role=request.POST.get("role", ""), actor=request.user
        )
        messages.success(request, f"{member.user} is {member.get_role_display().lower()} now.")
    except Conflict as fault:
        messages.error(request, fault.detail)
    return _back_to_members(request)


@require_POST
@project_view(ADMIN)
def remove_member(request: ProjectRequest, member_id: int) -> HttpResponse:
    try:
        member_services.remove_member(project=request.project, member_id=member_id, actor=request.user)
        messages.success(request, "Removed. What they judged stays.")
    except Conflict as fault:
        messages.error(request, fault.detail)
    return _back_to_members(request)


def _back_to_members(request: ProjectRequest) -> HttpResponse:
    """Whoever has just given up their own admin's rights is led to a page that they may see."""
    still = request.project.memberships.filter(user=request.user).first()
    if still is None:
        return redirect("projects:home")
    return redirect("projects:members" if still.role in ADMIN else "projects:overview", request.project.slug)


@require_safe
@project_view(ADMIN)
def events(request: ProjectRequest) -> HttpResponse:
    return render(request, "projects/events.html", {"page": page_of(request, selectors.events(request.project))})


@show_or_send
@sensitive_post_parameters("password")
def invitation(request: HttpRequest, invitation_secret: str) -> HttpResponse:
    """Whoever is signed in joins with one button; a newcomer chooses a name and a password."""
    found = invitations.find_invitation(secret=invitation_secret)
    if request.user.is_authenticated:
        if request.method == "POST":
            invitations.accept(secret=invitation_secret, user=request.user, address=client_address(request))
            return redirect("projects:overview", found.project.slug)
        return render(request, "projects/invitation.html", {"invitation": found})
    form = NewcomerForm(sent(request))
    if form.is_valid():
        try:
            member = invitations.accept_as_newcomer(
                secret=invitation_secret, address=client_address(request), **form.cleaned_data
            )
        except DomainError as fault:
            add_errors(form, fault)
        else:
            login(request, member.user, backend=BACKEND)
            return redirect("projects:overview", found.project.slug)
    context = {"invitation": found, "form": form}
    return render(request, "projects/invitation.html", context, status=status_of(form))
