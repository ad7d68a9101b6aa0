"""The form builder: what an admin sees and posts of a form, and the fields that it stands for.

The page posts all it shows each time, so that adding, moving and removing a question need no script and store nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.protocols import PROTOCOLS, Value, default_config, full_config, protocol
from annotation.services.forms import FIELDS_LIMIT, HELP_LIMIT, LABEL_LIMIT
from common import configs
from common.errors import Invalid
from common.text import natural

CONFIG = "config-"
BEYOND = 1000
"""Past any place of a form."""
ADD, UP, DOWN, REMOVE = "add", "up", "down", "remove"


class Settings(forms.Form):
    """One question of the form: how it is called, and the settings of its protocol."""

    name = forms.CharField(widget=forms.HiddenInput, max_length=40)
    protocol = forms.CharField(widget=forms.HiddenInput, max_length=40)
    label = forms.CharField(
        label=_("Heading"),
        max_length=LABEL_LIMIT,
        required=False,
        help_text=_("Empty: what the question is called here."),
    )
    help = forms.CharField(label=_("Explanation"), max_length=HELP_LIMIT, required=False)
    required = forms.BooleanField(label=_("An answer is required"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, key: str, field: Value | None = None, **kwargs: Any
    ) -> None:
        """`field`: what is shown, where nothing was posted."""
        super().__init__(data, **kwargs)
        self.plug, self.field = protocol(key), field
        for name, asked in configs.form_fields(self.plug.Config).items():
            self.fields[CONFIG + name] = asked

    @property
    def title(self) -> str:
        return str(self.plug.title)

    @property
    def common(self) -> list[forms.BoundField]:
        return [self["label"], self["help"], self["required"]]

    @property
    def own(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(CONFIG)]

    def as_field(self) -> Value:
        """The field as the service takes it; what cannot be read is left for the service to refuse."""
        if self.field is not None:
            return self.field
        self.is_valid()
        cleaned = self.cleaned_data
        mine = {name.removeprefix(CONFIG): value for name, value in cleaned.items() if name.startswith(CONFIG)}
        return {
            "name": cleaned.get("name", ""),
            "protocol": self.plug.key,
            "label": cleaned.get("label", ""),
            "help": cleaned.get("help", ""),
            "required": cleaned.get("required", False),
            "config": configs.read(self.plug.Config, mine),
        }


class Builder:
    """The questions of a form, in order, as an admin works on them."""

    def __init__(self, questions: Sequence[Settings]) -> None:
        self.questions = list(questions)

    @classmethod
    def of(cls, fields: Sequence[Value]) -> "Builder":
        """What is in force, or any other list of fields."""
        return cls([_settings(place, field) for place, field in enumerate(fields)])

    @classmethod
    def posted(cls, data: QueryDict) -> "Builder":
        """What the page posted, changed by the button that was pressed (`do`: "add:ranking", "up:2", …).

        Raises Invalid for a protocol that there is not.
        """
        count = _place(data.get("count", "0"))
        places = range(min(count, FIELDS_LIMIT) if count < BEYOND else 0)
        made = [Settings(data, prefix=str(place), key=data.get(f"{place}-protocol", "")) for place in places]
        action, _colon, what = data.get("do", "").partition(":")
        if not action:
            return cls(made)
        return cls.of(_changed([one.as_field() for one in made], action, what))

    @property
    def fields(self) -> list[Value]:
        return [one.as_field() for one in self.questions]

    def is_valid(self) -> bool:
        # Every one is asked, so that all faults show at once.
        return [one.is_valid() for one in self.questions].count(False) == 0

    def add_faults(self, fault: Invalid) -> list[str]:
        """Puts the service's faults, named "<place>.<setting>…", where they belong; returns those of no question."""
        rest = [] if fault.fields else [fault.detail]
        for where, texts in fault.fields.items():
            place, _dot, setting = where.partition(".")
            if _place(place) >= len(self.questions):
                rest += texts
                continue
            question = self.questions[_place(place)]
            name = CONFIG + setting.partition(".")[0]
            for text in texts:
                question.add_error(name if name in question.fields else None, text)
        return rest


def _place(text: str) -> int:
    """A number as posted; BEYOND where it is none that a form could have."""
    number = natural(text, 3)
    return BEYOND if number is None else number


def _settings(place: int, field: Value) -> Settings:
    config = configs.initial(protocol(field["protocol"]).Config, full_config(field))
    start = {name: field.get(name, "") for name in ("name", "protocol", "label", "help")}
    start["required"] = field.get("required", True)
    return Settings(
        key=field["protocol"],
        field=field,
        prefix=str(place),
        initial=start | {CONFIG + name: value for name, value in config.items()},
    )


# Under these names a configuration holds what raters read.
SPOKEN = {"name", "label", "description", "low", "high"}


def spoken(config: Any) -> Any:
    """A default configuration with its words in the language of now: from here on they are the project's own."""
    if isinstance(config, list):
        return [spoken(one) for one in config]
    if not isinstance(config, dict):
        return config
    return {
        key: gettext(value) if key in SPOKEN and value and isinstance(value, str) else spoken(value)
        for key, value in config.items()
    }


def _changed(fields: list[Value], action: str, what: str) -> list[Value]:
    if action == ADD:
        key = protocol(what).key
        return [*fields, {"name": _free_name(key, fields), "protocol": key, "config": spoken(default_config(key))}]
    place = _place(what)
    if place >= len(fields):
        return fields
    one = fields.pop(place)
    if action != REMOVE:
        fields.insert(max(0, place + (-1 if action == UP else 1)), one)
    return fields


def _free_name(key: str, fields: Sequence[Value]) -> str:
    taken = {field["name"] for field in fields}
    wanted = (key if number == 1 else f"{key}_{number}" for number in range(1, FIELDS_LIMIT + 2))
    return next(name for name in wanted if name not in taken)


def offered() -> list[tuple[str, str]]:
    """(key, title) of every protocol, by title."""
    return sorted(((key, str(protocol(key).title)) for key in PROTOCOLS), key=lambda one: one[1])


def described(fields: Sequence[Value]) -> list[str]:
    """Each field of a form in one line, e.g. "Comparison of two responses: Points of the scale 7, …"."""
    lines = []
    for field in fields:
        plug = protocol(field["protocol"])
        settings = ", ".join(f"{name} {value}" for name, value in configs.described(plug.Config, full_config(field)))
        required = "" if field.get("required", True) else " " + gettext("(optional)")
        lines.append(f"{field.get('label') or plug.title}{required}: {settings}")
    return lines
