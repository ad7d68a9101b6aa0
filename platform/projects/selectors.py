"""Reads about projects and their people."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import AuditEvent, User
from projects.changes import Change, changes
from projects.models import (
    Consent,
    Guideline,
    Invitation,
    Membership,
    OpenLink,
    Participant,
    Project,
    Survey,
    SurveyAnswer,
)
from projects.services.projects import subject
from projects.small_cells import LEAST, as_cell, too_rare


@dataclass(frozen=True)
class QuestionCounts:
    """One question's answers: (answer, how many), how many said nothing, and how many are withheld, being too few."""

    label: str
    answers: tuple[tuple[str, int], ...]
    not_said: int
    withheld: int


@dataclass(frozen=True)
class SurveyCounts:
    """`questions` is empty while there are fewer respondents than may be told of."""

    respondents: int
    questions: tuple[QuestionCounts, ...]


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's memberships with their projects, by name, archived ones last."""
    return user.memberships.select_related("project").order_by("project__state", "project__name", "pk")


def members(project: Project) -> QuerySet[Membership]:
    return project.memberships.select_related("user", "participant").order_by("role", "user__username")


def standing_invitations(project: Project) -> QuerySet[Invitation]:
    """Those that can still be used, newest first."""
    usable = project.invitations.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())
    return usable.select_related("created_by")


def open_links(project: Project) -> QuerySet[OpenLink]:
    """Those that have not been taken back, newest first; also full ones, and ones whose time is over."""
    return project.open_links.filter(revoked_at=None).select_related("created_by")


def participant_of(member: Membership) -> Participant | None:
    """How somebody came in by an open link, if they did. Private to admins."""
    return Participant.objects.select_related("link").filter(member=member).first()


def consent_in_force(project: Project) -> Consent | None:
    return project.consents.filter(number=project.consent_number).first() if project.consent_number else None


def survey_in_force(project: Project) -> Survey | None:
    return project.surveys.filter(number=project.survey_number).first() if project.survey_number else None


def told(member: Membership) -> dict[str, Any]:
    """What a member has told about themselves, for their own eyes; empty where nothing."""
    newest = SurveyAnswer.objects.filter(respondent__member=member).first()
    return dict(newest.values) if newest else {}


def newest_answers(project: Project) -> list[SurveyAnswer]:
    """Of every respondent the answers that count, those who were deleted or have left included; in no order of time."""
    newest = SurveyAnswer.objects.filter(respondent=OuterRef("respondent")).order_by("-pk")
    rows = SurveyAnswer.objects.filter(respondent__project=project, pk=Subquery(newest.values("pk")[:1]))
    return list(rows.select_related("respondent__member").order_by("respondent__pseudonym"))


def survey_counts(project: Project, survey: Survey) -> SurveyCounts:
    """How often each answer was given; too few of a kind are put together (projects/small_cells.py)."""
    rows = [row.values for row in newest_answers(project)]
    if len(rows) < LEAST:
        return SurveyCounts(len(rows), ())
    return SurveyCounts(len(rows), tuple(_counted(question, rows) for question in survey.questions))


def _counted(question: dict[str, Any], rows: list[dict[str, Any]]) -> QuestionCounts:
    values = [as_cell(row.get(question["name"])) for row in rows]
    if question["kind"] == "text":
        values = ["…" if value is not None else None for value in values]
    rare = too_rare(values)
    counts = Counter(value for value in values if value not in rare)
    shown = sorted(((value, count) for value, count in counts.items() if value is not None), key=lambda one: -one[1])
    withheld = sum(value in rare for value in values)
    return QuestionCounts(question["label"], tuple(shown), counts.get(None, 0), withheld)


def newest_guideline(project: Project) -> Guideline | None:
    return project.guidelines.first()


def guideline_changes(old: Guideline | None, new: Guideline | None) -> tuple[Change, ...]:
    """What is not in the one as it is in the other, paragraph by paragraph; nothing where one is missing."""
    return changes(old.text, new.text) if old and new else ()


def guideline_before(shown: Guideline, since: int | None = None) -> Guideline | None:
    """The version to compare `shown` with: number `since`, else the one before it."""
    earlier = Guideline.objects.filter(project=shown.project_id)
    if since is not None:
        return earlier.filter(number=since).exclude(pk=shown.pk).first()
    return earlier.filter(number__lt=shown.number).order_by("-number").first()


def events(project: Project) -> QuerySet[AuditEvent]:
    """What happened in a project that matters for security, newest first."""
    return AuditEvent.objects.filter(subject=subject(project)).select_related("actor")
