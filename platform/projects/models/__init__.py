"""A project, its people, its guideline and its rubric: one file a subject."""

from projects.models.people import Invitation, Membership, OpenLink, Participant, Role
from projects.models.project import Aspect, Guideline, Project

__all__ = ["Aspect", "Guideline", "Invitation", "Membership", "OpenLink", "Participant", "Project", "Role"]
