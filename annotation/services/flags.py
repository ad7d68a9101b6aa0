"""Reports that something is wrong with an item. They do not end the rater's work on it."""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Flag, Rater
from annotation.services import holds
from annotation.services.leases import check_reason

FLAG_REASONS = {
    "harmful": _("It is harmful or upsetting"),
    "private": _("It holds personal data"),
    "broken": _("The text is broken or cut off"),
    "wrong": _("The prompt or the guideline does not fit"),
    "other": _("Something else"),
}


@transaction.atomic
def raise_flag(*, rater: Rater, token: uuid.UUID, reason: str, note: str = "") -> Flag:
    """Reports the item of a lease; the same open report again is the same row. Raises NotFound or Invalid."""
    check_reason(reason, note, FLAG_REASONS)
    item = holds.resolve(rater=rater, token=token).slot.item
    same = Flag.objects.filter(item=item, rater=rater, reason=reason, note=note, resolved_at=None).first()
    return same or Flag.objects.create(item=item, rater=rater, reason=reason, note=note)


@transaction.atomic
def resolve_flag(*, flag: Flag, by: User | None = None) -> None:
    """Marks a report as dealt with; doing so twice keeps the first time."""
    if Flag.objects.filter(pk=flag.pk, resolved_at=None).update(resolved_at=timezone.now()):
        about = f"project:{flag.item.project.slug}"
        audit(actor=by, kind="flag.resolved", subject=about, item=flag.item_id, flag=flag.pk)
