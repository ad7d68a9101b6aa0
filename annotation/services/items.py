"""Items and how many answers they want: taken from candidates, opened for people and judges, withdrawn."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext

from accounts.models import User
from accounts.services import audit
from annotation.content import content_of, shape_of
from annotation.models import Annotation, EndedLease, Flag, FormVersion, Item, ItemResponse, Slot
from annotation.protocols import Shape
from annotation.services import forms, holds, lanes
from annotation.services.known_answers import make_golds
from annotation.services.recorded import Judged, RecordedAnnotations, edits_of, names_of
from common.errors import Conflict
from corpus.importers.rows import Options, Row, compiled
from corpus.models import Candidate, Import, Prompt, Response
from projects.models import Project

PRIORITIES = 1000
ROUNDS = 1_000_000


def take_candidates(*, project_id: int | None = None, limit: int = 500) -> int:
    """Makes items, and annotations of recorded judgments, of at most `limit` candidates of one project; says how many.

    One transaction: killed in the middle, it has done nothing; two at once take different candidates. Also ends imports
    whose candidates are all taken.
    """
    with transaction.atomic():
        skips = connection.features.has_select_for_update_skip_locked
        waiting = Candidate.objects.filter(taken_at=None).order_by("project", "pk")
        if project_id is not None:
            waiting = waiting.filter(project=project_id)
        found = list(waiting.select_for_update(no_key=True, skip_locked=skips)[:limit])
        taken = [candidate for candidate in found if candidate.project_id == found[0].project_id]
        if taken:
            _take(Project.objects.get(pk=taken[0].project_id), taken)
    _end_imports(project_id)
    return len(taken)


def _take(project: Project, candidates: Sequence[Candidate]) -> None:
    form = forms.current_form(project=project)
    prompts = Prompt.objects.in_bulk({candidate.prompt_id for candidate in candidates})
    known = Response.objects.in_bulk([pk for candidate in candidates for pk in candidate.response_ids])
    found = {one.pk: (prompts[one.prompt_id], [known[pk] for pk in one.response_ids]) for one in candidates}
    made = [_item(candidate, form, shape_of(*found[candidate.pk])) for candidate in candidates]
    lanes.put_in_lanes(project, made, prompts)
    # An id that an item has already is not an error: the candidate adds nothing.
    Item.objects.bulk_create(made, ignore_conflicts=True)
    items = {item.candidate_id: item for item in Item.objects.filter(candidate__in=[c.pk for c in candidates])}
    recorded, edits = RecordedAnnotations(form), edits_of(candidates)
    responses: list[ItemResponse] = []
    annotations: list[Annotation] = []
    judged: list[Judged] = []
    for candidate in candidates:
        if (item := items.get(candidate.pk)) is None:
            continue
        responses += [
            ItemResponse(item=item, response_id=pk, ordinal=ordinal)
            for ordinal, pk in enumerate(candidate.response_ids)
        ]
        prompt, shown = found[candidate.pk]
        content = content_of(prompt, shown, candidate.response_ids)
        names = names_of(candidate, shown)
        judged.append(Judged(candidate, item, names, content, edits.get(candidate.pk, {})))
        annotations += recorded.of(judged[-1])
    Item.objects.bulk_update([one for one in items.values() if "kept_feedback" in one.meta], ["meta"])
    _count_kept(recorded.kept)
    ItemResponse.objects.bulk_create(responses)
    Annotation.objects.bulk_create(annotations)
    make_golds(recorded, judged)
    Candidate.objects.filter(pk__in=[c.pk for c in candidates]).update(taken_at=timezone.now())


def _count_kept(kept: Mapping[int | None, Mapping[str, int]]) -> None:
    """Adds to each import's report how many judgments became no annotation, by kind."""
    for found in Import.objects.select_for_update(no_key=True).filter(pk__in=[pk for pk in kept if pk is not None]):
        found.kept_feedback = dict(Counter(found.kept_feedback) + Counter(kept[found.pk]))
        found.save(update_fields=["kept_feedback"])


def _item(candidate: Candidate, form: FormVersion, shape: Shape) -> Item:
    """A new item; withdrawn from the start where the project's form cannot be put to it, and saying why.

    One whose recorded judgments count is done: it has its label, and nobody is asked for what is known.
    """
    fault, meta = forms.check_item(form.fields, shape), dict(candidate.meta)
    judged = bool(candidate.feedback) and meta.get("use_recorded") is True
    return Item(
        project_id=candidate.project_id,
        external_id=candidate.external_id,
        prompt_id=candidate.prompt_id,
        candidate=candidate,
        state=Item.State.VOID if fault else Item.State.DONE if judged else Item.State.NEW,
        priority=_bounded(meta.get("priority"), -PRIORITIES, PRIORITIES, 0),
        round=_bounded(meta.get("round"), 1, ROUNDS, 1),
        overlap=_bounded(meta["overlap"], 1, 50, 1) if isinstance(meta.get("overlap"), int) else None,
        label_due=judged,
        meta=meta | ({"void_reason": fault, "unfit": form.number} if fault else {}),
        source_id=candidate.source_id,
    )


def _bounded(number: object, low: int, high: int, default: int) -> int:
    return max(low, min(high, number)) if isinstance(number, int) else default


def _end_imports(project_id: int | None) -> None:
    """Imports that are stored and of which no candidate waits any more have succeeded."""
    stored = Import.objects.filter(state=Import.State.STORED)
    if project_id is not None:
        stored = stored.filter(project=project_id)
    for found in stored.exclude(pk__in=Candidate.objects.filter(taken_at=None, source__isnull=False).values("source")):
        Import.objects.filter(pk=found.pk, state=Import.State.STORED).update(
            state=Import.State.SUCCEEDED,
            new_items=Item.objects.filter(source=found).count(),
            new_annotations=Annotation.objects.filter(item__source=found, standing="recorded").count(),
            finished_at=timezone.now(),
        )


def lock_items(ids: Collection[int]) -> dict[int, Item]:
    """These items and their slots, locked until the caller's transaction ends; without those that are withdrawn."""
    holds.lock_all(Slot.objects.filter(item__in=ids))
    wanted = Item.objects.filter(pk__in=ids).exclude(state=Item.State.VOID)
    return {item.pk: item for item in wanted.order_by("pk").select_for_update(no_key=True)}


def open_locked(wanted: Sequence[tuple[Item, int, int]]) -> dict[int, list[Slot]]:
    """Asks for answers of (item, so many people, so many judges), on top of any asked before: the slots of each item.

    The caller has locked the items; they are open from then on.
    """
    ids = [item.pk for item, *_ in wanted]
    asked = Slot.objects.filter(item__in=ids, purpose=Slot.Purpose.LABEL).order_by()
    last = dict(asked.values_list("item").annotate(last=Max("ordinal")))
    made: dict[int, list[Slot]] = {}
    for item, humans, judges in wanted:
        own = {"item_id": item.pk, "project_id": item.project_id, "priority": item.priority, "lane": item.lane}
        audiences = [Slot.Audience.HUMAN] * humans + [Slot.Audience.JUDGE] * judges
        first = last.get(item.pk, 0) + 1
        made[item.pk] = [Slot(ordinal=n, audience=audience, **own) for n, audience in enumerate(audiences, first)]
    Slot.objects.bulk_create(slot for slots in made.values() for slot in slots)
    Item.objects.filter(pk__in=[pk for pk, slots in made.items() if slots]).update(state=Item.State.OPEN)
    for item, *_ in wanted:
        item.state = Item.State.OPEN if made[item.pk] else item.state
    return made


def open_slots(*, item: Item, humans: int, judges: int) -> list[Slot]:
    """Asks for so many answers of people and judges, on top of any asked before; the item is open from then on.

    In the caller's transaction. Raises Conflict for an item that was withdrawn.
    """
    with transaction.atomic():
        locked = lock_items([item.pk]).get(item.pk)
        if locked is None:
            raise Conflict(gettext("This item was withdrawn."), code="item-void")
        slots = open_locked([(locked, humans, judges)])[item.pk]
    item.state = locked.state
    return slots


def void_slots(*, slots: Iterable[Slot]) -> int:
    """Takes back wanted answers that have not been given, leased or not; those given stay. Returns how many.

    The item is done where nothing is waited for any more.
    """
    with transaction.atomic():
        wanted = [slot.pk for slot in slots]
        return _void(Slot.objects.filter(pk__in=wanted))


def _void(slots: Any) -> int:
    waiting = Q(state__in=[Slot.State.OPEN, Slot.State.LEASED])
    found = holds.lock_all(slots.filter(waiting))
    for slot in found:
        if slot.state == Slot.State.LEASED:
            holds.let_go(slot, EndedLease.Why.VOID, Slot.State.VOID)
    Slot.objects.filter(pk__in=[slot.pk for slot in found]).update(state=Slot.State.VOID)
    # An open item is done where no slot of it waits; `lock_all` has locked them.
    left = Slot.objects.filter(waiting, item=OuterRef("pk"), purpose=Slot.Purpose.LABEL)
    touched = Item.objects.filter(pk__in={slot.item_id for slot in found}, state=Item.State.OPEN)
    touched.exclude(Exists(left)).update(state=Item.State.DONE)
    return len(found)


@transaction.atomic
def withdraw_item(*, item: Item, by: User | None = None, reason: str = "") -> None:
    """Takes an item out of circulation, which deals with its open flags; done twice, the first time and reason stand.

    What was answered stays; who has the item in hand is told when they submit.
    """
    holds.lock_all(Slot.objects.filter(item=item))
    locked = Item.objects.select_for_update(no_key=True).select_related("project").get(pk=item.pk)
    if locked.state != Item.State.VOID:
        _void(Slot.objects.filter(item=item))
        Flag.objects.filter(item=item, resolved_at=None).update(resolved_at=timezone.now())
        locked.state, locked.meta = Item.State.VOID, locked.meta | ({"void_reason": reason} if reason else {})
        locked.save(update_fields=["state", "meta"])
        about = f"project:{locked.project.slug}"
        audit(actor=by, kind="item.withdrawn", subject=about, item=item.pk, reason=reason)
    item.state, item.meta = locked.state, locked.meta


@transaction.atomic
def create_item(*, project: Project, row: Row) -> tuple[Item, bool]:
    """One item of a prompt and its responses, named as an import would; (item, whether it is new).

    The same content under the same id again is the same item. Raises Conflict where the id is another's.
    """
    body, _ = compiled(row, format="api", use_recorded=None, options=Options())
    known = {"project": project, "external_id": body["prompt"].pop("external_id")}
    prompt, _ = Prompt.objects.get_or_create(**known, defaults=body["prompt"])
    ids = []
    for response in body["responses"]:
        name = response.pop("external_id")
        ids.append(Response.objects.get_or_create(prompt=prompt, external_id=name, defaults=response)[0].pk)
    content = {"prompt": prompt, "response_ids": ids, "meta": body["meta"]}
    candidate, _ = Candidate.objects.get_or_create(project=project, external_id=body["external_id"], defaults=content)
    locked = Candidate.objects.select_for_update(no_key=True).get(pk=candidate.pk)
    made = locked.taken_at is None
    if made:
        _take(project, [locked])
    item = Item.objects.filter(candidate=locked).first()
    if item is None or (locked.prompt_id, locked.response_ids) != (prompt.pk, ids):
        raise Conflict(gettext("Another item has this id."), code="id-taken")
    return item, made
