"""Sending to people what a judge has kept: researchers see how far it has come, admins order, stop and take up."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from common import configs
from common.errors import DomainError
from common.http import add_errors, page_of, sent, show_or_send, status_of
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from projects.models import Project
from routing import tasks
from routing.models import Escalation
from routing.selectors.escalations import escalation_of
from routing.services import escalations
from routing.services.escalations import Criteria


class EscalationForm(forms.Form):
    """What is left empty asks for nothing."""

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(configs.form_fields(Criteria))
        for name, nobody in (("judge", _("Any judge")), ("second", _("Not asked for"))):
            asked = self.fields[name]
            self.fields[name] = forms.ModelChoiceField(
                project.judges.order_by("name"),
                required=False,
                label=asked.label,
                help_text=asked.help_text,
                empty_label=nobody,
            )

    def criteria(self) -> dict[str, Any]:
        chosen = {name: getattr(value, "pk", value) for name, value in self.cleaned_data.items()}
        return configs.read(Criteria, chosen)


@require_safe
@project_view(RESEARCH)
def escalations_page(request: ProjectRequest) -> HttpResponse:
    page = page_of(request, request.project.escalations.select_related("created_by"))
    names = {judge.pk: judge.name for judge in request.project.judges.all()}
    rows = [(one, _in_words(one, names)) for one in page]
    return render(request, "routing/escalations.html", {"page": page, "rows": rows})


def _in_words(escalation: Escalation, names: dict[int, str]) -> list[tuple[str, str]]:
    given = escalation.criteria
    named = given | {key: names.get(given[key], given[key]) for key in ("judge", "second") if key in given}
    called = configs.form_fields(Criteria)
    return [(str(called[name].label), configs.in_words(value)) for name, value in named.items()]


@show_or_send
@project_view(ADMIN)
def escalation_new(request: ProjectRequest) -> HttpResponse:
    form = EscalationForm(sent(request), project=request.project)
    if form.is_valid():
        try:
            made = escalations.order(project=request.project, criteria=form.criteria(), by=request.user)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            tasks.ring_escalation(made.pk)
            said = ngettext("%(n)d item is looked at.", "%(n)d items are looked at.", made.items)
            messages.success(request, said % {"n": made.items})
            return redirect("routing:escalations", request.project.slug)
    return render(request, "routing/escalation_new.html", {"form": form}, status=status_of(form))


def _change(request: ProjectRequest, escalation_id: int, change: Callable[..., None], done: str) -> HttpResponse:
    found = escalation_of(request.project, escalation_id)
    try:
        change(escalation=found, by=request.user)
    except DomainError as fault:
        messages.error(request, fault.detail)
    else:
        tasks.ring_escalation(found.pk)
        messages.success(request, done)
    return redirect("routing:escalations", request.project.slug)


@require_POST
@project_view(ADMIN)
def escalation_stop(request: ProjectRequest, escalation_id: int) -> HttpResponse:
    return _change(request, escalation_id, escalations.stop, _("Nothing further is asked; what was asked stays."))


@require_POST
@project_view(ADMIN)
def escalation_take_up(request: ProjectRequest, escalation_id: int) -> HttpResponse:
    return _change(request, escalation_id, escalations.take_up, _("It goes on where it was."))
