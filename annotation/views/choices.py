"""What somebody wants to be given in a project: among the languages and topics that its items are in."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.errors import DomainError
from common.http import add_errors, sent, show_or_send, status_of
from projects.access import EVERYONE, ProjectRequest, project_view
from projects.models import Membership
from projects.services.members import choose


class ChoicesForm(forms.Form):
    """Both lists may stay empty, which stands for all."""

    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages you read well"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None stands for all."),
    )
    topics = forms.MultipleChoiceField(
        label=gettext_lazy("Topics you want"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None stands for all."),
    )

    def __init__(self, *args: Any, member: Membership, **kwargs: Any) -> None:
        """What was chosen before stays on offer; a list with nothing to choose from is left out."""
        own = {"languages": member.languages, "topics": member.topics}
        kwargs["initial"] = own
        super().__init__(*args, **kwargs)
        lanes = member.project.lanes.values_list("language", "topic")
        there = {"languages": {row[0] for row in lanes}, "topics": {row[1] for row in lanes}}
        for name, chosen in own.items():
            offered = sorted((there[name] | set(chosen)) - {""}, key=str.casefold)
            field: Any = self.fields[name]
            field.choices = [(one, one) for one in offered]
            if not offered:
                del self.fields[name]


@show_or_send
@project_view(EVERYONE)
def choices(request: ProjectRequest) -> HttpResponse:
    form = ChoicesForm(sent(request), member=request.membership)
    if form.is_valid():
        try:
            choose(member=request.membership, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Saved."))
            return redirect("annotation:choices", request.project.slug)
    context = {"form": form, "project": request.project, "membership": request.membership}
    return render(request, "annotation/choices.html", context, status=status_of(form))
