"""The list of a project's items: filtered, ordered, and paged by key both ways, however many there are."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Count, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from annotation.models import Flag, Item, Slot
from common.errors import BadRequest
from corpus.models import Prompt
from projects.models import Project

COLUMNS = {"id": "pk", "priority": "priority", "confidence": "confidence"}
ORDERINGS = [sign + name for name in COLUMNS for sign in ("", "-")]
PAGE_LIMIT = 500
COUNTED = 5_000
"""Counting what a filter finds stops here: a page says "more than 5,000" rather than wait for a sum."""
CURSOR = re.compile(r"(?:(-?[0-9]{1,9}(?:\.[0-9]{1,20})?(?:e-[0-9]{1,3})?):)?([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True)
class Filters:
    """Which items; what is not given filters nothing.

    `search`: how the external id begins; `tag`: a tag of the prompt, "key" (set at all) or "key=value"; `source`: the
    id of an import; `flagged`: with an open flag, or without; `labelled`: with a label, or without; `below`: of a label
    less sure than that; `answered`: with so many answers of those asked for.
    """

    state: str = ""
    search: str = ""
    round: int | None = None
    priority: int | None = None
    language: str = ""
    tag: str = ""
    source: int | None = None
    flagged: bool | None = None
    labelled: bool | None = None
    below: float | None = None
    answered: int | None = None

    @property
    def of_prompt(self) -> bool:
        return bool(self.language or self.tag)

    @property
    def any(self) -> bool:
        return any(getattr(self, field.name) not in ("", None) for field in fields(self))


@dataclass(frozen=True)
class ItemRow:
    item: Item
    wanted: int
    answered: int
    open_flags: int


@dataclass(frozen=True)
class Page:
    """One page by key: what was added meanwhile neither shifts nor repeats a row.

    `next_after`, `previous_before`: the keys that lead on and back; None at the ends. `total`: how many the filters
    find, up to COUNTED; `more`: there are more than that.
    """

    rows: list[ItemRow]
    next_after: str | None
    previous_before: str | None
    total: int
    more: bool


class Beyond(Func):
    """(column, id) before or after a key, compared as rows: such a page begins where its index says, however deep."""

    output_field = BooleanField()

    def __init__(self, column: str, value: Any, pk: int, sign: str) -> None:
        super().__init__(F(column), F("pk"), Value(value), Value(pk))
        self.sign = sign

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts = [compiler.compile(one) for one in self.source_expressions]
        left, right = (f"({a[0]}, {b[0]})" for a, b in (parts[:2], parts[2:]))
        return f"{left} {self.sign} {right}", [param for part in parts for param in part[1]]


def item_page(
    *,
    project: Project,
    filters: Filters | None = None,
    ordering: str = "id",
    after: str | None = None,
    before: str | None = None,
    size: int = 50,
) -> Page:
    """Items of a project. `after`, `before`: the key of a page's neighbour. An order by confidence has only what is
    labelled in it.

    Raises BadRequest for an unknown state or ordering, and for a key that is none.
    """
    filters = filters or Filters()
    if ordering not in ORDERINGS:
        raise BadRequest(_("Unknown ordering."), fields={"ordering": [_must_be(ORDERINGS)]})
    if filters.state and filters.state not in Item.State.values:
        raise BadRequest(_("Unknown state."), fields={"state": [_must_be(Item.State.values)]})
    column, descends = COLUMNS[ordering.lstrip("-")], ordering.startswith("-")
    found = filtered(project, filters)
    if column == "confidence":
        found = found.filter(confidence__isnull=False)
    backwards = after is None and before is not None
    size = max(1, min(size, PAGE_LIMIT))
    key = _parsed(after if after is not None else before, column)
    known = list(found.order_by().values_list(column, "pk")[: COUNTED + 1])
    counted = len(known)
    if counted <= COUNTED:
        found = Item.objects.filter(pk__in=_few(known, key, descends != backwards, size + 1))
    elif filters.of_prompt:
        found = _walked(project, filters)
        found = found.filter(confidence__isnull=False) if column == "confidence" else found
    items = _slice(found, column, descends != backwards, key, size + 1)
    more, items = len(items) > size, items[:size]
    if backwards:
        items.reverse()
    onwards, back = (bool(items), more) if backwards else (more, bool(items) and after is not None)
    return Page(
        rows=_rows(project, items),
        next_after=_key(items[-1], column) if onwards else None,
        previous_before=_key(items[0], column) if back else None,
        total=min(counted, COUNTED),
        more=counted > COUNTED,
    )


def _few(known: list[tuple[Any, int]], key: tuple[Any, int] | None, falling: bool, size: int) -> list[int]:
    """The page's ids out of all that were found.

    Of few items the planner would walk an index by the order wished for, perhaps a million rows to find a dozen.
    """
    found = sorted(known, reverse=falling)
    if key is not None:
        found = [one for one in found if (one < key if falling else one > key)]
    return [pk for _value, pk in found[:size]]


def _must_be(words: Iterable[str]) -> str:
    return _("Must be one of %(words)s.") % {"words": ", ".join(words)}


def filtered(project: Project, filters: Filters) -> QuerySet[Item]:
    """The items that the filters let through, in no order."""
    found = _of_items(project, filters)
    if filters.of_prompt:
        # The project once more, so that prompts are found by their own index.
        found = found.filter(_of_prompt("prompt__", filters), prompt__project=project)
    return found


def _walked(project: Project, filters: Filters) -> QuerySet[Item]:
    """The same where many are found: prompts are looked at in passing. Joined, all that fit would be sorted first."""
    fits = Prompt.objects.filter(_of_prompt("", filters), pk=OuterRef("prompt"))
    looked_at = Coalesce(Subquery(fits.values_list(Value(1))[:1]), 0)
    return _of_items(project, filters).filter(Exact(looked_at, 1))


def _of_prompt(path: str, filters: Filters) -> Q:
    wanted = Q(**{f"{path}language": filters.language}) if filters.language else Q()
    return wanted & _tagged(path, filters.tag) if filters.tag else wanted


def _of_items(project: Project, filters: Filters) -> QuerySet[Item]:
    found = Item.objects.filter(project=project)
    exact = {
        "state": filters.state or None,
        "round": filters.round,
        "priority": filters.priority,
        "answered": filters.answered,
        "source": filters.source,
        "external_id__startswith": filters.search or None,
        "confidence__lt": filters.below,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value is not None})
    if filters.labelled is not None:
        found = found.filter(confidence__isnull=not filters.labelled)
    if filters.flagged is not None:
        has_flag = Q(pk__in=Flag.objects.filter(resolved_at=None).values("item"))
        found = found.filter(has_flag if filters.flagged else ~has_flag)
    return found


def _tagged(path: str, tag: str) -> Q:
    key, equals, value = (part.strip() for part in tag.partition("="))
    if not equals:
        return Q(**{f"{path}tags__has_key": key})
    if connection.vendor == "postgresql":
        return Q(**{f"{path}tags__contains": {key: value}}) | Q(**{f"{path}tags__contains": {key: [value]}})
    if "__" in key or not re.fullmatch(r"[\w -]+", key):
        return Q(pk=None)
    # SQLite looks into no list: the text of it is searched for the value as JSON has it.
    at = f"{path}tags__{key}"
    return Q(**{at: value}) | Q(**{f"{at}__regex": re.escape(json.dumps(value))})


def _slice(found: QuerySet[Item], column: str, falling: bool, key: tuple[Any, int] | None, size: int) -> list[Item]:
    sign = "-" if falling else ""
    if key is not None:
        value, pk = key
        before, beyond = Q(pk__lt=pk) if falling else Q(pk__gt=pk), Beyond(column, value, pk, "<" if falling else ">")
        found = found.filter(before if column == "pk" else beyond)
    order = [f"{sign}pk"] if column == "pk" else [f"{sign}{column}", f"{sign}pk"]
    return list(found.select_related("prompt").order_by(*order)[:size])


def _key(item: Item, column: str) -> str:
    return str(item.pk) if column == "pk" else f"{getattr(item, column)!r}:{item.pk}"


def _parsed(key: str | None, column: str) -> tuple[Any, int] | None:
    """The value and the id of a page's neighbour. Raises BadRequest."""
    if key is None:
        return None
    found = CURSOR.fullmatch(key)
    pk = int(found[2]) if found else 0
    value: Any = pk if column == "pk" else None
    if found and found[1] is not None:
        value = float(found[1]) if column == "confidence" else int(float(found[1]))
    wrong = found is None or (found[1] is None) != (column == "pk") or (column == "priority" and abs(value) > 32767)
    if wrong:
        raise BadRequest(_("This is no place in the list."), fields={"after": [_("Not a key of a page.")]})
    return value, pk


def _rows(project: Project, items: list[Item]) -> list[ItemRow]:
    counts = _slot_counts(item.pk for item in items)
    flags = Counter(open_flags(project).filter(item__in=items).values_list("item", flat=True))
    return [ItemRow(item, *counts.get(item.pk, (0, 0)), flags[item.pk]) for item in items]


def open_flags(project: Project) -> QuerySet[Flag]:
    return Flag.objects.filter(item__project=project, resolved_at=None)


def _slot_counts(item_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """item → (answers wanted, answers given), for one page of items."""
    wanted = Slot.objects.filter(item__in=list(item_ids), purpose="label").exclude(state=Slot.State.VOID)
    rows = (
        wanted.values_list("item")
        .annotate(total=Count("pk"), done=Count("pk", filter=Q(state=Slot.State.DONE)))
        .order_by()
    )
    return {item_id: (total, done) for item_id, total, done in rows}
