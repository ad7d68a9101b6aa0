"""The people of a project: who is in it, as what, and what each is given."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from common.errors import Conflict
from common.http import page_of, status_of
from projects import selectors
from projects.access import ADMIN, ProjectRequest, project_view
from projects.forms import InvitationForm, RoleForm
from projects.services import invitations
from projects.services import members as member_services


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
