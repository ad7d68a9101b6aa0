"""Changing items that are there: how many people are asked about them, how soon, and whom."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from annotation.item_filters import ItemFilters
from annotation.models import Item, Lane
from annotation.selectors.chosen import chosen
from annotation.services.items import PRIORITIES
from common.errors import DomainError
from common.http import add_errors, sent, show_or_send, status_of
from common.text import natural
from projects.access import ADMIN, ProjectRequest, project_view
from routing.services.changes import LIMIT, Result, change
from routing.services.overlap import MOST

IMPORTS = 200
"""Of the filter, the latest ones."""


class ChangeForm(forms.Form):
    """What is left empty stays as it is. Whom items are for is ticked to be changed: an empty text means anybody."""

    people = forms.IntegerField(
        label=gettext_lazy("People asked about each"),
        required=False,
        min_value=0,
        max_value=MOST,
        help_text=gettext_lazy(
            "More opens new slots, fewer withdraws open ones, never those that are answered or in hand. "
            "0: as the project has it. Empty: no change."
        ),
    )
    priority = forms.IntegerField(
        label=gettext_lazy("Priority"),
        required=False,
        min_value=-PRIORITIES,
        max_value=PRIORITIES,
        help_text=gettext_lazy("Higher comes first; 0 is usual. Empty: no change."),
    )
    move = forms.BooleanField(label=gettext_lazy("Change whom they are for"), required=False)
    language = forms.CharField(
        label=gettext_lazy("Only for readers of"), required=False, max_length=35, help_text=gettext_lazy("E.g. de.")
    )
    topic = forms.CharField(label=gettext_lazy("Only for those who take the topic"), required=False, max_length=80)
    cohort = forms.SlugField(label=gettext_lazy("Only for the group"), required=False, max_length=40)

    def changes(self) -> dict[str, Any]:
        given = self.cleaned_data
        found = {name: given[name] for name in ("people", "priority") if given[name] is not None}
        whom = {name: given[name] for name in ("language", "topic", "cohort")}
        return found | (whom if given["move"] else {})


def _one(asked: QueryDict) -> int | None:
    return natural(asked.get("item", ""))


@show_or_send
@project_view(ADMIN)
def items_change(request: ProjectRequest) -> HttpResponse:
    """The items are those of the address: one (`item`), or all that the list's filter finds."""
    item_id = _one(request.GET)
    asked = ItemFilters(request.GET, list(request.project.imports.order_by("-pk")[:IMPORTS]))
    filters, _ordering = asked.chosen()
    found = chosen(project=request.project, filters=filters, item=item_id, most=LIMIT + 1)
    one = Item.objects.filter(project=request.project, pk=item_id).first() if item_id else None
    form = ChangeForm(sent(request), initial=_as_it_is(one))
    if form.is_valid() and found and len(found) <= LIMIT:
        try:
            result = change(project=request.project, item_ids=found, by=request.user, **form.changes())
        except DomainError as fault:
            add_errors(form, fault)
        else:
            _say(request, result)
            if one is not None:
                return redirect("annotation:item", request.project.slug, one.pk)
            return redirect("annotation:items", request.project.slug)
    context = {
        "project": request.project,
        "membership": request.membership,
        "form": form,
        "number": len(found),
        "too_many": len(found) > LIMIT,
        "most": LIMIT,
        "one": one,
        "filtered": filters.any,
    }
    return render(request, "routing/items_change.html", context, status=status_of(form))


def _as_it_is(item: Item | None) -> dict[str, Any]:
    """What the form of one item begins with."""
    if item is None:
        return {}
    lane = Lane.objects.filter(project=item.project_id, number=item.lane).first() or Lane()
    whom = {"language": lane.language, "topic": lane.topic, "cohort": lane.cohort}
    return {"people": item.overlap, "priority": item.priority} | whom


def _say(request: ProjectRequest, result: Result) -> None:
    said = ngettext("%(n)d item is changed.", "%(n)d items are changed.", result.items) % {"n": result.items}
    messages.success(request, said)
    if result.overlap is None:
        return
    counts = {"opened": result.overlap.opened, "withdrawn": result.overlap.withdrawn}
    messages.success(request, _("%(opened)d slots were opened, %(withdrawn)d withdrawn.") % counts)
    if result.overlap.left:
        left = _("The budget has no room for more people: %(n)d items were not reached.") % {"n": result.overlap.left}
        messages.warning(request, left)
