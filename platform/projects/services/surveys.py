"""Consent and survey: asked once before the first item, again where the consent changes; apart from judgments."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from common.errors import Conflict, Invalid, NotFound
from projects.models import Agreement, Consent, Membership, Project, Respondent, Survey, SurveyAnswer
from projects.questions import check_answers, check_questions
from projects.services.projects import subject

MAX_CHARACTERS = 50_000
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@transaction.atomic
def set_consent(*, project: Project, text: str, actor: User | None) -> Consent | None:
    """The next version, which everybody is asked anew; a blank text asks nobody. The same text changes nothing."""
    if len(text) > MAX_CHARACTERS:
        said = _("At most %(most)s characters.") % {"most": MAX_CHARACTERS}
        raise Invalid(fields={"text": [said]})
    fresh = Project.objects.select_for_update().get(pk=project.pk)
    made = None
    if text.strip():
        made = fresh.consents.filter(number=fresh.consent_number or 0).first()
        if made is None or made.text != text:
            number = (fresh.consents.aggregate(top=Max("number"))["top"] or 0) + 1
            made = Consent.objects.create(project=fresh, number=number, text=text, created_by=actor)
    _put_in_force(fresh, actor, "consent_number", made.number if made else None)
    project.consent_number = fresh.consent_number
    return made


@transaction.atomic
def set_survey(*, project: Project, questions: object, actor: User | None) -> Survey | None:
    """The next version; an empty list asks nobody. Whoever was asked before is not asked again. Raises Invalid."""
    checked = check_questions(questions)
    fresh = Project.objects.select_for_update().get(pk=project.pk)
    made = None
    if checked:
        made = fresh.surveys.filter(number=fresh.survey_number or 0).first()
        if made is None or made.questions != checked:
            number = (fresh.surveys.aggregate(top=Max("number"))["top"] or 0) + 1
            made = Survey.objects.create(project=fresh, number=number, questions=checked, created_by=actor)
    _put_in_force(fresh, actor, "survey_number", made.number if made else None)
    project.survey_number = fresh.survey_number
    return made


def _put_in_force(project: Project, actor: User | None, field: str, number: int | None) -> None:
    if getattr(project, field) != number:
        setattr(project, field, number)
        project.save(update_fields=[field])
        kind = "consent-changed" if field == "consent_number" else "survey-changed"
        audit(actor=actor, kind=kind, subject=subject(project), number=number)


@transaction.atomic
def agree(*, member: Membership, number: int) -> Membership:
    """The member agrees to the consent in force. Raises Conflict where it is another than `number` by now."""
    fresh = Membership.objects.select_for_update(of=("self",)).select_related("project").get(pk=member.pk)
    if fresh.project.consent_number is None or fresh.project.consent_number != number:
        raise Conflict(_("The consent has changed. Read it again."), code="consent-changed")
    if fresh.consent_number != number:
        consent = fresh.project.consents.get(number=number)
        Agreement.objects.create(consent=consent, member=fresh)
        fresh.consent_number = number
        fresh.save(update_fields=["consent_number"])
    return fresh


@transaction.atomic
def withdraw(*, member: Membership, forget_answers: bool = False) -> Membership:
    """The member agrees no longer: they are given nothing until they do. Their judgments stay; raises Conflict."""
    fresh = Membership.objects.select_for_update(of=("self",)).select_related("project").get(pk=member.pk)
    if fresh.consent_number is None:
        raise Conflict(_("There is no agreement of yours to withdraw."), code="nothing-agreed")
    fresh.agreements.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())
    fresh.consent_number = None
    fresh.save(update_fields=["consent_number"])
    if forget_answers:
        forget(member=fresh)
    return fresh


def forget(*, member: Membership) -> None:
    """Deletes what a member told about themselves. They may be asked again."""
    Respondent.objects.filter(member=member).delete()
    Membership.objects.filter(pk=member.pk).update(survey_number=None)


def _respondent(member: Membership) -> Respondent:
    """Theirs, or a new one under a pseudonym that has nothing to do with the one they judge under."""
    found = Respondent.objects.filter(member=member).first()
    while found is None:
        try:
            with transaction.atomic():
                name = f"S-{get_random_string(10, LETTERS)}"
                found = Respondent.objects.create(project_id=member.project_id, member=member, pseudonym=name)
        except IntegrityError:
            found = Respondent.objects.filter(member=member).first()
    return found


@transaction.atomic
def answer(*, member: Membership, number: int, values: Any) -> Membership:
    """Keeps what a member tells about themselves; what is left open is kept as not said.

    Raises NotFound where there is no survey, Conflict where it is another than `number` by now, Invalid by question.
    """
    fresh = Membership.objects.select_for_update(of=("self",)).select_related("project").get(pk=member.pk)
    if fresh.project.survey_number is None:
        raise NotFound
    if fresh.project.survey_number != number:
        raise Conflict(_("The survey has changed. Look at it again."), code="survey-changed")
    survey = fresh.project.surveys.get(number=number)
    checked = check_answers(survey.questions, values)
    SurveyAnswer.objects.create(respondent=_respondent(fresh), survey=survey, values=checked)
    fresh.survey_number = number
    fresh.save(update_fields=["survey_number"])
    return fresh
