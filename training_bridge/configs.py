"""A pydantic model as a Django form: one field each, its description the hint. Checking stays the model's own."""

from typing import Any

from django import forms
from pydantic import BaseModel


def form_fields(model: type[BaseModel]) -> dict[str, forms.Field]:
    """A form field for every setting of `model`, in order, with the model's default as initial value."""
    properties = model.model_json_schema()["properties"]
    return {name: _field(name, schema) for name, schema in properties.items()}


def read(model: type[BaseModel], cleaned: dict[str, Any]) -> dict[str, Any]:
    """The settings that a person has filled in; what they left empty takes its default."""
    return {name: cleaned[name] for name in model.model_fields if cleaned.get(name) not in (None, "")}


def _field(name: str, schema: dict[str, Any]) -> forms.Field:
    common: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(),
        "help_text": schema.get("description", ""),
        "initial": schema.get("default"),
        "required": False,
    }
    kind = schema.get("type")
    if "enum" in schema:
        return forms.ChoiceField(choices=[(value, str(value).replace("_", " ")) for value in schema["enum"]], **common)
    if kind == "boolean":
        return forms.BooleanField(**common)
    if kind == "integer":
        return forms.IntegerField(widget=_number_input(schema, "1"), **common)
    if kind == "number":
        return forms.FloatField(widget=_number_input(schema, "any"), **common)
    if kind == "array":
        return NumbersField(**(common | {"initial": ""}))
    return forms.CharField(max_length=schema.get("maxLength", 500), **common)


def _number_input(schema: dict[str, Any], step: str) -> forms.NumberInput:
    bounds = {"min": schema.get("minimum"), "max": schema.get("maximum"), "step": step}
    return forms.NumberInput(attrs={key: value for key, value in bounds.items() if value is not None})


class NumbersField(forms.CharField):
    """Whole numbers with commas between them."""

    def clean(self, value: Any) -> list[int]:
        text = super().clean(value)
        try:
            return [int(part) for part in text.split(",") if part.strip()]
        except ValueError as fault:
            raise forms.ValidationError("Give whole numbers with commas between them, e.g. 1, 2.") from fault
