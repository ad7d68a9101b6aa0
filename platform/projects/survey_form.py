"""The form that a survey's questions make. Every one can be left open; "prefer not to say" is a choice of its own."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from projects.models import Survey
from projects.questions import TEXT_LENGTH, Question

NOT_SAID = "-"
"""Posted for "prefer not to say", which is chosen like any other answer; options cannot be called so."""


class AnswersForm(forms.Form):
    """Fields named `q-<question>`; `given`: {question: answer} that stand already."""

    def __init__(self, *args: Any, survey: Survey, given: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions: list[Question] = survey.questions
        for question in self.questions:
            field = self._field(question)
            field.label, field.required = question["label"], False
            known = (given or {}).get(question["name"])
            field.initial = str(known) if question["kind"] == "scale" and known is not None else known
            self.fields[f"q-{question['name']}"] = field

    def _field(self, question: Question) -> forms.Field:
        kind, options = question["kind"], question.get("options", [])
        if kind == "text":
            return forms.CharField(max_length=TEXT_LENGTH, widget=forms.Textarea(attrs={"rows": 3}))
        if kind == "multiple":
            choices = [(one, one) for one in options]
            return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple)
        choices = [(one, one) for one in options] if kind == "single" else _points(question)
        return forms.ChoiceField(choices=[*choices, (NOT_SAID, _("Prefer not to say"))], widget=forms.RadioSelect)

    def answers(self) -> dict[str, Any]:
        """{question: answer} in the terms of `questions.check_answers`; what was left open is None."""
        found: dict[str, Any] = {}
        for question in self.questions:
            value = self.cleaned_data[f"q-{question['name']}"] or None
            value = None if value == NOT_SAID else value
            found[question["name"]] = int(value) if value and question["kind"] == "scale" else value
        return found


def _points(question: Question) -> list[tuple[str, str]]:
    """The points of a scale, its ends with their words."""
    words = dict(zip((1, question["points"]), question["options"], strict=False))
    return [
        (str(point), f"{point} ({words[point]})" if point in words else str(point))
        for point in range(1, question["points"] + 1)
    ]
