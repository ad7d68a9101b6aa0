"""Changing items that are there already: their priority, and for whom they are. Slots that are out follow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Case, F, PositiveIntegerField, Value, When
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Item, Lane, Slot
from annotation.services.items import PRIORITIES
from annotation.services.lanes import Wanted, number_of
from common.errors import Conflict, Invalid
from projects.models import Project

LIMIT = 50_000
CHANGES = ("priority", "language", "cohort", "topic")


@transaction.atomic
def change_items(*, project: Project, item_ids: Sequence[int], by: User, **changes: Any) -> int:
    """Changes those of CHANGES that are given for these items of the project; returns how many. "" asks for nobody in
    particular. Raises Invalid, Conflict where there are too many."""
    if unknown := set(changes) - set(CHANGES):
        raise Invalid(_("No such setting."), fields={name: [_("There is no such setting.")] for name in unknown})
    if len(item_ids) > LIMIT:
        raise Conflict(_("At most %d items at once; choose fewer.") % LIMIT, code="too-many")
    priority = changes.pop("priority", None)
    if priority is not None and not -PRIORITIES <= priority <= PRIORITIES:
        raise Invalid(_("Some settings are not valid."), fields={"priority": [_("From -1000 to 1000.")]})
    items = Item.objects.filter(project=project, pk__in=item_ids)
    waiting = Slot.objects.filter(item__in=item_ids, project=project, state__in=["open", "leased"])
    if priority is not None:
        items.update(priority=priority)
        waiting.update(priority=priority)
    if changes:
        _move(project, items, waiting, changes)
    said = {"priority": priority} if priority is not None else {}
    subject = f"project:{project.slug}"
    audit(actor=by, kind="items.changed", subject=subject, items=len(item_ids), changes=said | changes)
    return len(item_ids)


def _move(project: Project, items: Any, waiting: Any, changes: dict[str, str]) -> None:
    """Moves items from each lane they are in to the one that the changes make of it."""
    lanes = {
        lane.number: Wanted(lane.language, lane.cohort, lane.topic) for lane in Lane.objects.filter(project=project)
    }
    moves = {}
    for number in list(items.order_by().values_list("lane", flat=True).distinct()):
        moves[number] = number_of(project=project, wanted=replace(lanes.get(number, Wanted()), **changes))
    # All keys at once: an item moved from 1 to 2 must not be moved on from 2.
    whens = [When(lane=old, then=Value(new)) for old, new in moves.items()]
    cases = Case(*whens, default=F("lane"), output_field=PositiveIntegerField())
    if moves:
        items.update(lane=cases)
        waiting.update(lane=cases)
