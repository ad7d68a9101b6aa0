"""What admins fill in about a project, and newcomers about themselves."""

from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.forms import HOW_TO_CHOOSE
from projects.models import Project, Role
from projects.services.guidelines import MAX_CHARACTERS as MAX_GUIDELINE
from projects.services.invite_many import MAX_CHARACTERS
from projects.services.open_links import MAX_CAPACITY
from projects.services.surveys import MAX_CHARACTERS as MAX_CONSENT


class MomentInput(forms.DateTimeInput):
    """A date and a time of day, by the browser's own picker. All times of the product are UTC."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


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
        max_length=MAX_GUIDELINE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 24}),
        help_text=_(
            "Markdown. A quote whose first line is [!GOOD] or [!BAD] is shown as an example. "
            "Answers already given keep the version that their raters saw."
        ),
    )


DAYS = [(1, _("1 day")), (7, _("7 days")), (30, _("30 days")), (90, _("90 days"))]
COHORT = _("A group of raters, e.g. experts; items can be kept for a cohort.")


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class ReachForm(forms.Form):
    """What a member may be given."""

    cohort = forms.CharField(label=_("Cohort"), max_length=40, required=False, help_text=COHORT)
    languages = forms.CharField(
        label=_("Languages"),
        max_length=1000,
        required=False,
        help_text=_("Tags with commas between them, e.g. en, pt-BR; none stands for all."),
    )


class InvitationForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.RATER)
    days = forms.TypedChoiceField(label=_("Stands for"), coerce=int, initial=7, choices=DAYS)
    note = forms.CharField(
        label=_("Note"), max_length=120, required=False, help_text=_("Whom it is for; only admins see it")
    )
    cohort = forms.CharField(label=_("Cohort"), max_length=40, required=False, help_text=COHORT)


class GuestListForm(forms.Form):
    """A table of people, as a file or as text."""

    file = forms.FileField(label=_("CSV file"), required=False)
    table = forms.CharField(
        label=_("or the table as text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_("First line: the names of the columns, some of name, email, note, role, cohort, languages."),
    )
    days = forms.TypedChoiceField(label=_("Links stand for"), coerce=int, initial=7, choices=DAYS)

    def clean(self) -> dict[str, Any]:
        """`table` is the text of the file where one was sent."""
        data = super().clean() or {}
        sent = data.get("file")
        if sent is not None and sent.size > MAX_CHARACTERS:
            self.add_error("file", gettext("The table is too long."))
        elif sent is not None:
            try:
                data["table"] = sent.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", gettext("The file is not UTF-8 text. Save it as “CSV UTF-8”."))
        elif not (data.get("table") or "").strip():
            self.add_error("table", gettext("Choose a file or type a table."))
        return data


class OpenLinkForm(forms.Form):
    capacity = forms.IntegerField(label=_("Places"), min_value=1, max_value=MAX_CAPACITY, initial=50)
    days = forms.TypedChoiceField(label=_("Stands for"), coerce=int, initial=7, choices=DAYS)
    parameter = forms.CharField(
        label=_("Participant's id"),
        max_length=40,
        required=False,
        help_text=_("The query parameter in which the platform says who it is, e.g. PROLIFIC_PID; empty: none."),
    )
    cohort = forms.CharField(label=_("Cohort"), max_length=40, required=False, help_text=COHORT)
    note = forms.CharField(
        label=_("Note"), max_length=120, required=False, help_text=_("What it is for; only admins see it")
    )


class NewcomerForm(forms.Form):
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
        help_text=_("For signing in: letters, digits and @ . + - _"),
    )
    display_name = forms.CharField(
        label=_("Display name"), max_length=80, required=False, help_text=_("What others in the project see")
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=HOW_TO_CHOOSE,
    )


class ConsentForm(forms.Form):
    text = forms.CharField(
        label=_("Consent"),
        max_length=MAX_CONSENT,
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("Markdown. Every change is a new version, and everybody is asked again. Empty: nobody is asked."),
    )


class SurveyForm(forms.Form):
    questions = forms.CharField(
        label=_("Survey"),
        max_length=100_000,
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false", "translate": "no"}),
        help_text=_("One question a paragraph. Every one can be left open. Empty: nobody is asked."),
    )


class WithdrawForm(forms.Form):
    forget = forms.BooleanField(label=_("Delete what I told about myself, too"), required=False)
