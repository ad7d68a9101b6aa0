"""A project, its people, its guideline and rubric, and what raters tell about themselves: one file a subject."""

from projects.models.completion import Completion
from projects.models.people import Invitation, Membership, OpenLink, Participant, Role
from projects.models.project import Aspect, Guideline, Project
from projects.models.survey import Agreement, Consent, Respondent, Survey, SurveyAnswer

__all__ = [
    "Agreement",
    "Aspect",
    "Completion",
    "Consent",
    "Guideline",
    "Invitation",
    "Membership",
    "OpenLink",
    "Participant",
    "Project",
    "Respondent",
    "Role",
    "Survey",
    "SurveyAnswer",
]
