"""The forms of the quality pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Gold
from annotation.services.golds import EXPLANATION_LIMIT
from annotation.services.scoring import NOTE_LIMIT
from annotation.watch import Watch
from common.configs import form_fields

GROUPS = (
    (_("How many people are asked"), ("share", "share_overlap")),
    (_("Limits for one rater"), ("cap_total", "cap_day")),
    (
        _("Gold items and attention checks"),
        ("gold_rate", "check_rate", "tolerance", "gold_bar", "gold_window", "check_bar", "check_window"),
    ),
    (_("Repeats"), ("repeat_rate", "repeat_after_hours")),
    (
        _("Qualification"),
        ("qualification_items", "qualification_bar", "qualification_attempts", "qualification_feedback"),
    ),
)


class WatchForm(forms.Form):
    """The settings of a project (annotation/watch.py), in groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update(form_fields(Watch))
        for field in self.fields.values():
            field.required = not isinstance(field, forms.BooleanField)

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in GROUPS]


class GoldForm(forms.Form):
    """How an item whose answer is known is used. Its controls stand beside the answer, in the same form."""

    kind = forms.ChoiceField(
        label=_("Used as"),
        choices=Gold.Kind.choices,
        help_text=_("A gold item asks raters to judge as we do; an attention check only asks whether they read."),
    )
    in_qualification = forms.BooleanField(label=_("Asked in the qualification"), required=False)
    trains = forms.BooleanField(
        label=_("The answer may become a label"),
        required=False,
        help_text=_("Else nothing is ever trained on this item."),
    )
    tolerance = forms.FloatField(
        label=_("Tolerance"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=_("How far from this answer still passes, 0 to 1. Empty: as the project has it."),
    )
    explanation = forms.CharField(
        label=_("Explanation"),
        required=False,
        max_length=EXPLANATION_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Why this is the answer. Raters read it in the qualification, and nowhere else."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["form"] = "judgement"


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For your colleagues; the rater does not see it."),
    )
