"""Which items a change is for: one, or all that the filters of the list find."""

from annotation.models import Item
from annotation.selectors.listing import Filters, filtered
from projects.models import Project


def chosen(*, project: Project, filters: Filters, item: int | None = None, most: int) -> list[int]:
    """Ids of at most `most` items, withdrawn ones aside, oldest first."""
    found = filtered(project, filters).exclude(state=Item.State.VOID).order_by("pk")
    if item is not None:
        found = found.filter(pk=item)
    return list(found.values_list("pk", flat=True)[:most])
