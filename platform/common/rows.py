"""A list of small settings as a table to fill in: one row each, one column a setting."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext

SPARE = 2
"""Empty rows after those in use: to fill in without any script."""
MOST = 100


class RowsWidget(forms.Widget):
    """Draws the rows; posts `<name>-<row>-<column>`. What no row fills is not posted."""

    template_name = "common/rows.html"

    def __init__(self, columns: Mapping[str, forms.Field], label: Any = "", spare: int = SPARE) -> None:
        super().__init__()
        self.columns, self.label, self.spare = columns, label, spare

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        # By the project's own templates: the renderer of forms looks only into Django's.
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        rows = list(value or [])
        context["label"] = self.label
        context["heads"] = [field.label for field in self.columns.values()]
        context["rows"] = [self._cells(name, number, row) for number, row in enumerate([*rows, *[{}] * self.spare])]
        return context

    def _cells(self, name: str, number: int, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        cells = []
        for key, field in self.columns.items():
            value = field.prepare_value(row.get(key, field.initial if not row else None))
            attributes = {"aria-label": f"{field.label} {number + 1}"}
            if not row and not isinstance(field, forms.BooleanField | forms.ChoiceField):
                value = None
            cells.append({"html": field.widget.render(f"{name}-{number}-{key}", value, attributes)})
        return cells

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, Any]] | None:
        """The rows in use; None where the table was not posted at all."""
        found = re.compile(re.escape(name) + r"-(\d{1,3})-")
        numbers = sorted({int(match[1]) for key in data if (match := found.match(key))})
        if not numbers:
            return None
        rows = []
        for number in numbers[:MOST]:
            row = {
                key: field.widget.value_from_datadict(data, files, f"{name}-{number}-{key}")
                for key, field in self.columns.items()
            }
            if any(row[key] not in (None, "") for key, field in self.columns.items() if _is_written(field)):
                rows.append(row)
        return rows

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


def _is_written(field: forms.Field) -> bool:
    """Whether a row is in use where this column is filled: a choice or a tick has a value in an empty row as well."""
    return not isinstance(field, forms.BooleanField | forms.ChoiceField)


class RowsField(forms.Field):
    """A list of objects. A `key` that was left blank is made of the row's `name` or `label`."""

    def __init__(self, *, columns: Mapping[str, forms.Field], spare: int = SPARE, **kwargs: Any) -> None:
        self.columns = columns
        super().__init__(widget=RowsWidget(self.columns, kwargs.get("label", ""), spare), **kwargs)

    def clean(self, value: Any) -> list[dict[str, Any]] | None:
        if value is None:
            return None
        rows, faults = [], []
        for number, raw in enumerate(value, start=1):
            row = {}
            named = raw.get("name") or raw.get("label")
            if "key" in self.columns and not raw.get("key") and named:
                raw = raw | {"key": key_of(named, number)}
            for key, field in self.columns.items():
                try:
                    cleaned = field.clean(raw.get(key))
                except ValidationError as fault:
                    told = {"row": number, "column": field.label, "fault": " ".join(fault.messages)}
                    faults.append(gettext("Row %(row)d, %(column)s: %(fault)s") % told)
                    continue
                if cleaned not in (None, "") or isinstance(field, forms.BooleanField):
                    row[key] = cleaned
            rows.append(row)
        if faults:
            raise ValidationError(faults)
        return rows


class LinesField(forms.CharField):
    """A short list of objects of a key and a label, one a line: "key: label", or the label alone."""

    widget = forms.Textarea(attrs={"rows": 2})

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return "\n".join(f"{one['key']}: {one['label']}" for one in value)

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        return [_keyed(line, number) for number, line in enumerate(lines, start=1)]


def _keyed(line: str, number: int) -> dict[str, str]:
    key, colon, label = line.partition(":")
    if colon and label.strip() and re.fullmatch(r"[a-z][a-z0-9_]*", key.strip()):
        return {"key": key.strip(), "label": label.strip()}
    return {"key": key_of(line, number), "label": line}


def key_of(name: str, number: int) -> str:
    """A key for a name: its Latin letters and digits in lower case; else "row_<number>"."""
    found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    return found if re.match(r"[a-z]", found) else f"row_{number}"
