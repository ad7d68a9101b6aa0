"""What a lease token still stands for: the one place that finds a slot by token, locks it, and lets go of it."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from annotation.models import EndedLease, FormVersion, Item, Rater, Slot
from common.compiled import compiled, first
from common.errors import Conflict, NotFound
from projects.models import Guideline


class Standing(StrEnum):
    """What the slot of a token is to its rater now."""

    HELD = "held"  # leased to them; perhaps run out, but nobody else has it
    ANSWERED = "answered"
    FREE = "free"  # their lease is over, and the slot is still nobody's
    VOID = "void"
    LOST = "lost"  # somebody else has it


@dataclass(frozen=True)
class Hold:
    """A token, its slot (locked until the transaction ends) and what was frozen when that very token was given out."""

    slot: Slot
    rater: Rater
    token: uuid.UUID
    frozen: Slot | EndedLease

    @property
    def standing(self) -> Standing:
        if self.slot.rater_id == self.rater.pk:
            return Standing.HELD if self.slot.state == Slot.State.LEASED else Standing.ANSWERED
        if self.slot.state == Slot.State.VOID or self.slot.item.state == Item.State.VOID:
            return Standing.VOID
        return Standing.FREE if self.slot.state == Slot.State.OPEN else Standing.LOST

    @property
    def shown(self) -> list[int]:
        """Response ids in the order this rater sees them."""
        return list(self.frozen.display_order)

    @property
    def form(self) -> FormVersion:
        if self.frozen.form_version is None:
            # Frozen anew while its lock was waited for: what was joined belonged to the row as it had been.
            assert self.frozen.form_version_id is not None  # the database holds it: slot_shape
            return FormVersion.objects.get(pk=self.frozen.form_version_id)
        return self.frozen.form_version

    @property
    def guideline_changed(self) -> bool:
        """Whether a newer guideline is in force than the one that was shown."""
        return bool(getattr(self.slot, "newest_guideline_id", None) != self.frozen.guideline_id)


def locked(slots: QuerySet[Slot]) -> QuerySet[Slot]:
    """One slot, locked and then its item with it: whoever answers last must see that the others have answered.

    Slots before items, slots by id: everybody locks in this order, so that nobody waits in a circle. Of several slots
    the first one's item would come before the second one: for those there is `lock_all`.
    """
    newest = Guideline.objects.filter(project=OuterRef("project")).order_by("-number").values("pk")[:1]
    slots = slots.select_related("item", "form_version").annotate(newest_guideline_id=Subquery(newest))
    return slots.select_for_update(of=("self", "item"), no_key=True)


def lock_all(slots: QuerySet[Slot]) -> list[Slot]:
    """Several slots, locked by id, and then their items; each with its item as it is now."""
    found = list(slots.order_by("pk").select_for_update(of=("self",), no_key=True))
    wanted = Item.objects.filter(pk__in={slot.item_id for slot in found})
    items = {item.pk: item for item in wanted.order_by("pk").select_for_update(no_key=True)}
    for slot in found:
        slot.item = items[slot.item_id]
    return found


@compiled
def _leased(*, rater: int, token: uuid.UUID) -> QuerySet[Slot]:
    return locked(Slot.objects.filter(token=token, rater=rater))


def resolve(*, rater: Rater, token: uuid.UUID) -> Hold:
    """The hold that `token` gives `rater`. Within a transaction. Raises NotFound for nobody's or another's token."""
    slot = first(_leased(rater=rater.pk, token=token))
    if slot is not None:
        return Hold(slot, rater, token, slot)
    ended = EndedLease.objects.select_related("form_version", "slot").filter(token=token, rater=rater).first()
    if ended is None:
        raise NotFound(_("There is no such lease of yours."))
    # The same rater may have the item again, under another token or in another of its slots.
    if ended.slot.purpose == Slot.Purpose.LABEL:
        slot = locked(Slot.objects.filter(item=ended.item_id, rater=rater, purpose=Slot.Purpose.LABEL)).first()
    slot = slot or locked(Slot.objects.filter(pk=ended.slot_id)).get()
    return Hold(slot, rater, token, ended)


def is_own(*, rater: Rater, token: uuid.UUID) -> bool:
    """Whether `token` is a lease of this rater, live, answered or over."""
    return any(leases.filter(rater=rater, token=token).exists() for leases in (Slot.objects, EndedLease.objects))


def check_own(*, rater: Rater, token: uuid.UUID) -> None:
    """Raises NotFound for a token that is nobody's or another's."""
    if not is_own(rater=rater, token=token):
        raise NotFound(_("There is no such lease of yours."))


def require_held(hold: Hold) -> Slot:
    """The slot, where the rater has it. Raises Conflict saying what became of it where they have not."""
    if hold.standing is Standing.HELD:
        return hold.slot
    if hold.standing is Standing.ANSWERED:
        raise Conflict(_("You have answered this item already."), code="already-answered")
    if hold.standing is Standing.VOID:
        raise Conflict(_("This item was withdrawn."), code="item-void")
    raise Conflict(_("The lease of this item is over."), code="lease-lost")


def remember(slot: Slot, why: EndedLease.Why) -> None:
    """Keeps what a slot's lease had frozen before the slot changes hands."""
    assert slot.token and slot.rater_id and slot.form_version_id  # the database holds it: slot_shape
    EndedLease.objects.create(
        token=slot.token,
        slot=slot,
        item_id=slot.item_id,
        rater_id=slot.rater_id,
        why=why,
        display_order=slot.display_order,
        form_version_id=slot.form_version_id,
        guideline_id=slot.guideline_id,
    )


NOBODYS = {
    "rater": None,
    "token": None,
    "leased_at": None,
    "leased_until": None,
    "display_order": None,
    "form_version": None,
    "guideline": None,
    "result_due": False,
    "ahead": False,
}


def let_go(slot: Slot, why: EndedLease.Why, state: Slot.State = Slot.State.OPEN) -> None:
    """Ends the lease of a locked slot and leaves the slot to others, or void."""
    remember(slot, why)
    Slot.objects.filter(pk=slot.pk).update(state=state, **NOBODYS)
