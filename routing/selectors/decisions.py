"""Reads of the router's words on items."""

from django.db.models import QuerySet

from common.errors import NotFound
from projects.models import Project
from routing.models import Decision


def decisions(project: Project, *, route: str | None = None, item: str | None = None) -> QuerySet[Decision]:
    """Newest first; `item`: an item's external id."""
    found = Decision.objects.filter(item__project=project).select_related("item", "plan").order_by("-pk")
    found = found.filter(route=route) if route else found
    return found.filter(item__external_id=item) if item else found


def decision_of(project: Project, decision_id: int) -> Decision:
    found = decisions(project).filter(pk=decision_id).select_related("item__prompt", "plan__judge").first()
    if found is None:
        raise NotFound
    return found
