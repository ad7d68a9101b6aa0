"""A new form may be put to items that an earlier one could not: those come back into circulation."""

from django.db import connection, transaction
from django.utils import timezone

from annotation.content import shape_of
from annotation.models import FormVersion, Item, with_responses
from annotation.services import forms

BATCH = 500


@transaction.atomic
def refit(*, limit: int = BATCH) -> int:
    """Looks at no more than `limit` items that did not fit the form before; returns how much there was to do.

    A form version waits until all of them have been looked at (`refitted_at`); `meta.unfit` of an item is the number of
    the form that it was last found not to fit.
    """
    skips = connection.features.has_select_for_update_skip_locked
    waiting = FormVersion.objects.filter(refitted_at=None).order_by("pk")
    form = waiting.select_for_update(no_key=True, skip_locked=skips).first()
    if form is None:
        return 0
    newer = FormVersion.objects.filter(project=form.project_id, number__gt=form.number).exists()
    found = [] if newer else _unfit(form, limit)
    _look_again(form, found)
    if len(found) < limit:
        FormVersion.objects.filter(pk=form.pk).update(refitted_at=timezone.now())
    return max(1, len(found))


def _unfit(form: FormVersion, limit: int) -> list[Item]:
    void = Item.objects.filter(project=form.project_id, state=Item.State.VOID, meta__unfit__lt=form.number)
    found = void.select_related("prompt").prefetch_related(with_responses()).order_by("pk")
    return list(found.select_for_update(of=("self",), no_key=True)[:limit])


def _look_again(form: FormVersion, items: list[Item]) -> None:
    for item in items:
        shape = shape_of(item.prompt, [row.response for row in item.item_responses.all()])
        if fault := forms.check_item(form.fields, shape):
            item.meta |= {"unfit": form.number, "void_reason": fault}
        else:
            item.state = Item.State.NEW
            item.meta = {key: kept for key, kept in item.meta.items() if key not in {"unfit", "void_reason"}}
    Item.objects.bulk_update(items, ["state", "meta"])
