"""Which items a change is for: one, or all that a filter of the list finds."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.models import Flag, Item
from common.errors import BadRequest
from projects.models import Project


@dataclass(frozen=True)
class Filter:
    """As the list of items has it. `search`: how the external id begins; `flagged`: with an open flag."""

    state: str = ""
    search: str = ""
    flagged: bool = False
    item: int | None = None


def chosen(*, project: Project, wanted: Filter, most: int) -> list[int]:
    """Ids of at most `most` items, withdrawn ones aside, oldest first. Raises BadRequest for an unknown state."""
    if wanted.state and wanted.state not in Item.State.values:
        known = ", ".join(Item.State.values)
        raise BadRequest(_("Unknown state."), fields={"state": [_("Must be one of %(known)s.") % {"known": known}]})
    found = Item.objects.filter(project=project).exclude(state=Item.State.VOID).order_by("pk")
    if wanted.item is not None:
        found = found.filter(pk=wanted.item)
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.search:
        found = found.filter(external_id__startswith=wanted.search)
    if wanted.flagged:
        open_flags = Flag.objects.filter(item__project=project, resolved_at=None)
        found = found.filter(pk__in=open_flags.values("item"))
    return list(found.values_list("pk", flat=True)[:most])
