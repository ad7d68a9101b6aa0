"""The rubric's page: its lines, in their order, and which of them the form asks about."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from annotation.services import aspects as services
from common.errors import Conflict, DomainError
from common.http import add_errors, sent, show_or_send, status_of
from projects.access import ADMIN, ProjectRequest, project_view


class AspectForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    key = forms.CharField(
        label=gettext_lazy("Key"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("What answers call it: lower case, digits and _. Empty: made of the name."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("What raters shall look for, in a sentence or two."),
    )


class WordingForm(AspectForm):
    key = None  # type: ignore[assignment]  # Django's way to take a field out: the key stays, for answers name it


def _show(request: ProjectRequest, form: forms.Form) -> HttpResponse:
    asked = services.asked_aspects(request.project)
    rubric = list(request.project.aspects.all())
    context = {
        "rows": [{"aspect": aspect, "asked": asked.get(aspect.key)} for aspect in rubric],
        "strange": sorted(set(asked) - {aspect.key for aspect in rubric}),
        "form": form,
        "project": request.project,
        "membership": request.membership,
    }
    return render(request, "annotation/aspects.html", context, status=status_of(form))


@show_or_send
@project_view(ADMIN)
def aspects(request: ProjectRequest) -> HttpResponse:
    form = AspectForm(sent(request))
    if form.is_valid():
        try:
            services.add_aspect(project=request.project, actor=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Added."))
            return redirect("annotation:aspects", request.project.slug)
    return _show(request, form)


@show_or_send
@project_view(ADMIN)
def aspect(request: ProjectRequest, aspect_id: int) -> HttpResponse:
    found = services.find_aspect(project=request.project, aspect_id=aspect_id)
    form = WordingForm(sent(request), initial={"name": found.name, "description": found.description})
    if form.is_valid():
        services.change_aspect(project=request.project, aspect_id=aspect_id, actor=request.user, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("annotation:aspects", request.project.slug)
    context = {"aspect": found, "form": form, "project": request.project, "membership": request.membership}
    return render(request, "annotation/aspect.html", context, status=status_of(form))


@require_POST
@project_view(ADMIN)
def move_aspect(request: ProjectRequest, aspect_id: int) -> HttpResponse:
    """Up by one, or down with `down=1`."""
    order = list(request.project.aspects.values_list("pk", flat=True))
    services.find_aspect(project=request.project, aspect_id=aspect_id)
    place = order.index(aspect_id) + (1 if request.POST.get("down") else -1)
    services.move_aspect(project=request.project, aspect_id=aspect_id, place=place)
    return redirect("annotation:aspects", request.project.slug)


@require_POST
@project_view(ADMIN)
def remove_aspect(request: ProjectRequest, aspect_id: int) -> HttpResponse:
    try:
        services.remove_aspect(project=request.project, aspect_id=aspect_id, actor=request.user)
        messages.success(request, _("Removed."))
    except Conflict as fault:
        messages.error(request, fault.detail)
    return redirect("annotation:aspects", request.project.slug)


@require_POST
@project_view(ADMIN)
def aspects_into_form(request: ProjectRequest) -> HttpResponse:
    try:
        made = services.bring_into_form(project=request.project, actor=request.user)
        said = _("Version %(number)s of the form asks about the rubric as it is now.")
        messages.success(request, said % {"number": made.number})
    except DomainError as fault:
        messages.error(request, fault.detail)
    return redirect("annotation:aspects", request.project.slug)
