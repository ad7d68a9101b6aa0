"""The pages that a link leads to: the only way into a project."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters

from common.errors import DomainError
from common.http import add_errors, client_address, sent, show_or_send, status_of
from projects.forms import NewcomerForm
from projects.services import invitations

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
