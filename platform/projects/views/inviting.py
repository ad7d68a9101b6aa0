"""Links that let people in, as an admin makes them: one, many by a table, and one for many."""

from urllib.parse import quote

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from common.errors import DomainError
from common.http import add_errors, sent, show_or_send, status_of
from projects import selectors
from projects.access import ADMIN, ProjectRequest, project_view
from projects.forms import GuestListForm, InvitationForm, OpenLinkForm
from projects.services import invitations, invite_many, open_links
from projects.views.people import show_members


@require_POST
@project_view(ADMIN)
def invite(request: ProjectRequest) -> HttpResponse:
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return show_members(request, form)
    try:
        _made, path = invitations.make_invitation(project=request.project, actor=request.user, **form.cleaned_data)
    except DomainError as fault:
        add_errors(form, fault)
        return show_members(request, form)
    return show_members(request, InvitationForm(), request.build_absolute_uri(path))


@require_POST
@project_view(ADMIN)
def revoke_invitation(request: ProjectRequest, invitation_id: int) -> HttpResponse:
    invitations.revoke_invitation(project=request.project, invitation_id=invitation_id, actor=request.user)
    messages.success(request, _("The invitation is taken back."))
    return redirect("projects:members", request.project.slug)


@show_or_send
@project_view(ADMIN)
def guests(request: ProjectRequest) -> HttpResponse:
    """A table of people: first looked through, then, once it is right and `make` is pressed, made into links."""
    form = GuestListForm(sent(request), request.FILES or None)
    context: dict[str, object] = {"form": form}
    if form.is_valid():
        text, days = form.cleaned_data["table"], form.cleaned_data["days"]
        try:
            found = invite_many.look_through(project=request.project, text=text)
            if "make" in request.POST and not found.faults:
                made = invite_many.invite_all(project=request.project, text=text, actor=request.user, days=days)
                links = [(guest, request.build_absolute_uri(path)) for guest, path in made]
                table = invite_many.as_csv(links)
                download = f"data:text/csv;charset=utf-8,{quote(table)}"
                return render(request, "projects/guests_made.html", {"links": links, "download": download})
            context |= {"found": found, "table": text, "days": days}
        except DomainError as fault:
            add_errors(form, fault)
    return render(request, "projects/guests.html", context, status=status_of(form))


def _show_open_links(request: ProjectRequest, form: OpenLinkForm, link: str = "", parameter: str = "") -> HttpResponse:
    context = {"form": form, "links": selectors.open_links(request.project), "link": link, "parameter": parameter}
    return render(request, "projects/open_links.html", context, status=status_of(form))


@show_or_send
@project_view(ADMIN)
def open_link_list(request: ProjectRequest) -> HttpResponse:
    form = OpenLinkForm(sent(request))
    if form.is_valid():
        try:
            made, path = open_links.make_open_link(project=request.project, actor=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            return _show_open_links(request, OpenLinkForm(), request.build_absolute_uri(path), made.parameter)
    return _show_open_links(request, form)


@require_POST
@project_view(ADMIN)
def revoke_open_link(request: ProjectRequest, open_link_id: int) -> HttpResponse:
    open_links.revoke_open_link(project=request.project, link_id=open_link_id, actor=request.user)
    messages.success(request, _("Nobody else comes in by this link; who has, stays."))
    return redirect("projects:open_links", request.project.slug)
