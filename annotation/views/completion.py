"""Completion codes, as an admin sets them up and looks them up."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from annotation.selectors.completion import raters_done
from common.errors import DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects.access import ADMIN, ProjectRequest, project_view
from projects.models import Completion
from projects.services import completion as services


class CompletionForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("Code"), choices=Completion.Kind.choices, initial=Completion.Kind.RATER)
    code = forms.CharField(
        label=gettext_lazy("The code for everybody"),
        max_length=60,
        required=False,
        help_text=gettext_lazy("Only where everybody is shown the same, e.g. the one the platform gave you."),
    )
    target = forms.IntegerField(
        label=gettext_lazy("Answers wanted of each rater"),
        min_value=1,
        required=False,
        help_text=gettext_lazy("With so many the code is shown. Empty: when nothing is left for them."),
    )
    url = forms.URLField(
        label=gettext_lazy("Way back to the platform"),
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text=gettext_lazy("Begins with https://; {code} in it becomes the rater's code."),
    )


@show_or_send
@project_view(ADMIN)
def completion(request: ProjectRequest) -> HttpResponse:
    plan = Completion.objects.filter(project=request.project).first()
    known = {name: getattr(plan, name) for name in ("kind", "code", "target", "url")} if plan else None
    form = CompletionForm(sent(request), initial=known)
    if form.is_valid():
        try:
            services.set_completion(project=request.project, actor=request.user, **form.cleaned_data)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Saved."))
            return redirect("annotation:completion", request.project.slug)
    code = request.GET.get("code", "")[:60]
    context = {
        "form": form,
        "plan": plan,
        "code": code,
        "page": page_of(request, raters_done(request.project, code=code)),
        "project": request.project,
        "membership": request.membership,
    }
    return render(request, "annotation/completion.html", context, status=status_of(form))


@require_POST
@project_view(ADMIN)
def remove_completion(request: ProjectRequest) -> HttpResponse:
    services.remove_completion(project=request.project, actor=request.user)
    messages.success(request, _("Nobody is shown a code any more."))
    return redirect("annotation:completion", request.project.slug)
