"""How many people are asked about items that are out already: raised by new slots, lowered by withdrawing open ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Item, Slot
from annotation.services.holds import lock_all
from annotation.services.items import open_slots, void_slots
from annotation.watch import overlap_of
from common.errors import Conflict, Invalid
from projects.models import Project
from routing.models import Decision
from routing.services import budgets
from routing.services.budgets import Room
from routing.services.decisions import buy, price

BATCH = 100
MOST = 50
LIMIT = 5000
"""Items changed in one go."""


@dataclass(frozen=True)
class Changed:
    """What became of it. `left`: items not reached, because the budget has no room for more people."""

    items: int = 0
    opened: int = 0
    withdrawn: int = 0
    left: int = 0


class _Spent(Exception):
    """The budget has no room for another slot."""


def set_overlap(*, project: Project, item_ids: Sequence[int], people: int | None, by: User) -> Changed:
    """Asks `people` about each of these items from now on; None: as many as the project has it.

    Never fewer than have answered or hold the item. What the router has not seen yet only keeps the number; what went
    to no people, is withdrawn, or has a known answer, is passed over. Raises Invalid.
    """
    if people is not None and not 1 <= people <= MOST:
        raise Invalid(_("From 1 to 50 people."), fields={"people": [_("Must be a whole number from 1 to 50.")]})
    if len(item_ids) > LIMIT:
        raise Conflict(_("At most %d items at once; choose fewer.") % LIMIT, code="too-many")
    done, opened, withdrawn = 0, 0, 0
    for start in range(0, len(item_ids), BATCH):
        for item_id in sorted(item_ids)[start : start + BATCH]:
            try:
                with transaction.atomic():
                    more, fewer = _change(project, item_id, people)
            except _Spent:
                return _said(project, by, people, Changed(done, opened, withdrawn, len(item_ids) - done))
            done, opened, withdrawn = done + 1, opened + more, withdrawn + fewer
    return _said(project, by, people, Changed(done, opened, withdrawn))


def _said(project: Project, by: User, people: int | None, changed: Changed) -> Changed:
    subject = f"project:{project.slug}"
    audit(actor=by, kind="items.overlap", subject=subject, people=people, items=changed.items, left=changed.left)
    return changed


def _change(project: Project, item_id: int, people: int | None) -> tuple[int, int]:
    """(slots opened, slots withdrawn) of one item."""
    slots = lock_all(Slot.objects.filter(item=item_id, purpose=Slot.Purpose.LABEL, audience=Slot.Audience.HUMAN))
    item = Item.objects.select_for_update(no_key=True).get(pk=item_id, project=project)
    if item.state == Item.State.VOID or hasattr(item, "gold"):
        return 0, 0
    item.overlap = people
    item.save(update_fields=["overlap"])
    wanted = [slot for slot in slots if slot.state != Slot.State.VOID]
    if item.state == Item.State.NEW or not wanted:
        return 0, 0
    target = overlap_of(project, item)
    if target > len(wanted):
        return _raise(project, item, target - len(wanted)), 0
    free = [slot for slot in wanted if slot.state == Slot.State.OPEN]
    return 0, _lower(project, free[max(0, target - (len(wanted) - len(free))) :])


def _raise(project: Project, item: Item, more: int) -> int:
    if budgets.allocate(project_id=project.pk, labels=more, money=price(project, more)) is not Room.YES:
        raise _Spent
    slots = open_slots(item=item, humans=more, judges=0)
    people = item.decisions.exclude(route=Decision.Route.JUDGE).select_related("item__project")
    buy(people.latest("ordinal"), slots)
    return len(slots)


def _lower(project: Project, free: Sequence[Slot]) -> int:
    gone = void_slots(slots=free)
    if gone:
        budgets.give_back(project_id=project.pk, slots=free)
    return gone
