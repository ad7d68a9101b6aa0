"""What a person fills in to import."""

from typing import Any

from django import forms
from django.core.files.base import ContentFile
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.words import gettext_noop
from corpus.importers import importers
from corpus.importers.csv_table import ROLES, SEVERAL
from corpus.uploads import MAX_FILES

RECORDED = {"": None, "yes": True, "no": False}
ROLE_WORDS = {
    "prompt": _("Prompt"),
    "system": _("System prompt"),
    "responses": _("Responses"),
    "context": _("Context passages"),
    "external_id": _("Id"),
    "language": _("Language"),
    "group": _("Group (never torn apart by a split)"),
    "licence": _("Licence"),
}


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of uploaded files; `clean` gives a list."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data] if data else []
        return [super(FilesField, self).clean(one, initial) for one in given]


class ImportForm(forms.Form):
    format = forms.ChoiceField(
        widget=forms.RadioSelect, label=_("Format"), help_text=_("This page shows an example of each.")
    )
    file = FilesField(
        required=False,
        label=_("Files"),
        help_text=format_lazy(
            _("JSON lines or a JSON list, also as .gz or .zip; at most {most} files, read as one."), most=MAX_FILES
        ),
    )
    text = forms.CharField(
        required=False,
        strip=False,
        label=_("Or paste a few lines"),
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )
    open_prompts = forms.BooleanField(
        required=False,
        label=_("Take rows with no or one response as open prompts"),
        help_text=_("The next policy version answers them. Only Prefloop JSON lines can hold such rows."),
    )
    use_recorded = forms.ChoiceField(
        required=False,
        label=_("Judgments in the file"),
        choices=[
            ("", _("As the format has it")),
            ("yes", _("Count them in labels")),
            ("no", _("Keep them, but do not count them")),
        ],
        help_text=_(
            "Preference data (TRL, HH) counts; the people and judges of PandaLM are kept for routing to replay."
        ),
    )
    language = forms.CharField(
        required=False,
        max_length=35,
        label=_("Language"),
        help_text=_("Where a row does not say; a tag such as en or pt-BR."),
    )
    licence = forms.CharField(
        required=False, max_length=200, label=_("Licence"), help_text=_("Where a row does not say.")
    )
    skip_bad_lines = forms.BooleanField(
        required=False,
        label=_("Skip bad lines"),
        help_text=_("Otherwise one bad line means that nothing is imported. The report lists them all either way."),
    )

    spreadsheet = forms.BooleanField(
        required=False,
        label=_("The table comes from a spreadsheet export"),
        help_text=_("The ' before cells that begin with = + - @ is taken off."),
    )
    preview = forms.BooleanField(
        required=False,
        label=_("Show me first"),
        help_text=_("Every line is checked and the first items are shown as raters will see them; then you decide."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["format"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.key, gettext(one.title)) for one in importers()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        files, text = cleaned.get("file") or [], cleaned.get("text") or ""
        if bool(files) == bool(text.strip()) and not self.errors:
            raise forms.ValidationError(gettext("Choose files or paste lines: one of the two."))
        return cleaned

    def given(self) -> dict[str, Any]:
        """The arguments of `services.start_import` that a person chooses."""
        cleaned = self.cleaned_data
        pasted = ContentFile(cleaned["text"].encode(), name=gettext_noop("pasted lines"))
        return {
            "format": cleaned["format"],
            "files": cleaned["file"] or [pasted],
            "skip_bad_lines": cleaned["skip_bad_lines"],
            "preview": cleaned["preview"],
            "options": {
                "spreadsheet": cleaned["spreadsheet"],
                "open_prompts": cleaned["open_prompts"],
                "use_recorded": RECORDED[cleaned["use_recorded"]],
                "language": cleaned["language"],
                "licence": cleaned["licence"],
            },
        }


class ColumnsForm(forms.Form):
    """Which column of a table is what. One that several may be is a list of check boxes."""

    def __init__(self, data: Any, *, header: list[str], used: dict[str, list[str]]) -> None:
        super().__init__(data, initial={role: names if role in SEVERAL else next(iter(names), "")
                                        for role, names in used.items()})  # fmt: skip
        columns = [(name, name) for name in header]
        for role in ROLES:
            if role in SEVERAL:
                self.fields[role] = forms.MultipleChoiceField(
                    label=ROLE_WORDS[role], choices=columns, required=False, widget=forms.CheckboxSelectMultiple
                )
            else:
                self.fields[role] = forms.ChoiceField(
                    label=ROLE_WORDS[role], choices=[("", "–"), *columns], required=role == "prompt"
                )

    @property
    def columns(self) -> dict[str, list[str]]:
        """Role → names of columns, as `Options.columns` has it."""
        chosen = {role: self.cleaned_data.get(role) or [] for role in ROLES}
        return {role: names if isinstance(names, list) else [names] for role, names in chosen.items()}
