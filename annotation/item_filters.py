"""The form above the list of items: what a page shows of it and what the list is asked for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from annotation.models import Item
from annotation.selectors import Filters
from annotation.services.items import PRIORITIES, ROUNDS
from common.said import said

ANY = ("", pgettext_lazy("filter", "any"))
EITHER = [ANY, ("true", pgettext_lazy("filter", "yes")), ("false", pgettext_lazy("filter", "no"))]
ORDERINGS = [
    ("id", _("oldest first")),
    ("-id", _("newest first")),
    ("-priority", _("most urgent first")),
    ("priority", _("least urgent first")),
    ("confidence", _("least sure first")),
    ("-confidence", _("surest first")),
]
ALWAYS = ("state", "search", "ordering")
"""Of the filters, those that a page shows unfolded."""


class ItemFilters(forms.Form):
    """All of it may be left out; what is no such filter counts as left out, and its field says why."""

    state = forms.ChoiceField(label=_("State"), choices=[ANY, *Item.State.choices], required=False)
    search = forms.CharField(label=_("External id begins with"), max_length=200, required=False, strip=False)
    ordering = forms.ChoiceField(label=_("Order"), choices=ORDERINGS, required=False)
    flagged = forms.ChoiceField(label=_("Flagged"), choices=EITHER, required=False)
    labelled = forms.ChoiceField(label=_("Has a label"), choices=EITHER, required=False)
    below = forms.FloatField(
        label=_("Confidence below"),
        min_value=0,
        max_value=1,
        required=False,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )
    answered = forms.IntegerField(label=_("Answers given"), min_value=0, max_value=1000, required=False)
    round = forms.IntegerField(label=_("Round"), min_value=1, max_value=ROUNDS, required=False)
    priority = forms.IntegerField(label=_("Priority"), min_value=-PRIORITIES, max_value=PRIORITIES, required=False)
    language = forms.CharField(label=_("Language"), max_length=35, required=False)
    tag = forms.CharField(label=_("Tag, or tag=value"), max_length=200, required=False)
    source = forms.ChoiceField(label=_("Import"), choices=[ANY], required=False)

    def __init__(self, data: Any, imports: list[Any]) -> None:
        # An order that is none is the usual one; the address of an old bookmark said 1 for yes.
        data = data.copy()
        data["flagged"] = "true" if data.get("flagged") == "1" else data.get("flagged", "")
        super().__init__(data)
        self.fields["source"].choices = [ANY, *((one.pk, said(one.filename)) for one in imports)]  # type: ignore[attr-defined]

    def chosen(self) -> tuple[Filters, str]:
        self.is_valid()
        given = self.cleaned_data
        words: dict[str, Any] = {name: given.get(name) or "" for name in ("state", "search", "language", "tag")}
        numbers: dict[str, Any] = {name: given.get(name) for name in ("round", "priority", "answered", "below")}
        either = {"true": True, "false": False}
        found = Filters(
            **words,
            **numbers,
            source=int(given["source"]) if given.get("source") else None,
            flagged=either.get(given.get("flagged", "")),
            labelled=either.get(given.get("labelled", "")),
        )
        return found, given.get("ordering") or "id"

    @property
    def first(self) -> list[Any]:
        return [self[name] for name in ALWAYS]

    @property
    def others(self) -> list[Any]:
        return [self[name] for name in self.fields if name not in ALWAYS]

    @property
    def unfolded(self) -> bool:
        """Whether one of the others filters, or wants to."""
        return any(self.data.get(name) for name in self.fields if name not in ALWAYS)
