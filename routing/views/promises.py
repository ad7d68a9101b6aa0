"""What the router promises: researchers read it, admins say what is wanted, ask for it, and close alarms."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.protocols import Content, Shown, protocol
from annotation.services.forms import current_form
from common.errors import DomainError
from common.http import add_errors, sent, show_or_send, status_of
from common.said import said
from projects.access import ADMIN, RESEARCH, ProjectRequest, project_view
from projects.models import Project
from routing import promise_words as words
from routing import tasks
from routing.forms import TermsForm
from routing.models import Alarm
from routing.selectors import promises as selectors
from routing.services import promises as services
from routing.services.alarms import close_alarm
from routing.services.certificates import terms_of
from routing.services.drift import WORDS


@require_safe
@project_view(RESEARCH)
def promises(request: ProjectRequest) -> HttpResponse:
    view = selectors.promises(request.project)
    names = (_("At most"), _("Seen"), _("At least"), _("Allowed"))
    context = {
        "view": view,
        "held": [(one, words.statement(one), words.conditions(one)) for one in view.held],
        "alarms": [
            (one, said(WORDS.get(one.subject, one.subject)), words.WHAT_TO_DO[Alarm.Kind(one.kind)])
            for one in view.alarms
        ],
        "audits": [(one, words.audit_statement(one), selectors.course(one, names)) for one in view.audits],
        "gate": view.gate and words.gate_statement(view.gate),
        "drift": [(one, said(WORDS.get(one.subject, one.subject))) for one in view.drift],
        "shares": _figures(view.shares, _answers(request.project)),
        "wins": _figures(view.wins, {one.subject: one.subject.partition("=")[2] for one in view.wins}),
    }
    return render(request, "routing/promises.html", context)


def _figures(rows: Any, names: dict[str, str]) -> dict[str, Any]:
    return {"rows": [(one, names.get(one.subject, one.subject)) for one in rows], "bars": selectors.bars(rows, names)}


def _answers(project: Project) -> dict[str, str]:
    """Subject of a share → the answer in words, responses going by their letters in the order of the item."""
    content = Content((Shown(0, "A"), Shown(1, "B")))
    fields = [(field["name"], protocol(field["protocol"])) for field in current_form(project=project).fields]
    several = len(fields) > 1
    return {
        f"{name}={answer}": f"{name}: {text}" if several else text
        for name, plug in fields
        for answer in plug.outcomes
        if (text := plug.outcome_in_words(answer, content))
    }


@show_or_send
@project_view(ADMIN)
def terms(request: ProjectRequest) -> HttpResponse:
    known = terms_of(request.project)
    start = {name: getattr(known, name) for name in TermsForm.base_fields}
    form = TermsForm(sent(request), initial=start)
    if form.is_valid():
        try:
            services.set_terms(project=request.project, by=request.user, **form.cleaned_data)
            services.ask(project=request.project)
        except DomainError as fault:
            if fault.code != "judge-missing":
                add_errors(form, fault)
        if not form.errors:
            tasks.ring_promises(request.project.pk)
            messages.success(request, _("That is what the project wants to be promised from now on."))
            return redirect("routing:promises", request.project.slug)
    return render(request, "routing/promise_terms.html", {"form": form}, status=status_of(form))


def _asked(request: ProjectRequest, *, certify: bool, told: str) -> HttpResponse:
    try:
        services.ask(project=request.project, certify=certify, by=request.user)
    except DomainError as fault:
        messages.error(request, said(fault.detail))
    else:
        tasks.ring_promises(request.project.pk)
        messages.success(request, told)
    return redirect("routing:promises", request.project.slug)


@require_POST
@project_view(ADMIN)
def certify(request: ProjectRequest) -> HttpResponse:
    return _asked(request, certify=True, told=_("Certificates are made of what the calibration sample has by now."))


@require_POST
@project_view(RESEARCH)
def check(request: ProjectRequest) -> HttpResponse:
    return _asked(request, certify=False, told=_("The promises are brought up to date."))


@require_POST
@project_view(ADMIN)
def alarm_close(request: ProjectRequest, alarm_id: int) -> HttpResponse:
    close_alarm(alarm=selectors.alarm_of(request.project, alarm_id), by=request.user)
    messages.success(request, _("The alarm is closed."))
    return redirect("routing:promises", request.project.slug)
