"""Words that settle: a reviewer's adjudication of an item, and items whose answer is known."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit
from annotation.models import Annotation, FormVersion, Gold, Item, ItemResponse, Rater, Slot
from annotation.services import edits, forms, items
from annotation.services.known_answers import store_gold
from annotation.services.raters import rater_for
from annotation.services.submissions import shown_content
from annotation.standings import current
from common.errors import Conflict, Invalid

EXPLANATION_LIMIT = 5000
GOLD_SETTINGS = ("kind", "tolerance", "explanation", "in_qualification", "trains")


@transaction.atomic
def adjudicate(*, item: Item, by: User, values: object, display_order: Sequence[int] | None = None) -> Annotation:
    """A reviewer's word on an item: one more annotation, which settles its label. An earlier one is revised, and kept.

    `values` in display terms of `display_order` (by default the item's own order). Raises Invalid, or Conflict where
    the item was withdrawn.
    """
    form = forms.current_form(project=item.project)
    return _known(item, rater_for(project=item.project, user=by), form, form.fields, values, display_order)


def _known(
    item: Item,
    rater: Rater,
    form: FormVersion,
    fields: Sequence[dict[str, Any]],
    values: object,
    display_order: Sequence[int] | None,
) -> Annotation:
    locked = Item.objects.select_for_update(no_key=True).get(pk=item.pk)
    if locked.state == Item.State.VOID:
        raise Conflict(_("This item was withdrawn."), code="item-void")
    ids = list(ItemResponse.objects.filter(item=item).order_by("ordinal").values_list("response_id", flat=True))
    shown = list(display_order or ids)
    if sorted(shown) != sorted(ids):
        raise Invalid(_("These are not the responses of this item."), fields={"display_order": [_("Not usable.")]})
    stored = forms.normal_values(fields, values, shown_content(item.pk, shown))
    key = uuid.uuid4()
    old = current().filter(item=item, standing=Annotation.Standing.ADJUDICATED).first()
    same_hand = old is not None and (old.rater_id, old.form_version_id) == (rater.pk, form.pk)
    if old is not None and same_hand and edits.without_children(form.fields, old.values) == stored:
        return old
    body = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    made = Annotation.objects.create(
        item=item,
        rater=rater,
        standing=Annotation.Standing.ADJUDICATED,
        values=edits.with_children(form.fields, stored, prompt_id=item.prompt_id, rater=rater, key=key),
        form_version=form,
        guideline=item.project.guidelines.order_by("-number").first(),
        display_order=shown,
        idempotency_key=key,
        body_hash=hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest(),
        revises=old,
    )
    Item.objects.filter(pk=item.pk).update(label_due=True)
    return made


@transaction.atomic
def make_gold(
    *,
    item: Item,
    by: User,
    values: object = None,
    display_order: Sequence[int] | None = None,
    source: str = Gold.Source.HAND,
    **settings: Any,
) -> Gold:
    """Makes an item one whose answer is known, or changes one that is. Its open slots are withdrawn.

    `values`: the answer in display terms, to as many fields of the form as are to be compared; None: the adjudication
    that the item has. `settings`: GOLD_SETTINGS. Raises Invalid, or Conflict: withdrawn, or no adjudication.
    """
    _check(settings)
    if values is None:
        known = current().filter(item=item, standing=Annotation.Standing.ADJUDICATED).first()
        if known is None:
            raise Conflict(_("Nobody has adjudicated this item."), code="not-adjudicated")
    else:
        form = forms.current_form(project=item.project)
        optional = [field | {"required": False} for field in form.fields]
        rater = rater_for(project=item.project, user=by)
        known = _known(item, rater, form, optional, values, display_order)
    gold = store_gold(item=item, annotation=known, by=by, source=source, **settings)
    close_item(item)
    about = f"project:{item.project.slug}"
    audit(actor=by, kind="item.gold", subject=about, item=item.pk, gold=gold.kind, trains=gold.trains)
    return gold


def _check(settings: dict[str, Any]) -> None:
    if unknown := set(settings) - set(GOLD_SETTINGS):
        raise Invalid(_("No such setting."), fields={name: [_("There is no such setting.")] for name in unknown})
    fields: dict[str, list[str]] = {}
    if settings.get("kind", Gold.Kind.GOLD) not in Gold.Kind.values:
        fields["kind"] = [_("Must be gold or check.")]
    tolerance = settings.get("tolerance")
    if tolerance is not None and not 0 <= tolerance <= 1:
        fields["tolerance"] = [_("Must lie between 0 and 1.")]
    if settings.get("kind") == Gold.Kind.CHECK and settings.get("trains"):
        fields["trains"] = [_("An attention check never makes a label.")]
    if len(settings.get("explanation", "")) > EXPLANATION_LIMIT:
        fields["explanation"] = [_("At most %d characters.") % EXPLANATION_LIMIT]
    if fields:
        raise Invalid(_("Some settings are not valid."), fields=fields)


def close_item(item: Item) -> None:
    """No more labels are asked for: slots that are nobody's are withdrawn, those in hands may be finished."""
    wanted = Slot.objects.filter(item=item, purpose=Slot.Purpose.LABEL)
    items.void_slots(slots=list(wanted.filter(state=Slot.State.OPEN)))
    held = Slot.objects.filter(item=OuterRef("pk"), purpose=Slot.Purpose.LABEL, state__in=["open", "leased"])
    waiting = Item.objects.filter(pk=item.pk, state__in=[Item.State.NEW, Item.State.OPEN]).exclude(Exists(held))
    waiting.update(state=Item.State.DONE)
    Item.objects.filter(pk=item.pk).update(label_due=True)
    item.refresh_from_db(fields=["state", "label_due"])


@transaction.atomic
def change_gold(*, gold: Gold, by: User, **settings: Any) -> Gold:
    """Changes those of GOLD_SETTINGS that are given. Raises Invalid; then nothing has changed."""
    fresh = Gold.objects.select_for_update().select_related("project").get(pk=gold.pk)
    _check({"kind": fresh.kind} | settings)
    if settings.get("kind", fresh.kind) == Gold.Kind.CHECK:
        settings["trains"] = False
    for name, value in settings.items():
        setattr(fresh, name, value)
    fresh.save(update_fields=list(settings))
    Item.objects.filter(pk=fresh.item_id).update(label_due=True)
    subject = f"project:{fresh.project.slug}"
    audit(actor=by, kind="item.gold-changed", subject=subject, item=fresh.item_id, changed=sorted(settings))
    return fresh


@transaction.atomic
def retire_gold(*, gold: Gold, by: User) -> None:
    """Takes a gold item out of use; how it was answered is kept. A second time changes nothing."""
    done = Gold.objects.filter(pk=gold.pk, retired_at=None).update(retired_at=timezone.now())
    if done:
        audit(actor=by, kind="item.gold-retired", subject=f"project:{gold.project.slug}", item=gold.item_id)
