"""Settings as pydantic models: checked, and asked for by a Django form, one field each, its description the hint."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from inspect import isclass
from typing import Any, TypeVar, get_args

from django import forms
from django.utils.formats import localize
from django.utils.translation import gettext
from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from common import text
from common.charts import short_percent
from common.errors import Invalid
from common.rows import SPARE, LinesField, RowsField
from common.said import said
from common.words import gettext_noop

Model = TypeVar("Model", bound=BaseModel)
SHORT = 500
"""Characters up to which a text is asked for in one line."""


def checked(model: type[Model], values: object, what: str = "") -> Model:
    """`values` as `model` reads them. Raises Invalid with the faulty settings by name, nested ones by dotted path.

    `what`: what they are called, if not a configuration.
    """
    what = what or _("Configuration")
    if not isinstance(values, Mapping):
        raise Invalid(
            _("%(what)s: this must be an object.") % {"what": what}, fields={"config": [_("Must be an object.")]}
        )
    try:
        return model.model_validate(dict(values))
    except ValidationError as fault:
        fields: dict[str, list[str]] = {}
        for one in fault.errors(include_url=False, include_input=False):
            name = ".".join(map(str, one["loc"])) or "config"
            fields.setdefault(name, []).append(_reason(one))
        raise Invalid(
            _("%(what)s: some settings are not valid.") % {"what": what}, code="invalid-config", fields=fields
        ) from fault


# What pydantic finds wrong, by its name for it; the gaps are of its making as well.
REASONS = {
    "missing": gettext_noop("This must be given."),
    "extra_forbidden": gettext_noop("There is no such setting."),
    "int_type": gettext_noop("This must be a whole number."),
    "int_parsing": gettext_noop("This must be a whole number."),
    "int_from_float": gettext_noop("This must be a whole number."),
    "float_type": gettext_noop("This must be a number."),
    "float_parsing": gettext_noop("This must be a number."),
    "finite_number": gettext_noop("This must be a finite number."),
    "bool_type": gettext_noop("This must be true or false."),
    "bool_parsing": gettext_noop("This must be true or false."),
    "string_type": gettext_noop("This must be a text."),
    "list_type": gettext_noop("This must be a list."),
    "tuple_type": gettext_noop("This must be a list."),
    "dict_type": gettext_noop("This must be an object."),
    "model_type": gettext_noop("This must be an object."),
    "greater_than": gettext_noop("This must be greater than %(gt)s."),
    "greater_than_equal": gettext_noop("This must be at least %(ge)s."),
    "less_than": gettext_noop("This must be less than %(lt)s."),
    "less_than_equal": gettext_noop("This must be at most %(le)s."),
    "string_too_short": gettext_noop("At least %(min_length)s characters are needed."),
    "string_too_long": gettext_noop("At most %(max_length)s characters are allowed."),
    "too_short": gettext_noop("At least %(min_length)s are needed."),
    "too_long": gettext_noop("At most %(max_length)s are allowed."),
    "literal_error": gettext_noop("This must be one of: %(expected)s."),
    "string_pattern_mismatch": gettext_noop("This is not of the expected form."),
}


def _reason(error: Any) -> str:
    """One finding of pydantic's, or of a validator of ours, in the reader's language."""
    if error["type"] == "value_error":
        return said(error["msg"].removeprefix("Value error, "))
    words = REASONS.get(error["type"])
    return gettext(words) % error.get("ctx", {}) if words else str(error["msg"])


def form_fields(model: type[BaseModel]) -> dict[str, forms.Field]:
    """A form field for every setting of `model`, in order, with the model's default as initial value."""
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    defaults = {name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()}
    return {
        name: _rows(model, name, one, defaults[name])
        or _field(_called(model, name), one, required=name in required, default=defaults[name])
        for name, one in schema["properties"].items()
    }


def read(model: type[BaseModel], cleaned: dict[str, Any]) -> dict[str, Any]:
    """The settings that a person has filled in; what they left empty takes its default."""
    return {name: cleaned[name] for name in model.model_fields if cleaned.get(name) not in (None, "")}


def initial(model: type[BaseModel], config: dict[str, Any]) -> dict[str, Any]:
    """What a form of `model` shows for the settings `config`."""
    fields = form_fields(model)
    return {name: fields[name].prepare_value(value) for name, value in config.items() if name in fields}


def in_words(value: Any) -> str:
    """A setting's value as a person reads it, e.g. `yes`, `please, thanks`, `name: terse, noise: 0.1; name: warm`."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{key}: {in_words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(one, dict) for one in value) else ", ").join(map(in_words, value)) or _("none")
    return _("none") if value in (None, "") else str(localize(value))


def described(
    model: type[BaseModel], config: Mapping[str, Any], without: Collection[str] = ()
) -> list[tuple[str, str]]:
    """(what a setting is called, its value), as a person reads them, in the order of `model`; `without`: not these.

    PostgreSQL keeps no order of keys. What `model` does not know (any more) is left out; a value that a later version
    of it would refuse is shown as it is.
    """
    with suppress(ValidationError):
        config = model.model_validate(config).model_dump(mode="json")
    schemas = model.model_json_schema()["properties"]
    return [
        (_called(model, name), _shown(schemas[name], config[name], _inside(model, name)))
        for name in model.model_fields
        if name in config and name not in without
    ]


def _called(model: type[BaseModel], name: str) -> str:
    """What a setting is called: by its title, else by its name."""
    return gettext(model.model_fields[name].title or name.replace("_", " ").capitalize())


def _inside(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """What the list `name` of settings is made of, where these have settings of their own."""
    inside = get_args(model.model_fields[name].annotation)
    return inside[0] if inside and isclass(inside[0]) and issubclass(inside[0], BaseModel) else None


def _shown(schema: dict[str, Any], value: Any, inside: type[BaseModel] | None = None) -> str:
    """A value as a person reads it: one of a few by the words that the field has for it (`choices`), a `share` in per
    cent."""
    if inside and isinstance(value, list) and value:
        rows = (", ".join(f"{name}: {words}" for name, words in described(inside, row)) for row in value)
        return "; ".join(rows)
    if schema.get("share") and isinstance(value, int | float):
        return short_percent(value)
    if "enum" in schema and isinstance(value, str):
        return gettext(schema.get("choices", {}).get(value, value.replace("_", " ")))
    if "enum" in schema.get("items", {}) and isinstance(value, list) and value:
        words = schema["items"] | {"choices": schema.get("choices", {})}
        return ", ".join(_shown(words, one) for one in value)
    return in_words(value)


def _field(label: str, schema: dict[str, Any], *, required: bool, default: Any) -> forms.Field:
    common: dict[str, Any] = {
        "label": label,
        "help_text": gettext(description) if (description := schema.get("description", "")) else "",
        "initial": schema.get("default"),
        "required": required or schema.get("minLength", 0) > 0,
    }
    given = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(given) == 1:  # what may be left out
        schema = given[0] | {key: value for key, value in schema.items() if key != "anyOf"}
    kind, items = schema.get("type"), schema.get("items", {}).get("type")
    if "enum" in schema:
        return forms.ChoiceField(choices=[(value, _shown(schema, value)) for value in schema["enum"]], **common)
    if kind == "boolean":
        return forms.BooleanField(**(common | {"required": False}))
    if kind == "integer":
        return forms.IntegerField(widget=_number_input(schema, "1"), **common)
    if kind == "number":
        return forms.FloatField(widget=_number_input(schema, "any"), **common)
    if kind == "array" and items in {"integer", "string"}:
        field = NumbersField if items == "integer" else WordsField
        return field(**(common | {"initial": default if isinstance(default, list) else ""}))
    if kind == "string":
        longest = schema.get("maxLength", SHORT)
        widget = forms.TextInput() if longest <= SHORT else forms.Textarea(attrs={"rows": 3})
        return forms.CharField(max_length=longest, widget=widget, **common)
    return TreeField(**(common | {"initial": _plain(default)}))


def _rows(model: type[BaseModel], name: str, schema: dict[str, Any], default: Any) -> forms.Field | None:
    """A table for a list of settings that have settings of their own; None for anything else."""
    inside = _inside(model, name)
    if schema.get("type") != "array" or inside is None:
        return None
    if set(inside.model_fields) == {"key", "label"}:
        help_text = gettext("One a line: what is shown, or “key: what is shown”.")
        return LinesField(
            label=gettext(model.model_fields[name].title or name.capitalize()), help_text=help_text, required=False
        )
    return RowsField(
        columns=form_fields(inside),
        # What needs several rows has room for more than those.
        spare=3 * schema["minItems"] if schema.get("minItems", 0) > 1 else SPARE,
        label=_called(model, name),
        help_text=gettext(description) if (description := schema.get("description", "")) else "",
        initial=_plain(default) if isinstance(default, list | tuple) else [],
        required=False,
    )


def _plain(value: Any) -> Any:
    """A default as JSON would have it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _number_input(schema: dict[str, Any], step: str) -> forms.NumberInput:
    bounds = {"min": schema.get("minimum"), "max": schema.get("maximum"), "step": step}
    return forms.NumberInput(attrs={key: value for key, value in bounds.items() if value is not None})


class WordsField(forms.CharField):
    """Texts with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        return [part.strip() for part in super().clean(value).split(",") if part.strip()]


class NumbersField(WordsField):
    """Whole numbers with commas between them."""

    def clean(self, value: Any) -> list[int]:
        try:
            return [int(part) for part in super().clean(value)]
        except ValueError as fault:
            raise forms.ValidationError(_("Give whole numbers with commas between them, e.g. 1, 2.")) from fault


class TreeField(forms.CharField):
    """A setting with settings of its own, as JSON."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False, indent=1)

    def clean(self, value: Any) -> Any:
        written = super().clean(value)
        try:
            return text.loads(written) if written.strip() else ""
        except ValueError as fault:
            raise forms.ValidationError(_("This cannot be read: %(why)s.") % {"why": said(str(fault))}) from fault
