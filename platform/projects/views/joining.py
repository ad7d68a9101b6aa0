"""The pages that a link leads to: the only way into a project."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from common.errors import Conflict, DomainError, Invalid
from common.http import add_errors, client_address, sent, show_or_send, status_of
from projects.forms import NewcomerForm
from projects.services import invitations, open_links

BACKEND = "django.contrib.auth.backends.ModelBackend"


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
    form = NewcomerForm(sent(request), initial={"display_name": found.name})
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


@show_or_send
def open_link(request: HttpRequest, open_link_secret: str) -> HttpResponse:
    """One button, no password: whoever has no account gets one under a name drawn at random."""
    link = open_links.find_open_link(secret=open_link_secret)
    given = request.GET.get(link.parameter, "") if link.parameter else ""
    known = open_links.joined_before(link=link, external_id=given)
    if known is not None and known.user == request.user:
        return redirect("projects:overview", link.project.slug)
    context = {"link": link, "full": link.used >= link.capacity, "known": known is not None, "refused": ""}
    try:
        open_links.check_participant(link=link, external_id=given)
        if request.method == "POST":
            return _join(request, open_link_secret, given)
    except (Invalid, Conflict) as fault:
        context["refused"] = fault.detail
        return render(request, "projects/open_link.html", context, status=fault.status)
    return render(request, "projects/open_link.html", context)


def _join(request: HttpRequest, secret: str, external_id: str) -> HttpResponse:
    address = client_address(request)
    if request.user.is_authenticated:
        member = open_links.join(secret=secret, user=request.user, external_id=external_id, address=address)
    else:
        member = open_links.join_as_newcomer(secret=secret, external_id=external_id, address=address)
        login(request, member.user, backend=BACKEND)
    return redirect("projects:overview", member.project.slug)
