"""The people of a project: who is in it, as what, and what each is given."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import Conflict, DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, ProjectRequest, project_view
from projects.forms import InvitationForm, ReachForm, RoleForm
from projects.models import Membership
from projects.reach import split
from projects.services import members as services
from projects.services import open_links


def show_members(request: ProjectRequest, form: InvitationForm, link: str = "") -> HttpResponse:
    """The list, with the form that invites somebody; `link`: one that was made just now."""
    context = {
        "page": page_of(request, selectors.members(request.project)),
        "invitations": selectors.standing_invitations(request.project),
        "form": form,
        "link": link,
    }
    return render(request, "projects/members.html", context, status=status_of(form))


@require_safe
@project_view(ADMIN)
def members(request: ProjectRequest) -> HttpResponse:
    return show_members(request, InvitationForm())


def _show_member(
    request: ProjectRequest, member: Membership, form: ReachForm | None = None, link: str = ""
) -> HttpResponse:
    reach = {"cohort": member.cohort, "languages": ", ".join(member.languages)}
    form = form or ReachForm(initial=reach)
    context = {
        "member": member,
        "participant": selectors.participant_of(member),
        "role_form": RoleForm(initial={"role": member.role}),
        "form": form,
        "link": link,
    }
    return render(request, "projects/member.html", context, status=status_of(form))


@show_or_send
@project_view(ADMIN)
def member(request: ProjectRequest, member_id: int) -> HttpResponse:
    """One member; posting says what they may be given."""
    found = get_object_or_404(selectors.members(request.project), pk=member_id)
    form = ReachForm(sent(request)) if request.method == "POST" else None
    if form is None or not form.is_valid():
        return _show_member(request, found, form)
    try:
        cohort, languages = form.cleaned_data["cohort"], split(form.cleaned_data["languages"])
        services.change_reach(
            project=request.project, member_id=member_id, actor=request.user, cohort=cohort, languages=languages
        )
    except DomainError as fault:
        add_errors(form, fault)
        return _show_member(request, found, form)
    messages.success(request, _("Saved."))
    return redirect("projects:member", request.project.slug, member_id)


def _done(request: ProjectRequest, act: Callable[[], str]) -> HttpResponse:
    """Carries out `act`, says what it answers, or why it could not be."""
    try:
        messages.success(request, act())
    except Conflict as fault:
        messages.error(request, fault.detail)
    return _back_to_members(request)


@require_POST
@project_view(ADMIN)
def change_role(request: ProjectRequest, member_id: int) -> HttpResponse:
    def act() -> str:
        found = services.change_role(
            project=request.project, member_id=member_id, role=request.POST.get("role", ""), actor=request.user
        )
        said = _("%(person)s has the role “%(role)s” now.")
        return said % {"person": found.user, "role": found.get_role_display()}

    return _done(request, act)


@require_POST
@project_view(ADMIN)
def pause_member(request: ProjectRequest, member_id: int) -> HttpResponse:
    """Pauses a member, or resumes with `paused=0`."""

    def act() -> str:
        paused = request.POST.get("paused", "1") != "0"
        found = services.set_paused(project=request.project, member_id=member_id, paused=paused, actor=request.user)
        said = (
            _("%(person)s is given nothing until you resume it.") if paused else _("%(person)s is given items again.")
        )
        return said % {"person": found.user}

    return _done(request, act)


@require_POST
@project_view(ADMIN)
def remove_member(request: ProjectRequest, member_id: int) -> HttpResponse:
    def act() -> str:
        services.remove_member(project=request.project, member_id=member_id, actor=request.user)
        return _("Removed. What they judged stays.")

    return _done(request, act)


@require_POST
@project_view(ADMIN)
def way_back(request: ProjectRequest, member_id: int) -> HttpResponse:
    """Shows a sign-in link for a participant of an open link who lost their session."""
    found = get_object_or_404(selectors.members(request.project), pk=member_id)
    try:
        path = open_links.way_back(project=request.project, member_id=member_id, actor=request.user)
    except Conflict as fault:
        messages.error(request, fault.detail)
        return redirect("projects:member", request.project.slug, member_id)
    return _show_member(request, found, link=request.build_absolute_uri(path))


def _back_to_members(request: ProjectRequest) -> HttpResponse:
    """Whoever has just given up their own admin's rights is led to a page that they may see."""
    still = request.project.memberships.filter(user=request.user).first()
    if still is None:
        return redirect("projects:home")
    return redirect("projects:members" if still.role in ADMIN else "projects:overview", request.project.slug)
