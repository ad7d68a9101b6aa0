"""What admins fill in about a project, and newcomers about themselves."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import HOW_TO_CHOOSE
from projects.models import Project, Role
from projects.services.guidelines import MAX_CHARACTERS


class MomentInput(forms.DateTimeInput):
    """A date and a time of day, by the browser's own picker. All times of the product are UTC."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class ProjectForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Project
        fields = ["name", "description"]
        labels = {"name": _("Name"), "description": _("Description")}
        widgets = {"description": forms.Textarea(attrs={"rows": 4})}
        help_texts = {"description": _("What the feedback is for, in a sentence or two. Every member sees it.")}


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = Project
        fields = [
            "name",
            "description",
            "state",
            "deadline_at",
            "overlap",
            "lease_seconds_min",
            "lease_seconds_max",
            "price_per_label",
            "raters_see_statistics",
        ]
        widgets = {"description": forms.Textarea(attrs={"rows": 4}), "deadline_at": MomentInput()}
        labels = {
            "name": _("Name"),
            "description": _("Description"),
            "state": _("State"),
            "deadline_at": _("Deadline (UTC)"),
            "overlap": _("People per item"),
            "lease_seconds_min": _("Shortest lease, in seconds"),
            "lease_seconds_max": _("Longest lease, in seconds"),
            "price_per_label": _("Price of one person's label"),
            "raters_see_statistics": _("Raters see their own statistics"),
        }
        help_texts = {
            "state": _(
                "Draining: nobody is given new items, those in hands may be finished. "
                "Paused: nobody is shown anything. Archived: the same, and it is listed last."
            ),
            "deadline_at": _("From then on nothing new is given out; what is in hands may be finished."),
            "overlap": _("How many people are asked about each item that people judge; items already out keep theirs."),
            "lease_seconds_min": _("An item is a rater's for at least this long."),
            "lease_seconds_max": _("After this long without an answer it goes to somebody else."),
            "price_per_label": _("In your currency; budgets and reports count with it."),
        }

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        low, high = data.get("lease_seconds_min"), data.get("lease_seconds_max")
        if isinstance(low, int) and low < 10:
            self.add_error("lease_seconds_min", gettext("At least 10 seconds."))
        if isinstance(low, int) and isinstance(high, int) and high < low:
            self.add_error("lease_seconds_max", gettext("Not less than the shortest lease."))
        return data


class GuidelineForm(forms.Form):
    text = forms.CharField(
        label=_("Guideline"),
        max_length=MAX_CHARACTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24}),
        help_text=_(
            "Markdown. A quote whose first line is [!GOOD] or [!BAD] is shown as an example. "
            "Answers already given keep the version that their raters saw."
        ),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class InvitationForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices, initial=Role.RATER)
    days = forms.TypedChoiceField(
        label="Stands for", coerce=int, initial=7, choices=[(1, "1 day"), (7, "7 days"), (30, "30 days")]
    )
    note = forms.CharField(max_length=120, required=False, help_text="Whom it is for; only admins see it")


class NewcomerForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
        help_text="For signing in: letters, digits and @ . + - _",
    )
    display_name = forms.CharField(max_length=80, required=False, help_text="What others in the project see")
    password = forms.CharField(
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=HOW_TO_CHOOSE,
    )
