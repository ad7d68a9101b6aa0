"""A project in five minutes: made of a preset, with people as its judges. It concerns every floor, so it is up here."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import ApiRequest, TokenScope
from accounts.models import User
from annotation.presets import Preset, offered, plain, preset
from annotation.services.founding import found_project
from common.api import Pages, StrictSerializer, known_parameters, paged, validated
from common.errors import DomainError, NotFound
from common.http import add_errors, sent, show_or_send, status_of
from projects.access import ADMIN, ProjectRequest, project_view
from projects.models import Project
from projects.serializers.project import ProjectOut
from projects.services.projects import change_settings
from routing.services.plans import set_plan


@transaction.atomic
def found(*, actor: User, chosen: Preset, name: str, description: str = "") -> Project:
    """The project, with the plan that every item goes to people; judges come in where the admin wants them."""
    project = found_project(actor=actor, preset=chosen, name=name, description=description)
    set_plan(project=project, policy="all_human", config={}, created_by=actor)
    return project


class FoundingForm(forms.Form):
    preset = forms.ChoiceField(label=gettext_lazy("What raters do"), widget=forms.RadioSelect)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What the feedback is for, in a sentence or two. Every member sees it."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["preset"]
        choices.choices = [(one.key, one.title) for one in offered()]


@login_required
@show_or_send
def create(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.may_create_projects:
        raise NotFound
    form = FoundingForm(sent(request))
    if form.is_valid():
        data = form.cleaned_data
        try:
            project = found(
                actor=user, chosen=preset(data["preset"]), name=data["name"], description=data["description"]
            )
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("The project is made. It rests until you start it."))
            return redirect("projects:overview", project.slug)
    context = {"form": form, "presets": offered(), "chosen": form["preset"].value()}
    return render(request, "projects/create.html", context, status=status_of(form))


@require_POST
@project_view(ADMIN)
def start(request: ProjectRequest) -> HttpResponse:
    """Gives items out from now on."""
    change_settings(project=request.project, actor=request.user, state=Project.State.ACTIVE)
    messages.success(request, _("Started: raters are given items from now on."))
    return redirect("projects:overview", request.project.slug)


class PresetOut(serializers.Serializer[Any]):
    """`fields`: the form it makes; `needs`: what its items must have; `like`: who asked so."""

    key = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    needs = serializers.CharField()
    like = serializers.CharField()
    overlap = serializers.IntegerField()
    form_fields = serializers.SerializerMethodField()

    def get_form_fields(self, one: Preset) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = plain(one.fields)
        return made


class FoundingIn(StrictSerializer, serializers.Serializer[Any]):
    preset = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(allow_blank=True, default="")


class PresetsView(APIView):
    permission_classes = [IsAuthenticated, TokenScope]
    pagination_class = Pages

    @extend_schema(operation_id="presets_list", responses=PresetOut(many=True))
    def get(self, request: ApiRequest) -> Response:
        """Ways to begin a project."""
        known_parameters(request, set())
        rows: Any = offered()
        return paged(self, rows, PresetOut)

    @extend_schema(operation_id="presets_found", request=FoundingIn, responses={201: ProjectOut})
    def post(self, request: ApiRequest) -> Response:
        """A project made of a preset, the caller its admin. It is paused: PATCH its `state` to start it."""
        if not request.user.may_create_projects:
            raise NotFound  # asked before the body is looked at
        values = validated(FoundingIn(data=request.data))
        made = found(
            actor=request.user,
            chosen=preset(values["preset"]),
            name=values["name"],
            description=values["description"],
        )
        return Response(ProjectOut(made, context={"roles": {made.pk: "admin"}}).data, status=201)
