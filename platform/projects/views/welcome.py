"""Before the first item: the consent and the survey, as an admin writes them and as a rater meets them."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from common.errors import Conflict, DomainError
from common.http import add_errors, local_path, sent, show_or_send, status_of
from projects import questions, selectors
from projects.access import ADMIN, EVERYONE, ProjectRequest, project_view
from projects.forms import ConsentForm, SurveyForm, WithdrawForm
from projects.models import Survey
from projects.services import surveys
from projects.survey_form import AnswersForm


def _normal(text: str) -> str:
    """Browsers send CRLF whatever was typed; an unchanged text must stay the same version."""
    return text.replace("\r\n", "\n")


@show_or_send
@project_view(ADMIN)
def ask(request: ProjectRequest) -> HttpResponse:
    """What raters agree to and are asked; two forms on one page, told apart by the button that was pressed."""
    project = request.project
    consent, survey = selectors.consent_in_force(project), selectors.survey_in_force(project)
    of_consent = "consent" in request.POST
    consent_form = ConsentForm(request.POST if of_consent else None, initial={"text": consent.text if consent else ""})
    given = {"questions": questions.as_text(survey.questions) if survey else ""}
    survey_form = SurveyForm(sent(request) if not of_consent else None, initial=given)
    form: Any = consent_form if of_consent else survey_form
    if form.is_valid():
        try:
            if of_consent:
                surveys.set_consent(project=project, text=_normal(form.cleaned_data["text"]), actor=request.user)
            else:
                asked = questions.read_questions(form.cleaned_data["questions"])
                surveys.set_survey(project=project, questions=asked, actor=request.user)
        except DomainError as fault:
            add_errors(form, fault)
        else:
            messages.success(request, _("Saved. Raters meet it before their next item."))
            return redirect("projects:ask", project.slug)
    context = {
        "consent_form": consent_form,
        "survey_form": survey_form,
        "consent": consent,
        "survey": survey,
        "preview": AnswersForm(survey=survey) if survey else None,
        "counts": selectors.survey_counts(project, survey) if survey else None,
        "agreed": consent.agreements.filter(withdrawn_at=None).count() if consent else 0,
    }
    return render(request, "projects/ask.html", context, status=status_of(consent_form, survey_form))


@show_or_send
@project_view(EVERYONE)
def welcome(request: ProjectRequest) -> HttpResponse:
    """What a rater agrees to and tells, before the first item or later again; `next` says where they were going."""
    member, project = request.membership, request.project
    consent, survey = selectors.consent_in_force(project), selectors.survey_in_force(project)
    form = _answers_form(request, survey)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            if consent is not None and request.POST.get("consent") == str(consent.number):
                surveys.agree(member=member, number=consent.number)
            elif consent is not None and member.consent_due:
                raise Conflict(_("Agree to the text to go on, or leave the project."), code="not-agreed")
            if form is not None and survey is not None:
                surveys.answer(member=member, number=survey.number, values=form.answers())
        except DomainError as fault:
            return _show_welcome(request, consent, form, fault.detail, fault.status)
        messages.success(request, _("Thank you."))
        onward = local_path(request.GET.get("next"), "")
        return redirect(onward) if onward else redirect("projects:overview", project.slug)
    return _show_welcome(request, consent, form)


def _answers_form(request: ProjectRequest, survey: Survey | None) -> AnswersForm | None:
    if survey is None:
        return None
    return AnswersForm(sent(request), survey=survey, given=selectors.told(request.membership))


def _show_welcome(
    request: ProjectRequest, consent: Any, form: AnswersForm | None, refused: str = "", status: int = 200
) -> HttpResponse:
    context = {"consent": consent, "form": form, "refused": refused, "withdraw_form": WithdrawForm()}
    shown = max(status, status_of(form)) if form else status
    return render(request, "projects/welcome.html", context, status=shown)


@require_POST
@project_view(EVERYONE)
def withdraw(request: ProjectRequest) -> HttpResponse:
    try:
        surveys.withdraw(member=request.membership, forget_answers="forget" in request.POST)
        messages.success(request, _("You agree no longer, and are given nothing. What you judged stays."))
    except Conflict as fault:
        messages.error(request, fault.detail)
    return redirect("projects:welcome", request.project.slug)
