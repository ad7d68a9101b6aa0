"""Unsent work, kept with a version so that two tabs never overwrite each other."""

import json
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.models import Draft, Item, Rater
from annotation.services import holds
from common.errors import Conflict, Invalid, TooLarge
from common.text import check_tree

DRAFT_LIMIT = 500_000
"""Characters of JSON."""


def check_values(values: object) -> dict[str, Any]:
    """What may be kept of an answer that is not finished: an object of a size that a rater can type."""
    if not isinstance(values, dict):
        raise Invalid(_("values must be an object of field names."), fields={"values": [_("Must be an object.")]})
    try:
        check_tree(values)
    except ValueError as fault:
        raise Invalid(str(fault), fields={"values": [str(fault)]}) from fault
    if len(json.dumps(values, ensure_ascii=False)) > DRAFT_LIMIT:
        raise TooLarge(_("A draft holds at most %(draft_limit)s characters.") % {"draft_limit": f"{DRAFT_LIMIT:,}"})
    return values


@transaction.atomic
def save(*, rater: Rater, token: uuid.UUID, values: object, version: int) -> int:
    """Keeps `values` (display terms, finished or not) and returns the new version.

    `version`: the one that this tab saw last, 0 for none. The same values again are no change. A token whose lease is
    over serves as well: the text stays. Raises NotFound; Conflict "draft-stale" with `version` and `values` of the
    other tab.
    """
    checked = check_values(values)
    hold = holds.resolve(rater=rater, token=token)
    draft = Draft.objects.select_for_update(no_key=True).filter(item=hold.slot.item, rater=rater).first()
    if draft is None:
        return _first(hold.slot.item, rater, checked)
    if draft.values == checked:
        return draft.version
    if draft.version != version:
        raise Conflict(
            _("Another tab has saved something else."), code="draft-stale", version=draft.version, values=draft.values
        )
    draft.version += 1
    draft.values = checked
    draft.save(update_fields=["values", "version", "updated_at"])
    return draft.version


def _first(item: Item, rater: Rater, values: dict[str, Any]) -> int:
    try:
        with transaction.atomic():
            return Draft.objects.create(item=item, rater=rater, values=values).version
    except IntegrityError as fault:
        other = Draft.objects.get(item=item, rater=rater)
        raise Conflict(
            _("Another tab has saved something else."), code="draft-stale", version=other.version, values=other.values
        ) from fault


def keep(*, item: Item, rater: Rater, values: object) -> int:
    """Keeps what could not be handed in, over any earlier draft: it is the later work. Returns the version."""
    draft, made = Draft.objects.get_or_create(item=item, rater=rater, defaults={"values": check_values(values)})
    if not made and draft.values != values:
        draft.version += 1
        draft.values = check_values(values)
        draft.save(update_fields=["values", "version", "updated_at"])
    return draft.version
