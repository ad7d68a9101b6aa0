"""Reads of escalations: what a judge had kept and people were sent after all."""

from common.errors import NotFound
from projects.models import Project
from routing.models import Escalation


def escalation_of(project: Project, escalation_id: int) -> Escalation:
    found = project.escalations.select_related("project").filter(pk=escalation_id).first()
    if found is None:
        raise NotFound
    return found
