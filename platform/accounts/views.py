"""Signing in and out, and a person's own account."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import selectors, services
from accounts.forms import NameForm, PasswordForm, SignInForm, TokenForm
from accounts.languages import known_language, remember
from accounts.models import User
from accounts.throttle import TooManyTries
from common.errors import DomainError, Invalid, NotFound
from common.http import add_errors, client_address, local_path, sent, show_or_send, status_of

BACKEND = "django.contrib.auth.backends.ModelBackend"


class PersonRequest(HttpRequest):
    """A request of somebody signed in."""

    user: User


def _after_sign_in(request: HttpRequest) -> str:
    return local_path(request.GET.get("next"), reverse("projects:home"))


@show_or_send
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(_after_sign_in(request))
    form = SignInForm(sent(request))
    status = status_of(form)
    if form.is_valid():
        address = client_address(request)
        try:
            user = services.check_password(**form.cleaned_data, address=address)
        except (Invalid, TooManyTries) as fault:
            add_errors(form, fault)
            status = fault.status
        else:
            login(request, user, backend=BACKEND)
            services.audit(actor=user, kind="sign-in", subject=f"user:{user.username}", address=address)
            return redirect(_after_sign_in(request))
    return render(request, "accounts/sign_in.html", {"form": form}, status=status)


@show_or_send
def link(request: HttpRequest, link_secret: str) -> HttpResponse:
    """Looking does not spend a link, for mail and chat programs look at every address; pressing the button does."""
    if request.method != "POST":
        found = services.find_sign_in_link(secret=link_secret)
        return render(request, "accounts/link.html", {"person": found.user})
    user = services.use_sign_in_link(secret=link_secret, address=client_address(request))
    login(request, user, backend=BACKEND)
    return redirect(_after_sign_in(request))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        user = request.user
        services.audit(actor=user, kind="sign-out", subject=f"user:{user.username}", address=client_address(request))
    logout(request)
    return redirect("accounts:login")


@login_required
@show_or_send
def account(request: PersonRequest) -> HttpResponse:
    # A copy: the page's head must not show a name that was refused.
    form = NameForm(sent(request), instance=User.objects.get(pk=request.user.pk))
    if form.is_valid():
        form.save()
        translation.activate(form.instance.language or request.LANGUAGE_CODE)
        messages.success(request, _("Saved."))
        response = redirect("accounts:account")
        remember(response, form.instance.language)
        return response
    return render(request, "accounts/account.html", {"form": form}, status=status_of(form))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Changes the language of this browser, and of whoever is signed in."""
    code = known_language(request.POST.get("language", ""))
    if isinstance(request.user, User):
        services.set_language(user=request.user, language=code)
    response = redirect(local_path(request.POST.get("next"), reverse("projects:home")))
    remember(response, code)
    return response


@login_required
@show_or_send
@sensitive_post_parameters("old", "password")
def password(request: PersonRequest) -> HttpResponse:
    form = PasswordForm(sent(request), user=request.user)
    if form.is_valid():
        try:
            _change_password(request, form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Your password is changed. Other sessions and all API tokens have ended."))
            return redirect("accounts:account")
    return render(request, "accounts/password.html", {"form": form}, status=status_of(form))


def _change_password(request: PersonRequest, data: dict[str, Any]) -> None:
    user, address = request.user, client_address(request)
    if "old" in data:
        try:
            services.check_password(username=user.username, password=data["old"], address=address)
        except Invalid as fault:
            raise Invalid("", fields={"old": [_("This is not your password.")]}) from fault
    services.set_password(user=user, password=data["password"], address=address)
    login(request, user, backend=BACKEND)  # this browser goes on, under a new session key


@login_required
@show_or_send
def tokens(request: PersonRequest) -> HttpResponse:
    form = TokenForm(sent(request))
    secret = None
    if form.is_valid():
        _, secret = services.make_token(user=request.user, address=client_address(request), **form.cleaned_data)
        form = TokenForm()
    found = selectors.live_tokens(request.user)
    context = {"form": form, "tokens": found, "secret": secret}
    return render(request, "accounts/tokens.html", context, status=status_of(form))


@login_required
@require_POST
def revoke_token(request: PersonRequest, token_id: int) -> HttpResponse:
    services.revoke_token(user=request.user, token_id=token_id, address=client_address(request))
    messages.success(request, _("The token has ended."))
    return redirect("accounts:tokens")


@login_required
@require_POST
def sign_out_everywhere(request: PersonRequest) -> HttpResponse:
    services.sign_out_everywhere(user=request.user, address=client_address(request))
    logout(request)
    messages.success(request, _("You are signed out everywhere, and your API tokens have ended."))
    return redirect("accounts:login")


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Operators sign in where everybody does, so that one throttle and one log cover both."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise NotFound
    target = local_path(request.GET.get("next"), reverse("admin:index"))
    if request.user.is_authenticated:
        return redirect(target)
    return redirect_to_login(target)
