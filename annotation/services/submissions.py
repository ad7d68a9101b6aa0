"""The one door for answers, for people and judges alike: submit, correct, take back. Nothing typed is ever lost."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.content import content_of
from annotation.models import Annotation, Draft, EndedLease, FormVersion, Item, ItemResponse, Rater, Slot
from annotation.protocols import Content
from annotation.services import drafts, edits, forms, holds
from annotation.services.holds import Hold, Standing
from annotation.services.leases import Lease, lease_slot
from annotation.services.raters import desk
from annotation.standings import IN_SLOTS, NO_RATERS_WORK, current, shown_standing
from common.compiled import compiled, compiled_delete, compiled_update, first, inserted
from common.errors import Conflict, NotFound
from corpus.models import Prompt

UNDO_SECONDS = 10
STANDINGS = {Slot.Purpose.LABEL: Annotation.Standing.COUNTED, Slot.Purpose.REPEAT: Annotation.Standing.REPEAT}
"""Of an answer in its slot; every other purpose is a test."""
ACTIVE_MS_LIMIT = 24 * 3600 * 1000


@dataclass(frozen=True)
class Submission:
    """What became of an answer. `guideline_changed`: a newer guideline is in force than the one the rater saw."""

    annotation: Annotation
    replayed: bool
    guideline_changed: bool = False

    @property
    def standing(self) -> str:
        return shown_standing(self.annotation)


@dataclass(frozen=True)
class _Answer:
    """An answer as it came, for one key."""

    rater: Rater
    values: object
    key: uuid.UUID
    active_ms: int | None
    hint_visible: bool

    @property
    def body_hash(self) -> str:
        body = json.dumps(self.values, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
        return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def submit(
    *,
    rater: Rater,
    token: uuid.UUID,
    values: object,
    idempotency_key: uuid.UUID | None = None,
    active_ms: int | None = None,
    hint_visible: bool = False,
    as_extra: bool = False,
) -> Submission:
    """Stores an answer to the item of a lease, in one transaction, once.

    `values`: {field name: display terms, or normal form with both ids}. `idempotency_key`: one per lease, by default
    its token; the same body again is the same answer. A lease that ran out still serves while nobody has taken the
    slot. Raises NotFound; Invalid; Conflict: "lease-lost" and "item-void" (kept as a draft of `draft_version`;
    `as_extra` hands it in, flagged and never counted), "already-answered" (`annotation_id`, `saved` and `yours` in
    display terms).
    """
    answer = _Answer(rater, values, idempotency_key or token, _active(active_ms), hint_visible)
    with transaction.atomic():
        # A Conflict that has kept a draft is returned, not raised: raising would undo the draft.
        outcome = _submit(answer, holds.resolve(rater=rater, token=token), as_extra)
    if isinstance(outcome, Conflict):
        raise outcome
    return outcome


def _active(active_ms: int | None) -> int | None:
    return None if active_ms is None else max(0, min(active_ms, ACTIVE_MS_LIMIT))


def _submit(answer: _Answer, hold: Hold, as_extra: bool) -> Submission | Conflict:
    # The token of a lease in hand is new to everybody: nothing can have been answered under it.
    unused = hold.standing is Standing.HELD and answer.key == hold.slot.token
    same_key = None if unused else first(_by_key(rater=answer.rater.pk, key=answer.key))
    if same_key is not None:
        if same_key.body_hash == answer.body_hash:
            return Submission(same_key, replayed=True, guideline_changed=hold.guideline_changed)
        return _differs(answer, hold, same_key)
    if hold.standing is Standing.ANSWERED:
        return _second(answer, hold)
    if hold.standing in (Standing.LOST, Standing.VOID):
        return _extra(answer, hold) if as_extra else _kept(answer, hold)
    submission = _stored(answer, hold, STANDINGS.get(Slot.Purpose(hold.slot.purpose), Annotation.Standing.TEST))
    result_due = submission.annotation.standing == Annotation.Standing.TEST
    if hold.frozen is hold.slot:  # what was frozen is what the slot says already
        _answered(slot=hold.slot.pk, result_due=result_due)
    else:
        _answered_anew(answer, hold, result_due)
    if hold.slot.purpose == Slot.Purpose.LABEL:
        close(hold.slot.item_id)
    return submission


@compiled
def _by_key(*, rater: int, key: uuid.UUID) -> QuerySet[Annotation]:
    return Annotation.objects.filter(rater=rater, idempotency_key=key)


DONE = {"state": Slot.State.DONE, "leased_until": None, "ahead": False}


@compiled_update
def _answered(*, slot: int, result_due: bool) -> tuple[QuerySet[Slot], dict[str, Any]]:
    return Slot.objects.filter(pk=slot), DONE | {"result_due": result_due}


def _answered_anew(answer: _Answer, hold: Hold, result_due: bool) -> None:
    """A slot taken back by a rater whose lease was over: it says again what that lease had frozen."""
    Slot.objects.filter(pk=hold.slot.pk).update(
        **DONE,
        rater=answer.rater,
        # The token of a lease that is over stays with what it had frozen; a slot taken back needs one of its own.
        token=hold.slot.token or uuid.uuid4(),
        display_order=hold.shown,
        form_version=hold.form,
        guideline=hold.frozen.guideline_id,
        result_due=result_due,
    )


def _normal(answer: _Answer, hold: Hold) -> dict[str, Any]:
    """The values to store. Raises Invalid."""
    content = content_for(hold.form, hold.slot.item_id, hold.shown)
    return forms.normal_values(hold.form.fields, answer.values, content)


def content_for(form: FormVersion, item_id: int, shown: Sequence[int]) -> Content:
    """What an answer to `form` on an item may speak of; with texts only where the form's protocols need them."""
    if forms.reads_text(form.fields):
        return shown_content(item_id, shown)
    return Content.of_ids([pk for (pk,) in _response_ids(item=item_id)], shown)


@compiled
def _response_ids(*, item: int) -> QuerySet[Any]:
    return ItemResponse.objects.filter(item=item).order_by("ordinal").values_list("response_id")


def shown_content(item_id: int, shown: Sequence[int]) -> Content:
    """All that a rater was shown of an item, `shown`: response ids as displayed."""
    rows = ItemResponse.objects.filter(item=item_id).order_by("ordinal").select_related("response__prompt")
    responses = [row.response for row in rows]
    prompt = responses[0].prompt if responses else Prompt.objects.get(items=item_id)
    return content_of(prompt, responses, shown)


def _stored(answer: _Answer, hold: Hold, standing: Annotation.Standing) -> Submission:
    values = edits.with_children(
        hold.form.fields,
        _normal(answer, hold),
        prompt_id=hold.slot.item.prompt_id,
        rater=answer.rater,
        key=answer.key,
    )
    annotation = Annotation(
        item_id=hold.slot.item_id,
        rater=answer.rater,
        slot=hold.slot,
        standing=standing,
        values=values,
        form_version=hold.form,
        guideline_id=hold.frozen.guideline_id,
        display_order=hold.shown,
        hint_visible=answer.hint_visible,
        active_ms=answer.active_ms,
        idempotency_key=answer.key,
        body_hash=answer.body_hash,
    )
    inserted(annotation)
    _drop_draft(item=hold.slot.item_id, rater=answer.rater.pk)
    return Submission(annotation, replayed=False, guideline_changed=hold.guideline_changed)


@compiled_delete
def _drop_draft(*, item: int, rater: int) -> QuerySet[Draft]:
    return Draft.objects.filter(item=item, rater=rater)


def _extra(answer: _Answer, hold: Hold) -> Submission | Conflict:
    """An answer for whose slot somebody else was faster: kept beside the counted ones, at most one a rater and item."""
    same = {"item": hold.slot.item_id, "rater": answer.rater, "slot__purpose": hold.slot.purpose}
    earlier = current().filter(**same).first()
    return _differs(answer, hold, earlier) if earlier else _stored(answer, hold, Annotation.Standing.EXTRA)


def _kept(answer: _Answer, hold: Hold) -> Conflict:
    version = drafts.keep(item=hold.slot.item, rater=answer.rater, values=answer.values)
    if hold.standing is Standing.VOID:
        said = (
            "This item was withdrawn while you worked on it. Your answer is kept; you can still hand it in as an extra."
        )
        return Conflict(said, code="item-void", draft_version=version)
    said = "Your time ran out and somebody else has this item now. Your answer is kept; you can hand it in as an extra."
    return Conflict(said, code="lease-lost", draft_version=version)


def _second(answer: _Answer, hold: Hold) -> Submission | Conflict:
    """Another answer of the same rater, from another tab: the same one again, or both versions for them to choose."""
    saved = current().filter(slot=hold.slot.pk, rater=answer.rater).first()
    if saved is None:
        raise NotFound(_("There is no such lease of yours."))
    if _normal(answer, hold) == edits.without_children(hold.form.fields, saved.values):
        return Submission(saved, replayed=True, guideline_changed=hold.guideline_changed)
    return _differs(answer, hold, saved)


def _differs(answer: _Answer, hold: Hold, saved: Annotation) -> Conflict:
    drafts.keep(item=hold.slot.item, rater=answer.rater, values=answer.values)
    return Conflict(
        _("You have already answered this item, differently. The first answer stands; the second is kept as a draft."),
        code="already-answered",
        annotation_id=saved.pk,
        saved=displayed(saved),
        yours=answer.values,
    )


def displayed(annotation: Annotation) -> dict[str, Any]:
    """The values of an annotation in the terms of what its rater was shown."""
    if annotation.form_version is None or annotation.display_order is None:
        return {}
    order = annotation.display_order
    return forms.display_values(annotation.form_version.fields, annotation.values, Content.of_ids(order, order))


def close(item_id: int) -> None:
    """Says that one more slot of an item is answered, and that it is done where no slot waits any more.

    The caller holds the item's lock: of two last answers at once, the later one sees the earlier.
    """
    _close(item=item_id)


@compiled_update
def _close(*, item: int) -> tuple[QuerySet[Item], dict[str, Any]]:
    waiting = Slot.objects.filter(item=OuterRef("pk"), purpose=Slot.Purpose.LABEL, state__in=["open", "leased"])
    over = When(Q(state=Item.State.OPEN) & ~Exists(waiting), then=Value(Item.State.DONE))
    values = {"label_due": True, "state": Case(over, default=F("state")), "answered": F("answered") + 1}
    return Item.objects.filter(pk=item), values


def own_annotation(*, rater: Rater, annotation_id: int) -> Annotation:
    """An answer of this rater. Raises NotFound for another's, and for one that came with an import."""
    own = Annotation.objects.exclude(standing__in=NO_RATERS_WORK)
    found = own.filter(pk=annotation_id, rater=rater).select_related("rater").first()
    if found is None:
        raise NotFound(_("There is no such answer of yours."))
    return found


def _own(rater: Rater, annotation: Annotation) -> Annotation:
    """The rater's annotation, its item locked. Raises NotFound for another's, Conflict where it no longer stands."""
    found = Annotation.objects.filter(pk=annotation.pk, rater=rater).exclude(standing__in=NO_RATERS_WORK)
    item_id = found.values_list("item", flat=True).first()
    if item_id is None:
        raise NotFound(_("There is no such answer of yours."))
    # Slots before their items (services/holds.py); the slot in hand as well, for an undo puts it back.
    in_hand = Q(project=rater.project_id, state=Slot.State.LEASED, audience=Slot.Audience.HUMAN)
    holds.lock_all(Slot.objects.filter(Q(item=item_id) | in_hand, rater=rater))
    Item.objects.select_for_update(no_key=True).get(pk=item_id)
    fresh = found.select_related("form_version", "item", "revised_by").get()
    if fresh.retracted_at is not None:
        raise Conflict(_("You have taken this answer back."), code="retracted")
    return fresh


@transaction.atomic
def revise(
    *,
    rater: Rater,
    annotation: Annotation,
    values: object,
    idempotency_key: uuid.UUID,
    active_ms: int | None = None,
) -> Submission:
    """Corrects an answer by a new one; the old one is kept. Values in display terms of what was shown then.

    Raises NotFound, Invalid, or Conflict: "revised" where it was corrected meanwhile (`annotation_id`, `saved` and
    `yours` in display terms), "retracted", "key-reused".
    """
    answer = _Answer(rater, values, idempotency_key, _active(active_ms), False)
    old = _own(rater, annotation)
    same_key = Annotation.objects.filter(rater=rater, idempotency_key=idempotency_key).first()
    if same_key is not None:
        if same_key.body_hash != answer.body_hash or same_key.item_id != old.item_id:
            raise Conflict(_("This key was used for another answer."), code="key-reused")
        return Submission(same_key, replayed=True)
    later = getattr(old, "revised_by", None)
    if later is not None:
        said = _("This answer was changed in another tab as well.")
        raise Conflict(said, code="revised", annotation_id=later.pk, saved=displayed(later), yours=values)
    return _corrected(old, answer)


def _corrected(old: Annotation, answer: _Answer) -> Submission:
    """The new answer takes over what its former was given: slot, standing, form, guideline and order."""
    assert old.form_version is not None and old.display_order is not None
    content = content_for(old.form_version, old.item_id, old.display_order)
    stored = forms.normal_values(old.form_version.fields, answer.values, content)
    stored = edits.with_children(
        old.form_version.fields, stored, prompt_id=old.item.prompt_id, rater=answer.rater, key=answer.key
    )
    new = Annotation.objects.create(
        item_id=old.item_id,
        rater=answer.rater,
        slot_id=old.slot_id,
        standing=old.standing,
        values=stored,
        form_version=old.form_version,
        guideline_id=old.guideline_id,
        display_order=old.display_order,
        hint_visible=old.hint_visible,
        active_ms=answer.active_ms,
        idempotency_key=answer.key,
        body_hash=answer.body_hash,
        revises=old,
    )
    _drop_draft(item=old.item_id, rater=answer.rater.pk)
    Item.objects.filter(pk=old.item_id).update(label_due=True)
    return Submission(new, replayed=False)


def can_undo(annotation: Annotation) -> bool:
    """Whether an answer may still be taken back: in its slot, not a correction, fresh, and not scored yet."""
    fresh = timezone.now() - annotation.submitted_at < timedelta(seconds=UNDO_SECONDS)
    if not fresh or annotation.standing not in IN_SLOTS or annotation.revises_id is not None:
        return False
    return annotation.standing != Annotation.Standing.TEST or not annotation.gold_results.exists()


@transaction.atomic
def retract(*, rater: Rater, annotation: Annotation) -> Lease:
    """Undo, for ten seconds: the slot is leased to the same rater again and the answer is its draft.

    An item that they have been given meanwhile goes back to the queue. Raises NotFound, or Conflict: "too-late"
    (correct it instead), "revised", "retracted", "item-void".
    """
    old = _own(rater, annotation)
    if getattr(old, "revised_by", None) is not None:
        raise Conflict(_("You have corrected this answer; correct it again instead."), code="revised")
    if not can_undo(old) or old.slot_id is None:
        raise Conflict(
            _("An answer can be taken back for %(undo_seconds)s seconds; correct it instead.")
            % {"undo_seconds": UNDO_SECONDS},
            code="too-late",
        )
    if old.item.state == Item.State.VOID:
        raise Conflict(_("This item was withdrawn."), code="item-void")
    at = desk(project=old.item.project, rater=rater)
    in_hands = Slot.objects.filter(project=old.item.project_id, rater=rater, state=Slot.State.LEASED, ahead=False)
    for in_hand in in_hands:
        holds.let_go(in_hand, EndedLease.Why.UNDONE)
    Annotation.objects.filter(pk=old.pk).update(retracted_at=timezone.now())
    slot = Slot.objects.get(pk=old.slot_id)
    holds.let_go(slot, EndedLease.Why.UNDONE)
    drafts.keep(item=old.item, rater=rater, values=displayed(old))
    if slot.purpose == Slot.Purpose.LABEL:
        Item.objects.filter(pk=old.item_id).update(state=Item.State.OPEN, label_due=True, answered=F("answered") - 1)
    return lease_slot(project=old.item.project, slot_id=slot.pk, at=at)
