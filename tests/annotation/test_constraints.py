"""Wrong states have no representation: the database itself refuses them."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.models import Annotation, Draft, Item, Label, Rater, Skip, Slot
from tests.factories import ItemFactory, RaterFactory, SlotFactory

pytestmark = pytest.mark.django_db
SOON = timezone.now() + timedelta(hours=1)


def refused(act):
    with pytest.raises(IntegrityError), transaction.atomic():
        act()


@pytest.fixture
def shape(rater, form):
    """The columns of each state of a slot."""
    nobodys = {"rater": None, "token": None, "leased_until": None, "display_order": None, "form_version": None}
    held = {"rater": rater, "token": uuid.uuid4(), "display_order": [1, 2], "form_version": form}
    return {
        "open": nobodys,
        "void": nobodys,
        "leased": held | {"leased_until": SOON},
        "done": held | {"leased_until": None},
    }


@pytest.mark.parametrize("state", ["open", "leased", "done", "void"])
def test_a_slot_has_the_shape_of_its_state_and_no_other(shape, project, state):
    slot = SlotFactory(item=ItemFactory(project=project))
    Slot.objects.filter(pk=slot.pk).update(state=state, **shape[state])
    other = shape["leased"] if state in {"open", "void"} else shape["open"]
    for key, value in (other | {"leased_until": None if state == "leased" else SOON}).items():
        refused(lambda key=key, value=value: Slot.objects.filter(pk=slot.pk).update(**{key: value}))
    refused(lambda: Slot.objects.filter(pk=slot.pk).update(state="taken"))


def test_nobody_has_two_slots_of_an_item_nor_two_leases(project, rater):
    item, other = ItemFactory(project=project), ItemFactory(project=project)
    held = SlotFactory.leased(item=item, rater=rater)
    refused(lambda: SlotFactory.leased(item=item, rater=rater))
    refused(lambda: SlotFactory.leased(item=other, rater=rater))
    SlotFactory.leased(item=other, rater=rater, audience="judge")
    refused(lambda: SlotFactory(item=item, ordinal=held.ordinal))
    refused(lambda: SlotFactory.leased(item=other, rater=RaterFactory(project=project), token=held.token))


def test_a_slot_has_one_answer(project, rater, other_rater):
    slot = SlotFactory.leased(item=ItemFactory(project=project), rater=rater)
    given = {"item": slot.item, "slot": slot, "standing": "counted", "values": {}, "body_hash": ""}
    first = Annotation.objects.create(rater=rater, **given)
    refused(lambda: Annotation.objects.create(rater=other_rater, **given))
    Annotation.objects.create(rater=rater, revises=first, **given)
    refused(lambda: Annotation.objects.create(rater=rater, revises=first, **given))
    refused(lambda: Annotation.objects.filter(pk=first.pk).update(revises=first))
    refused(lambda: Annotation.objects.create(rater=other_rater, **(given | {"slot": None})))
    refused(lambda: Annotation.objects.create(rater=other_rater, **(given | {"standing": "maybe"})))
    refused(lambda: Annotation.objects.create(rater=rater, idempotency_key=first.idempotency_key, **given))


def test_one_draft_and_one_skip_a_rater_and_item(project, rater):
    item = ItemFactory(project=project)
    for model in (Draft, Skip):
        model.objects.create(item=item, rater=rater)
        refused(lambda model=model: model.objects.create(item=item, rater=rater))


def test_raters_are_who_they_are_once(project, rater):
    make = Rater.objects.create
    refused(lambda: make(project=project, kind="person", user=rater.user, pseudonym="again"))
    refused(lambda: make(project=project, kind="judge", pseudonym="without identity"))
    refused(lambda: make(project=project, kind="judge", user=rater.user, external_id="x", pseudonym="a person"))
    make(project=project, kind="judge", external_id="x", pseudonym="judge")
    refused(lambda: make(project=project, kind="judge", external_id="x", pseudonym="the same"))
    refused(lambda: make(project=project, kind="person", pseudonym="judge"))


def test_items_and_labels(project):
    item = ItemFactory(project=project, external_id="a")
    refused(lambda: ItemFactory(project=project, external_id="a"))
    refused(lambda: Item.objects.filter(pk=item.pk).update(state="lost"))
    refused(lambda: Label.objects.create(item=item, field="f", rule="r", value={}, confidence=1.01))
    Label.objects.create(item=item, field="f", rule="r", value={}, confidence=1)
    refused(lambda: Label.objects.create(item=item, field="f", rule="r", value={}, confidence=1))
