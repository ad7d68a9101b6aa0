"""Leaving for good: a person deletes their own account. It concerns every floor, so it stands on the roof."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from accounts.models import User
from accounts.services import check_password
from annotation.services.departures import delete_person
from common.api import StrictSerializer, validated
from common.errors import DomainError, Invalid
from common.http import add_errors, client_address, sent, show_or_send, status_of


class DeletionForm(forms.Form):
    """The name is typed once more; whoever has a password proves who they are."""

    username = forms.CharField(
        label=gettext_lazy("Your user name, to confirm"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    forget_answers = forms.BooleanField(
        label=gettext_lazy("Delete what I told about myself in surveys, too"), required=False
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_usable_password():
            del self.fields["password"]


def _check_name(user: User, name: str) -> None:
    if name != user.username:
        raise Invalid(fields={"username": [_("This is not your user name.")]})


@login_required
@show_or_send
@sensitive_post_parameters("password")
def delete_account(request: HttpRequest) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    form = DeletionForm(sent(request), user=user)
    if form.is_valid():
        try:
            _check_name(user, form.cleaned_data["username"])
            _check_own_password(user, form.cleaned_data.get("password"), client_address(request))
            delete_person(user=User.objects.get(pk=user.pk), forget_answers=form.cleaned_data["forget_answers"])
        except DomainError as fault:
            add_errors(form, fault)
        else:
            logout(request)
            messages.success(request, _("Your account is deleted."))
            return redirect("accounts:login")
    return render(request, "accounts/delete.html", {"form": form}, status=status_of(form))


def _check_own_password(user: User, password: str | None, address: str | None) -> None:
    """Under the same throttle as signing in. `None`: there is none to know."""
    if password is None:
        return
    try:
        check_password(username=user.username, password=password, address=address)
    except Invalid as fault:
        raise Invalid(fields={"password": [_("This is not your password.")]}) from fault


class DeletionIn(StrictSerializer, serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150, help_text="The caller's own, to confirm")
    forget_answers = serializers.BooleanField(default=False)


class DeletionView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]

    @extend_schema(operation_id="me_delete", request=DeletionIn, responses={204: None})
    def post(self, request: ApiRequest) -> Response:
        """Deletes the caller's account; what they judged stays, pseudonymous. 409 for the only admin of a project."""
        values = validated(DeletionIn(data=request.data))
        _check_name(request.user, values["username"])
        delete_person(user=User.objects.get(pk=request.user.pk), forget_answers=values["forget_answers"])
        return Response(status=204)
